//! Secrets that all nodes share.

use super::super::WriteError;
use super::Postgres;
use super::row::{self, get};

const INSERT_SECRET: &str =
    "INSERT INTO shared_secret (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
const SECRET: &str = "SELECT value FROM shared_secret WHERE name = $1";

impl Postgres {
    pub async fn shared_secret(
        &self,
        name: &str,
        candidate: [u8; 32],
    ) -> Result<[u8; 32], WriteError> {
        let name = name.to_owned();
        self.ask(move |client| {
            Box::pin(async move {
                row::run(client, INSERT_SECRET, &[&name, &candidate.as_slice()]).await?;
                let row = row::optional(client, SECRET, &[&name]).await?;
                let row = row.ok_or(WriteError::NotFound)?;
                Ok(row::bytes(get(&row, 0)?)?)
            })
        })
        .await
    }
}
