//! A shop with accounts: what every test here begins with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use keystile::{Clock, Random, Timestamp};
use keystile_accounts::{
    Account, Accounts, Builder, Caller, GuessLimits, Hashing, SignIn, SignUp, SignedIn,
};
use keystile_tests_postgres::{Database, Server};
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const OTHER: &str = "vexing copper kettle drum";

pub(crate) struct Shop {
    pub(crate) accounts: Accounts,
    pub(crate) clock: Clock,
    pub(crate) folder: TempDir,
}

/// These tests are built twice: `flows` runs them on SQLite, `flows_on_postgres` on PostgreSQL, where that is installed.
pub(crate) fn on_postgres() -> bool {
    env!("CARGO_CRATE_NAME") == "flows_on_postgres" && Server::shared().is_some()
}

/// The PostgreSQL database that stands for a folder.
fn database<T>(folder: &Path, ask: impl FnOnce(&Database) -> T) -> T {
    static OF_FOLDERS: Mutex<BTreeMap<PathBuf, Database>> = Mutex::new(BTreeMap::new());
    let server = Server::shared().expect("it was there before");
    let mut databases = OF_FOLDERS.lock().unwrap();
    ask(databases
        .entry(folder.to_owned())
        .or_insert_with(|| server.database()))
}

/// The database of a folder: in it, or standing for it.
pub(crate) fn url(folder: &Path) -> String {
    if on_postgres() {
        return database(folder, Database::url);
    }
    format!("sqlite://{}", folder.join("shop.db").display())
}

/// Runs a statement past the engine; the text that it answers, if any.
pub(crate) fn sql(folder: &Path, statement: &str) -> String {
    if on_postgres() {
        return database(folder, |database| database.sql(statement));
    }
    let database = rusqlite::Connection::open(folder.join("shop.db")).unwrap();
    let mut statement = database.prepare(statement).unwrap();
    if statement.column_count() == 0 {
        statement.execute([]).unwrap();
        return String::new();
    }
    statement.query_row([], |row| row.get(0)).unwrap()
}

/// Hashes that cost next to nothing, a clock that stands still, no limits on guessing.
pub(crate) fn options(folder: &Path, clock: &Clock) -> Builder {
    Accounts::builder(&url(folder))
        .clock(clock.clone())
        .random(Random::system())
        .hashing(Hashing::default().cost(64, 1, 1).threads(2))
        .guess_limits(GuessLimits::off())
}

pub(crate) fn clock() -> Clock {
    Clock::manual(Timestamp::from_seconds(1_900_000_000))
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(change: impl FnOnce(Builder) -> Builder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = clock();
        let accounts = change(options(folder.path(), &clock)).open().await.unwrap();
        Self {
            accounts,
            clock,
            folder,
        }
    }

    /// The same database, opened by another process as it were.
    pub(crate) async fn beside(&self) -> Accounts {
        options(self.folder.path(), &self.clock)
            .open()
            .await
            .unwrap()
    }

    pub(crate) async fn ada(&self) -> Account {
        let request = SignUp::username("ada")
            .email("Ada@Example.org")
            .password(PASSWORD);
        self.accounts.sign_up(request).await.unwrap()
    }

    pub(crate) async fn sign_in(&self) -> SignedIn {
        self.accounts.sign_in(ada_signs_in()).await.unwrap()
    }

    pub(crate) fn turn(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The code of the guard's refusal; `None` where the token passes.
    pub(crate) fn refused(&self, token: &str) -> Option<&'static str> {
        refused_by(&self.accounts, token)
    }
}

pub(crate) fn refused_by(accounts: &Accounts, token: &str) -> Option<&'static str> {
    accounts
        .guard()
        .verify(token)
        .err()
        .map(|refusal| refusal.code())
}

pub(crate) fn ada_signs_in() -> SignIn {
    SignIn::username("ada").password(PASSWORD)
}

/// Who the bearer of this token is, if the guard lets them pass.
pub(crate) fn caller(accounts: &Accounts, signed_in: &SignedIn) -> Caller {
    let verified = accounts.guard().verify(&signed_in.access_token).unwrap();
    Caller::from_claims(verified.claims()).unwrap()
}

/// Waits for what another thread or task brings about.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}
