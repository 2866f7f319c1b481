//! A backup of a database that may be in use, and a restore. For SQLite; PostgreSQL has its own means.

use std::path::{Path, PathBuf};
use std::time::Duration;

use keystile::{Clock, Timestamp};

use crate::accounts::Accounts;
use crate::engine::{LEEWAY, millis};
use crate::error::Fault;
use crate::store::{self, CopyError, Restoration, Store, Watch};
pub use crate::store::{Progress, Stop, Trusted, Undone};

/// A backup that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backup {
    /// When.
    pub taken_at: Timestamp,
    /// Size of the file.
    pub bytes: u64,
    /// Schema version of the database in it.
    pub schema: i64,
    /// Accounts in it.
    pub accounts: u64,
    /// Sessions in it that have not been ended; some may have expired.
    pub sessions: u64,
}

/// A restore to make.
#[derive(Clone, Debug)]
pub struct Restore {
    trusted: Trusted,
    token_lifetime: Duration,
    clock: Clock,
}

/// A restore that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// When the backup was taken, where it says so.
    pub taken_at: Option<Timestamp>,
    /// Where the former database is now, if there was one.
    pub replaced: Option<PathBuf>,
    /// Accounts in it.
    pub accounts: u64,
    /// Sessions that were ended, or that go on where everything is trusted.
    pub sessions: u64,
    /// Keys that were withdrawn.
    pub keys_withdrawn: u64,
    /// What the former database knew that is undone now; `None` where it cannot be told.
    pub undone: Option<Undone>,
}

impl Default for Restore {
    fn default() -> Self {
        Self {
            trusted: Trusted::default(),
            token_lifetime: Duration::from_secs(15 * 60),
            clock: Clock::system(),
        }
    }
}

impl Restore {
    /// What to go on trusting; nothing by default.
    #[must_use]
    pub fn trusted(mut self, trusted: Trusted) -> Self {
        self.trusted = trusted;
        self
    }

    /// The longest life of an access token that was handed out before; 15 minutes by default.
    #[must_use]
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// The clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

/// Backups and restores. They block: call them from a thread that may.
impl Accounts {
    /// Copies a database, which a server may have in use, to a file that is not there yet (mode 0600). The file has its name
    /// only once it is whole, checked and on disk. No writer waits for it.
    ///
    /// The copy holds what the database holds, its signing keys too: guard it as you guard that.
    ///
    /// # Errors
    /// The file is there already (`file_exists`), there is no database (`no_database`) or it is not whole (`not_whole`), the
    /// disk is full (`store_full`), it was asked to stop (`stopped`). Nothing is left behind.
    pub fn backup(
        url: &str,
        file: &Path,
        clock: &Clock,
        stop: &Stop,
        told: &mut dyn FnMut(Progress),
    ) -> Result<Backup, Fault> {
        let now = clock.now();
        let mut watch = Watch {
            stop: stop.clone(),
            told,
        };
        let copied = Store::backup(url, file, now.as_millis(), &mut watch)?;
        Ok(Backup {
            taken_at: now,
            bytes: copied.bytes,
            schema: copied.schema,
            accounts: copied.accounts,
            sessions: copied.sessions,
        })
    }

    /// Puts a backup in the place of a database, or makes a database of it where there is none. All of it or nothing; the
    /// former database is kept beside it under a name with the date. An older schema is brought to this version.
    ///
    /// # Errors
    /// A server runs on it (`server_running`), another process has it open (`database_in_use`), the file is no whole
    /// database of Keystile's (`not_whole`), or a newer program made it (`too_new`). Everything is as it was then.
    pub fn restore(
        url: &str,
        file: &Path,
        how: &Restore,
        stop: &Stop,
        told: &mut dyn FnMut(Progress),
    ) -> Result<Restored, Fault> {
        let now = how.clock.now().as_millis();
        let life = millis(how.token_lifetime.saturating_add(LEEWAY));
        let restoration = Restoration {
            trusted: how.trusted,
            now,
            revoked_until: now.saturating_add(life),
        };
        let mut watch = Watch {
            stop: stop.clone(),
            told,
        };
        Ok(public(Store::restore(url, file, restoration, &mut watch)?))
    }
}

impl Accounts {
    /// What follows a restore by other means than [`Accounts::restore`] (`pg_restore`, a base backup, a failover that lost
    /// writes, a snapshot of the disk): in one transaction every session is ended, every account's generation raised, the
    /// store's signing keys withdrawn and the list of revocations given a new name, as far as not trusted; then a new key
    /// signs. Processes that run on the database feel it as any other act; do it before they start all the same, since until
    /// then what was ended is good again.
    pub async fn begin_anew(&self, trusted: Trusted) -> Result<Restored, Fault> {
        let engine = self.engine();
        let act = engine.act(None, engine.now());
        let how = Restoration {
            trusted,
            now: act.now,
            revoked_until: act.revoked_until,
        };
        let done = engine.store.begin_anew(how).await?;
        engine.key_ring.sign_again(&engine.store, &act).await?;
        self.reload_keys().await?;
        Ok(public(done))
    }
}

fn public(done: store::Restored) -> Restored {
    Restored {
        taken_at: done.taken_at.map(Timestamp::from_millis),
        replaced: done.replaced,
        accounts: done.accounts,
        sessions: done.sessions,
        keys_withdrawn: done.keys_withdrawn,
        undone: done.undone,
    }
}

impl From<CopyError> for Fault {
    fn from(error: CopyError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
