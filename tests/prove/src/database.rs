//! The server's database seen from outside: read, and its write lock held.

use std::path::Path;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

/// A reader of the server's database; every call reads the latest commit.
#[derive(Debug)]
pub struct Database(Connection);

impl Database {
    /// Opens the file for reading only.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        Ok(Self(connection))
    }

    fn count(&self, sql: &str, values: impl rusqlite::Params) -> anyhow::Result<u64> {
        let mut statement = self.0.prepare_cached(sql)?;
        let count: i64 = statement.query_row(values, |row| row.get(0))?;
        Ok(u64::try_from(count)?)
    }

    /// How many sessions of an account live.
    pub fn living_sessions(&self, account: &str) -> anyhow::Result<u64> {
        let sql = "SELECT count(*) FROM session WHERE account_id = ?1 AND ended_at IS NULL";
        self.count(sql, [account])
    }

    /// How many sessions there are with this refresh token as the head of their chain, living or not.
    pub fn heads(&self, refresh_token: &str) -> anyhow::Result<u64> {
        self.count(
            "SELECT count(*) FROM session WHERE token_hash = ?1",
            params![hash(refresh_token)],
        )
    }

    /// Whether this refresh token was consumed.
    pub fn is_spent(&self, refresh_token: &str) -> anyhow::Result<bool> {
        let found = self.count(
            "SELECT count(*) FROM spent WHERE hash = ?1",
            params![hash(refresh_token)],
        )?;
        Ok(found == 1)
    }

    /// How many tokens of a session were consumed.
    pub fn spent_of(&self, session: &str) -> anyhow::Result<u64> {
        self.count(
            "SELECT count(*) FROM spent WHERE session_id = ?1",
            [session],
        )
    }

    /// Whether a session lives; `None` where there is none.
    pub fn lives(&self, session: &str) -> anyhow::Result<Option<bool>> {
        let sql = "SELECT ended_at IS NULL FROM session WHERE id = ?1";
        let mut statement = self.0.prepare_cached(sql)?;
        Ok(statement
            .query_row([session], |row| row.get(0))
            .optional()?)
    }

    /// An account's present generation.
    pub fn generation(&self, account: &str) -> anyhow::Result<u64> {
        self.count("SELECT generation FROM account WHERE id = ?1", [account])
    }

    /// Whether there is an account with this username.
    pub fn has_account(&self, name: &str) -> anyhow::Result<bool> {
        Ok(self.count("SELECT count(*) FROM account WHERE username = ?1", [name])? == 1)
    }

    /// What `PRAGMA integrity_check` says about the file; `ok` where it is whole.
    pub fn integrity(&self) -> anyhow::Result<String> {
        Ok(self
            .0
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))?)
    }
}

/// What the store keeps of a refresh token.
fn hash(refresh_token: &str) -> Vec<u8> {
    digest(&SHA256, refresh_token.as_bytes()).as_ref().to_vec()
}

/// The database's write lock, held from a second connection: every write of the server waits for its release.
#[derive(Debug)]
pub struct WriteLock(Connection);

impl WriteLock {
    /// Opens the connection; holds nothing yet.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(Duration::from_secs(20))?;
        Ok(Self(connection))
    }

    /// Takes the lock.
    pub fn hold(&self) -> anyhow::Result<()> {
        Ok(self.0.execute_batch("BEGIN IMMEDIATE")?)
    }

    /// Gives it back; nothing was written.
    pub fn release(&self) -> anyhow::Result<()> {
        Ok(self.0.execute_batch("ROLLBACK")?)
    }
}
