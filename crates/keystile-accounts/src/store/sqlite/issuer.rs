//! The issuer that this database's servers have.

use rusqlite::{Connection, OptionalExtension};

use super::super::{StoreError, WriteError};
use super::Sqlite;

const ISSUER: &str = "SELECT value FROM meta WHERE name = 'issuer'";
const INSERT: &str =
    "INSERT INTO meta (name, value) VALUES ('issuer', ?1) ON CONFLICT (name) DO NOTHING";
const REPLACE: &str = "UPDATE meta SET value = ?2 WHERE name = 'issuer' AND value = ?1";

impl Sqlite {
    pub async fn issuer_or_insert(&self, candidate: &str) -> Result<String, WriteError> {
        // Asked first: usually it is there, and a start waits for no disk.
        if let Some(known) = self.read(known).await? {
            return Ok(known);
        }
        let candidate = candidate.to_owned();
        self.write(move |work| {
            work.run(INSERT, [&candidate])?;
            known(work)?.ok_or(WriteError::NotFound)
        })
        .await
    }

    pub async fn replace_issuer(&self, known: &str, by: &str) -> Result<bool, WriteError> {
        let (known, by) = (known.to_owned(), by.to_owned());
        self.write(move |work| Ok(work.run(REPLACE, (&known, &by))? > 0))
            .await
    }
}

/// What a server said last; `None` where none has said it.
pub(super) fn known(connection: &Connection) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached(ISSUER)?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}
