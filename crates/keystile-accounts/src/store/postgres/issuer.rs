//! The issuer that this database's servers have.

use deadpool_postgres::GenericClient;

use super::super::{StoreError, WriteError};
use super::Postgres;
use super::row::{self, get};

const ISSUER: &str = "SELECT value FROM meta WHERE name = 'issuer'";
const INSERT: &str =
    "INSERT INTO meta (name, value) VALUES ('issuer', $1) ON CONFLICT (name) DO NOTHING";
const REPLACE: &str = "UPDATE meta SET value = $2 WHERE name = 'issuer' AND value = $1";

impl Postgres {
    pub async fn issuer_or_insert(&self, candidate: &str) -> Result<String, WriteError> {
        let candidate = candidate.to_owned();
        self.ask(move |client| {
            Box::pin(async move {
                if let Some(known) = known(client).await? {
                    return Ok(known);
                }
                // Of two nodes that start together one inserts, and the other reads that.
                row::run(client, INSERT, &[&candidate]).await?;
                known(client).await?.ok_or(WriteError::NotFound)
            })
        })
        .await
    }

    pub async fn replace_issuer(&self, known: &str, by: &str) -> Result<bool, WriteError> {
        let (known, by) = (known.to_owned(), by.to_owned());
        self.ask(move |client| {
            Box::pin(async move { Ok(row::run(client, REPLACE, &[&known, &by]).await? > 0) })
        })
        .await
    }
}

/// What a server said last; `None` where none has said it.
pub(super) async fn known(client: &impl GenericClient) -> Result<Option<String>, StoreError> {
    let found = row::optional(client, ISSUER, &[]).await?;
    found.map(|row| get(&row, 0)).transpose()
}
