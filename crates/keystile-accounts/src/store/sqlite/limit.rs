//! Guessing counters: one statement counts and answers.

use rusqlite::{OptionalExtension, Row};

use super::super::{Attempt, Counted, Hash, StoreError, WriteError};
use super::{Sqlite, Work};

const COUNT: &str = "INSERT INTO attempt (key, count, window_ends_at) VALUES (?1, 1, ?2 + ?3)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN window_ends_at <= ?2 THEN 1 ELSE count + 1 END,
        window_ends_at = CASE WHEN window_ends_at <= ?2 THEN ?2 + ?3 ELSE window_ends_at END
    RETURNING count, window_ends_at";
const READ: &str =
    "SELECT count, window_ends_at FROM attempt WHERE key = ?1 AND window_ends_at > ?2";
const FORGET: &str = "DELETE FROM attempt WHERE key = ?1";

impl Sqlite {
    pub async fn count_attempts(
        &self,
        attempts: Vec<Attempt>,
        now: i64,
    ) -> Result<Vec<Counted>, WriteError> {
        self.write(move |work| {
            let mut statement = work.prepare_cached(COUNT)?;
            let mut counted = Vec::with_capacity(attempts.len());
            for Attempt { key, window } in &attempts {
                counted.push(statement.query_row((key, now, window), from_row)?);
            }
            Ok(counted)
        })
        .await
    }

    pub async fn attempts(&self, keys: Vec<Hash>, now: i64) -> Result<Vec<Counted>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(READ)?;
            let mut counted = Vec::with_capacity(keys.len());
            for key in &keys {
                let found = statement.query_row((key, now), from_row).optional()?;
                counted.push(found.unwrap_or(Counted {
                    count: 0,
                    window_ends_at: now,
                }));
            }
            Ok(counted)
        })
        .await
    }

    pub async fn forget_attempts(&self, keys: Vec<Hash>) -> Result<(), WriteError> {
        self.write(move |work| forget(work, &keys)).await
    }
}

pub(super) fn forget(work: &Work<'_>, keys: &[Hash]) -> Result<(), WriteError> {
    for key in keys {
        work.run(FORGET, [key])?;
    }
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Counted> {
    Ok(Counted {
        count: row.get::<_, i64>(0)?.cast_unsigned(),
        window_ends_at: row.get(1)?,
    })
}
