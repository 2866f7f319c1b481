//! Guessing counters: one statement counts and answers.

use std::collections::{BTreeMap, HashMap};

use deadpool_postgres::{GenericClient, Object};
use tokio_postgres::Row;

use super::super::{Attempt, Counted, Hash, StoreError, WriteError};
use super::Postgres;
use super::row::{self, get};

/// In the order of the keys, in which everybody locks them.
const COUNT: &str = "INSERT INTO attempt (key, count, window_ends_at)
    SELECT given.key, 1, $2::bigint + given.span FROM unnest($1::bytea[], $3::bigint[]) AS given (key, span)
     ORDER BY given.key
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN attempt.window_ends_at <= $2 THEN 1 ELSE attempt.count + 1 END,
        window_ends_at = CASE WHEN attempt.window_ends_at <= $2 THEN excluded.window_ends_at
            ELSE attempt.window_ends_at END
    RETURNING key, count, window_ends_at";
const READ: &str =
    "SELECT key, count, window_ends_at FROM attempt WHERE key = ANY($1) AND window_ends_at > $2";
const FORGET: &str = "DELETE FROM attempt WHERE key IN
    (SELECT key FROM attempt WHERE key = ANY($1) ORDER BY key FOR UPDATE)";

impl Postgres {
    pub async fn count_attempts(
        &self,
        attempts: Vec<Attempt>,
        now: i64,
    ) -> Result<Vec<Counted>, WriteError> {
        self.ask(move |client| Box::pin(async move { count(client, &attempts, now).await }))
            .await
    }

    pub async fn attempts(&self, keys: Vec<Hash>, now: i64) -> Result<Vec<Counted>, StoreError> {
        self.ask(move |client| {
            Box::pin(async move {
                let rows = row::all(client, READ, &[&slices(&keys), &now]).await?;
                let found = by_key(&rows)?;
                let none = Counted {
                    count: 0,
                    window_ends_at: now,
                };
                Ok(keys
                    .iter()
                    .map(|key| found.get(key).copied().unwrap_or(none))
                    .collect())
            })
        })
        .await
    }

    pub async fn forget_attempts(&self, keys: Vec<Hash>) -> Result<(), WriteError> {
        self.ask(move |client| Box::pin(async move { forget(client, &keys).await }))
            .await
    }
}

/// A statement counts each key once, so that the second of a key twice given waits for the next statement.
async fn count(
    client: &Object,
    attempts: &[Attempt],
    now: i64,
) -> Result<Vec<Counted>, WriteError> {
    let mut counted: Vec<Option<Counted>> = vec![None; attempts.len()];
    while counted.iter().any(Option::is_none) {
        let mut turn = BTreeMap::new();
        for (index, attempt) in attempts.iter().enumerate() {
            if counted[index].is_none() {
                turn.entry(attempt.key).or_insert((index, attempt.window));
            }
        }
        let keys: Vec<&[u8]> = turn.keys().map(Hash::as_slice).collect();
        let spans: Vec<i64> = turn.values().map(|(_, span)| *span).collect();
        let rows = row::all(client, COUNT, &[&keys, &now, &spans]).await?;
        for (key, found) in by_key(&rows)? {
            if let Some((index, _)) = turn.get(&key) {
                counted[*index] = Some(found);
            }
        }
        if rows.len() < turn.len() {
            return Err(StoreError::Corrupt("a counter that was not counted").into());
        }
    }
    Ok(counted.into_iter().flatten().collect())
}

pub(super) async fn forget(client: &impl GenericClient, keys: &[Hash]) -> Result<(), WriteError> {
    if !keys.is_empty() {
        row::run(client, FORGET, &[&slices(keys)]).await?;
    }
    Ok(())
}

fn slices(keys: &[Hash]) -> Vec<&[u8]> {
    keys.iter().map(Hash::as_slice).collect()
}

fn by_key(rows: &[Row]) -> Result<HashMap<Hash, Counted>, StoreError> {
    rows.iter()
        .map(|row| {
            let counted = Counted {
                count: get::<i64>(row, 1)?.cast_unsigned(),
                window_ends_at: get(row, 2)?,
            };
            Ok((row::bytes(get(row, 0)?)?, counted))
        })
        .collect()
}
