//! Accounts, sessions, keys and what is revoked, kept on disk.
//!
//! [`Store`] is one `enum`, one variant per engine, and the macro below is the place that looks which it is. Each engine has
//! its own driver and its own SQL; `tests/store_contract` decides that all keep the same promises. Private to the crate:
//! public only so that the contract suite reaches it.

/// The one place that looks which engine a store is.
macro_rules! on_engine {
    ($self:ident, $store:ident => $call:expr) => {
        match $self {
            Self::Sqlite($store) => $call,
            #[cfg(feature = "postgres")]
            Self::Postgres($store) => $call,
        }
    };
}

mod account;
mod backup;
mod by_url;
mod client;
mod column;
mod error;
mod hold;
mod inspection;
mod key;
mod migration;
mod options;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
mod session;
mod spent;
mod sqlite;
#[cfg(feature = "postgres")]
mod transfer;
mod url;

pub use backup::{
    Copied, CopyError, Progress, Restoration, Restored, Stop, Trusted, Undone, Watch,
};
pub use error::{Field, StoreError, WriteError};
pub use hold::LONGEST_HOLD;
pub use inspection::{DatabaseHost, DatabaseServer, HostState, Inspection, Schema, ServerFacts};
pub use migration::Migration;
pub use options::Options;
#[cfg(feature = "postgres")]
pub use postgres::{MIGRATIONS as POSTGRES_MIGRATIONS, Postgres, migrate as migrate_postgres};
pub use record::*;
pub use sqlite::{MIGRATIONS, ServerLock, Sqlite, Work, inspect, migrate};
#[cfg(feature = "postgres")]
pub use transfer::{MoveError, MovedColumn, Transferred, moved_columns};
pub use url::check_url;

use std::sync::Arc;

use url::Engine;

/// Called with each committed revocation, after the commit and before the write that made it is answered.
pub type OnRevoked = Box<dyn Fn(&[RevocationRecord]) + Send + Sync>;

/// Called when there may be something new.
pub type Hint = Arc<dyn Fn() + Send + Sync>;

/// The store. Clones share it.
#[derive(Clone, Debug)]
pub enum Store {
    /// A file on this machine.
    Sqlite(Sqlite),
    /// A PostgreSQL server, which several nodes may share.
    #[cfg(feature = "postgres")]
    Postgres(Postgres),
}

/// Opening and closing.
impl Store {
    /// Opens `sqlite://path`, or `sqlite::memory:` for a database that is gone with the store: makes the folder (0700) and
    /// the file (0600) where they are missing. Opens `postgres://…`: the database must be there. Applies missing migrations.
    pub async fn open(url: &str, options: Options) -> Result<Self, StoreError> {
        Ok(match url::engine(url)? {
            Engine::Sqlite => Self::Sqlite(Sqlite::open(url, options).await?),
            #[cfg(feature = "postgres")]
            Engine::Postgres => Self::Postgres(Postgres::open(url, options).await?),
        })
    }

    /// Sets what is told of revocations made through this store (not of those that other processes make: poll for those).
    /// Only the first call counts.
    pub fn on_revoked(&self, told: OnRevoked) {
        on_engine!(self, store => store.on_revoked(told));
    }

    /// Lets waiting work finish, then closes. Later calls are answered [`StoreError::Closed`].
    pub async fn close(&self) {
        on_engine!(self, store => store.close().await);
    }

    /// What follows a restore by other means than [`Store::restore`]: ends, raises, withdraws and renames all that
    /// [`Trusted`] does not except, in one transaction, while others may be at work.
    pub async fn begin_anew(&self, how: Restoration) -> Result<Restored, WriteError> {
        on_engine!(self, store => store.begin_anew(how).await)
    }

    /// Whether the database answers, as those who wait for their turn would find it.
    pub async fn ping(&self) -> Result<(), StoreError> {
        on_engine!(self, store => store.ping().await)
    }

    /// The time by the database's own clock, in milliseconds; `None` where the database has none, being on this machine.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(
            clippy::unused_async,
            reason = "a server of the database's is what is waited for"
        )
    )]
    pub async fn clock(&self) -> Result<Option<i64>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(None),
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.clock().await.map(Some),
        }
    }
}

/// Revocations.
impl Store {
    /// Says how long an access token that this process issues may be accepted, in milliseconds, leeway included. The
    /// longest that any process has said counts for every later revocation, whoever writes it; it is never lowered.
    pub async fn remember_token_life(&self, life: i64) -> Result<(), WriteError> {
        on_engine!(self, store => store.remember_token_life(life).await)
    }

    /// The rows after `cursor`, each once, at most `limit` of them.
    pub async fn revocations_after(
        &self,
        cursor: Cursor,
        limit: u32,
    ) -> Result<RevocationPoll, StoreError> {
        on_engine!(self, store => store.revocations_after(cursor, limit).await)
    }

    /// Every row that can still touch a token, and the cursor to go on from, in one snapshot.
    pub async fn revocation_snapshot(&self, now: i64) -> Result<RevocationPoll, StoreError> {
        on_engine!(self, store => store.revocation_snapshot(now).await)
    }

    /// Calls `hint` whenever somebody may have revoked something, at whichever process, for as long as that can be heard;
    /// then it says why not any more. A hint may be lost, or mean nothing: poll all the same. Where only polls tell, this
    /// waits for ever.
    pub async fn hear_of_revocations(&self, hint: Hint) -> StoreError {
        on_engine!(self, store => store.hear_of_revocations(hint).await)
    }

    /// Revokes one token by its `jti`, until it would have expired.
    pub async fn revoke_token(&self, act: Act, token_id: &str) -> Result<(), WriteError> {
        on_engine!(self, store => store.revoke_token(act, token_id).await)
    }
}

/// Guessing counters, the audit, and tidying.
impl Store {
    /// Lets an attempt through if failures and attempts under way together are fewer than `most`: decided by one statement,
    /// whatever other nodes do. What is let through counts as a failure would, until it is settled or, at
    /// [`LONGEST_HOLD`] at the latest, lapses.
    pub async fn admit_attempt(
        &self,
        attempt: Attempt,
        most: u32,
        now: i64,
    ) -> Result<Option<Held>, WriteError> {
        on_engine!(self, store => store.admit_attempt(attempt, most, now).await)
    }

    /// Counts one failure on each key, gives back the holds that they have, and answers each counter, in order.
    pub async fn count_attempts(
        &self,
        attempts: Vec<Attempt>,
        now: i64,
    ) -> Result<Vec<Counted>, WriteError> {
        on_engine!(self, store => store.count_attempts(attempts, now).await)
    }

    /// Reads counters without counting, in order; zero where none runs.
    pub async fn attempts(&self, keys: Vec<Hash>, now: i64) -> Result<Vec<Counted>, StoreError> {
        on_engine!(self, store => store.attempts(keys, now).await)
    }

    /// Gives back an attempt's hold; after a success (`forget`) its counter's failures are forgotten with it.
    pub async fn settle_attempt(&self, held: Held, forget: bool) -> Result<(), WriteError> {
        on_engine!(self, store => store.settle_attempt(held, forget).await)
    }

    /// Writes an audit row for what no other write of the store reports itself.
    pub async fn record_audit(&self, record: AuditRecord) -> Result<(), WriteError> {
        on_engine!(self, store => store.record_audit(record).await)
    }

    /// A page of the audit, newest first; `before` is the former page's `next`.
    pub async fn audit(
        &self,
        account_id: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<AuditRecord>, StoreError> {
        on_engine!(self, store => store.audit(account_id, before, limit).await)
    }

    /// Erases and deletes what has had its time, one bounded batch of each kind; `true` if there may be more.
    pub async fn sweep(&self, sweep: Sweep) -> Result<bool, WriteError> {
        on_engine!(self, store => store.sweep(sweep).await)
    }
}
