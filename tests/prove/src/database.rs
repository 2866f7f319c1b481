//! The servers' database seen from outside.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use aws_lc_rs::digest::{SHA256, digest};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use tokio_postgres::{Client, NoTls};

use crate::engine::{Engine, Place};

/// A reader of the database; every call reads the latest commit.
#[derive(Debug)]
pub enum Database {
    /// SQLite's file, opened for reading only.
    Sqlite(Connection),
    /// A connection of the proof's own.
    Postgres(Client),
}

/// What both drivers take as a statement's value.
trait Value: rusqlite::ToSql + tokio_postgres::types::ToSql + Sync {}
impl<T: rusqlite::ToSql + tokio_postgres::types::ToSql + Sync> Value for T {}

impl Database {
    /// Opens it; a file in `data`, the server's data folder.
    pub async fn open(place: &Place, data: &Path) -> anyhow::Result<Self> {
        if place.engine() == Engine::Sqlite {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(data.join("keystile.db"), flags)?;
            connection.busy_timeout(Duration::from_secs(5))?;
            return Ok(Self::Sqlite(connection));
        }
        Ok(Self::Postgres(connect(&place.url("proof", data)).await?))
    }

    /// The first column of the one row that a statement answers; `None` where it answers none.
    async fn number(&self, sql: &str, value: &impl Value) -> anyhow::Result<Option<i64>> {
        Ok(match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                statement.query_row([value], |row| row.get(0)).optional()?
            }
            Self::Postgres(client) => {
                let row = client.query_opt(sql, &[value]).await?;
                row.map(|row| row.try_get(0)).transpose()?
            }
        })
    }

    async fn count(&self, sql: &str, value: &impl Value) -> anyhow::Result<u64> {
        let found = self.number(sql, value).await?;
        Ok(u64::try_from(found.context("a row that is not there")?)?)
    }

    /// How many sessions of an account live.
    pub async fn living_sessions(&self, account: &str) -> anyhow::Result<u64> {
        let sql = "SELECT count(*) FROM session WHERE account_id = $1 AND ended_at IS NULL";
        self.count(sql, &account).await
    }

    /// How many sessions there are with this refresh token as the head of their chain, living or not.
    pub async fn heads(&self, refresh_token: &str) -> anyhow::Result<u64> {
        let sql = "SELECT count(*) FROM session WHERE token_hash = $1";
        self.count(sql, &hash(refresh_token)).await
    }

    /// Whether this refresh token was consumed.
    pub async fn is_spent(&self, refresh_token: &str) -> anyhow::Result<bool> {
        let sql = "SELECT count(*) FROM spent WHERE hash = $1";
        Ok(self.count(sql, &hash(refresh_token)).await? == 1)
    }

    /// How many tokens of a session were consumed.
    pub async fn spent_of(&self, session: &str) -> anyhow::Result<u64> {
        let sql = "SELECT count(*) FROM spent WHERE session_id = $1";
        self.count(sql, &session).await
    }

    /// Whether a session lives; `None` where there is none.
    pub async fn lives(&self, session: &str) -> anyhow::Result<Option<bool>> {
        let sql = "SELECT CASE WHEN ended_at IS NULL THEN CAST(1 AS bigint) ELSE 0 END FROM session WHERE id = $1";
        Ok(self.number(sql, &session).await?.map(|lives| lives == 1))
    }

    /// An account's present generation.
    pub async fn generation(&self, account: &str) -> anyhow::Result<u64> {
        let sql = "SELECT generation FROM account WHERE id = $1";
        self.count(sql, &account).await
    }

    /// Whether there is an account with this username.
    pub async fn has_account(&self, name: &str) -> anyhow::Result<bool> {
        let sql = "SELECT count(*) FROM account WHERE username = $1";
        Ok(self.count(sql, &name).await? == 1)
    }

    /// What `PRAGMA integrity_check` says about SQLite's file, `ok` where it is whole; `None` on PostgreSQL, which was
    /// not harmed.
    pub fn integrity(&self) -> anyhow::Result<Option<String>> {
        let Self::Sqlite(connection) = self else {
            return Ok(None);
        };
        let said = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        Ok(Some(said))
    }
}

/// A connection to PostgreSQL of the proof's own.
pub async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .context("connecting to the database")?;
    // It ends with the client; what fails on the way, the client's own calls tell.
    tokio::spawn(connection);
    Ok(client)
}

/// What the store keeps of a refresh token.
fn hash(refresh_token: &str) -> Vec<u8> {
    digest(&SHA256, refresh_token.as_bytes()).as_ref().to_vec()
}
