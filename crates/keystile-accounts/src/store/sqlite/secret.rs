//! Secrets that all processes share.

use super::super::WriteError;
use super::Sqlite;

const INSERT_SECRET: &str =
    "INSERT INTO shared_secret (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
const SECRET: &str = "SELECT value FROM shared_secret WHERE name = ?1";

impl Sqlite {
    pub async fn shared_secret(
        &self,
        name: &str,
        candidate: [u8; 32],
    ) -> Result<[u8; 32], WriteError> {
        let name = name.to_owned();
        self.write(move |work| {
            work.run(INSERT_SECRET, (&name, candidate))?;
            Ok(work
                .prepare_cached(SECRET)?
                .query_row([&name], |row| row.get(0))?)
        })
        .await
    }
}
