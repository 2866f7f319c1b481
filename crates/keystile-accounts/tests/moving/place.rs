//! A SQLite database to move, and a PostgreSQL database to move it to.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use keystile::{Clock, Timestamp};
use keystile_accounts::{
    Account, Accounts, Builder, Fault, Hashing, Moved, SignIn, SignUp, SignedIn, Stop,
};
use keystile_tests_postgres::{Database, Server};
use rusqlite::Connection;
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Both ends.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) target: Database,
    pub(crate) clock: Clock,
}

impl Place {
    /// With an empty database at each end. None where PostgreSQL is not installed.
    pub(crate) fn new() -> Option<Self> {
        Some(Self {
            target: Server::shared()?.database(),
            folder: tempfile::tempdir().unwrap(),
            clock: Clock::manual(Timestamp::from_seconds(1_900_000_000)),
        })
    }

    /// With accounts, sessions and more at the source.
    pub(crate) async fn filled() -> Option<Self> {
        let place = Self::new()?;
        let accounts = place.source().open().await.unwrap();
        for name in ["ada", "eve", "joe"] {
            sign_up(&accounts, name).await;
            let signed_in = sign_in(&accounts, name).await;
            accounts.refresh(&signed_in.refresh_token).await.unwrap();
        }
        let eve = accounts.find_account("eve").await.unwrap().unwrap();
        accounts.disable(None, &eve.id).await.unwrap();
        let wrong = SignIn::username("joe").password("wrong");
        let wrong = accounts.sign_in(wrong.from("192.0.2.1".parse().unwrap()));
        assert!(wrong.await.is_err(), "counted");
        accounts.close().await;
        // The readers end by themselves. Whoever is last takes the log in, but two that end at once may each take the other
        // for the last: so this is the last.
        let database = place.folder.path().join("shop.db");
        let log = place.folder.path().join("shop.db-wal");
        let look = || {
            Connection::open(&database)?.query_row("SELECT count(*) FROM account", [], |_| Ok(()))
        };
        until(|| look().is_ok() && !log.exists()).await;
        Some(place)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("shop.db")
    }

    pub(crate) fn from(&self) -> String {
        format!("sqlite://{}", self.path().display())
    }

    pub(crate) fn source(&self) -> Builder {
        self.options(&self.from())
    }

    pub(crate) fn there(&self) -> Builder {
        self.options(&self.target.url())
    }

    fn options(&self, url: &str) -> Builder {
        Accounts::builder(url)
            .clock(self.clock.clone())
            .issuer("https://login.example.com")
            .hashing(Hashing::default().cost(64, 1, 1).threads(2))
    }

    /// Moves, as the command does.
    pub(crate) async fn run(&self) -> Result<Moved, Fault> {
        self.run_to(&self.target.url(), Stop::default()).await
    }

    pub(crate) async fn run_to(&self, to: &str, stop: Stop) -> Result<Moved, Fault> {
        let (from, to, clock) = (self.from(), to.to_owned(), self.clock.clone());
        run(from, to, clock, stop).await
    }

    /// It is refused with this code, nothing is left of it, and the second time it works.
    pub(crate) async fn refused(&self, code: &str) -> Fault {
        let (before, source) = (self.state(), self.files());
        let fault = self.run().await.unwrap_err();
        assert_eq!(fault.code(), code, "{fault}");
        assert_eq!(self.state(), before, "the target is as it was");
        assert_eq!(self.files(), source, "the source is as it was");
        fault
    }

    /// Runs statements on the source, past the engine.
    pub(crate) fn alter(&self, sql: &str) {
        let source = Connection::open(self.path()).unwrap();
        source.execute_batch(sql).unwrap();
    }

    /// All that is in the target: each table of any schema with its rows.
    pub(crate) fn state(&self) -> String {
        let tables = "SELECT coalesce(string_agg(format('SELECT %L, count(*), md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM %I t',
            table_name, table_name), ' UNION ALL ' ORDER BY table_name), '')
            FROM information_schema.tables WHERE table_schema = 'public'";
        match self.target.sql(tables).as_str() {
            "" => String::new(),
            all => self.target.sql(all),
        }
    }

    /// The source's files, with a hash of what is in them.
    pub(crate) fn files(&self) -> BTreeMap<String, u64> {
        contents(self.folder.path())
    }
}

fn contents(folder: &Path) -> BTreeMap<String, u64> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            let mut hash = DefaultHasher::new();
            std::fs::read(entry.path()).unwrap().hash(&mut hash);
            (name, hash.finish())
        })
        .collect()
}

pub(crate) async fn run(
    from: String,
    to: String,
    clock: Clock,
    stop: Stop,
) -> Result<Moved, Fault> {
    let work = move || Accounts::migrate_database(&from, &to, &clock, &stop, &mut |_| {});
    tokio::task::spawn_blocking(work).await.unwrap()
}

pub(crate) async fn sign_up(accounts: &Accounts, name: &str) -> Account {
    let request = SignUp::username(name).password(PASSWORD);
    accounts.sign_up(request).await.unwrap()
}

pub(crate) async fn sign_in(accounts: &Accounts, name: &str) -> SignedIn {
    let request = SignIn::username(name).password(PASSWORD);
    accounts.sign_in(request).await.unwrap()
}

/// Waits for what another thread or process brings about.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("never");
}
