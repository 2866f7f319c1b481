//! Guessing counters: each step is decided by one statement.

use std::collections::{BTreeMap, HashMap};

use deadpool_postgres::{GenericClient, Object};
use tokio_postgres::Row;

use super::super::hold::{self, period};
use super::super::{Attempt, Counted, Hash, Held, StoreError, WriteError};
use super::Postgres;
use super::row::{self, Values, get};

/// Lets one more through, while failures and those under way are fewer than `$5`. The window begins with the first failure:
/// until then its end only says how long the row is kept. What is under way means nothing any more once the server has
/// gone: its commit does not wait for the disk. A transaction of its own, always: that holds for all of it.
const ADMIT: &str = "INSERT INTO attempt AS a (key, count, window_ends_at, held, held_before, period)
    SELECT $1::bytea, 0, $2::bigint + $3::bigint, 1, 0, $4::bigint FROM set_config('synchronous_commit', 'off', true)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN a.window_ends_at > $2 THEN a.count ELSE 0 END,
        window_ends_at = CASE WHEN a.window_ends_at > $2 AND a.count > 0 THEN a.window_ends_at
            ELSE excluded.window_ends_at END,
        held = CASE WHEN a.period IN ($4, $4 + 1) THEN a.held + 1 ELSE 1 END,
        held_before = CASE WHEN a.period IN ($4, $4 + 1) THEN a.held_before WHEN a.period = $4 - 1 THEN a.held ELSE 0 END,
        period = CASE WHEN a.period = $4 + 1 THEN a.period ELSE $4 END
     WHERE CASE WHEN a.window_ends_at > $2 THEN a.count ELSE 0 END
         + CASE WHEN a.period IN ($4, $4 + 1) THEN a.held + a.held_before WHEN a.period = $4 - 1 THEN a.held ELSE 0 END
         < $5::bigint
    RETURNING period";
/// Counts a failure on each, in the order of the keys, in which everybody locks them, and gives back the hold of the period
/// that is given, if there is one.
const COUNT: &str = "INSERT INTO attempt AS a (key, count, window_ends_at, period)
    SELECT given.key, 1, $2::bigint + given.span, given.period
      FROM unnest($1::bytea[], $3::bigint[], $4::bigint[]) AS given (key, span, period)
     ORDER BY given.key
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN a.window_ends_at > $2 THEN a.count + 1 ELSE 1 END,
        window_ends_at = CASE WHEN a.window_ends_at > $2 AND a.count > 0 THEN a.window_ends_at
            ELSE excluded.window_ends_at END,
        held = a.held - CASE WHEN a.period = excluded.period AND a.held > 0 THEN 1 ELSE 0 END,
        held_before = a.held_before
            - CASE WHEN a.period = excluded.period + 1 AND a.held_before > 0 THEN 1 ELSE 0 END
    RETURNING key, count, window_ends_at, held, held_before, period";
const READ: &str =
    "SELECT key, count, window_ends_at, held, held_before, period FROM attempt WHERE key = ANY($1)";
/// Gives back a hold, the last thing that the row says; with `$3` the failures are forgotten.
const CLEAR: &str = "DELETE FROM attempt WHERE key = $1 AND ($3 OR count = 0)
    AND held + held_before <= CASE WHEN period IN ($2::bigint, $2 + 1) THEN 1 ELSE 0 END";
/// The same where the row says more.
const GIVE_BACK: &str = "UPDATE attempt SET count = CASE WHEN $3 THEN 0 ELSE count END,
        held = held - CASE WHEN period = $2::bigint AND held > 0 THEN 1 ELSE 0 END,
        held_before = held_before - CASE WHEN period = $2 + 1 AND held_before > 0 THEN 1 ELSE 0 END
     WHERE key = $1";

impl Postgres {
    pub async fn admit_attempt(
        &self,
        attempt: Attempt,
        most: u32,
        now: i64,
    ) -> Result<Option<Held>, WriteError> {
        self.ask(move |client| Box::pin(async move { admit(client, &attempt, most, now).await }))
            .await
    }

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
                let keyed: Vec<&[u8]> = keys.iter().map(Hash::as_slice).collect();
                let rows = row::all(client, READ, &[&keyed]).await?;
                let found = by_key(&rows, now)?;
                let counted = keys.iter().map(|key| found.get(key).copied());
                Ok(counted
                    .map(|found| found.unwrap_or(Counted::none(now)))
                    .collect())
            })
        })
        .await
    }

    pub async fn settle_attempt(&self, held: Held, forget: bool) -> Result<(), WriteError> {
        self.ask(move |client| Box::pin(async move { settle(client, held, forget).await }))
            .await
    }
}

async fn admit(
    client: &Object,
    attempt: &Attempt,
    most: u32,
    now: i64,
) -> Result<Option<Held>, WriteError> {
    let key = attempt.key;
    let values: Values<'_> = &[
        &key.as_slice(),
        &now,
        &attempt.window,
        &period(now),
        &i64::from(most),
    ];
    let Some(row) = row::optional(client, ADMIT, values).await? else {
        return Ok(None);
    };
    let period = get(&row, 0)?;
    Ok(Some(Held { key, period }))
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
                turn.entry(attempt.key).or_insert((index, attempt));
            }
        }
        let keys: Vec<&[u8]> = turn.keys().map(Hash::as_slice).collect();
        let spans: Vec<i64> = turn.values().map(|(_, given)| given.window).collect();
        let periods: Vec<Option<i64>> = turn.values().map(|(_, given)| given.period).collect();
        let rows = row::all(client, COUNT, &[&keys, &now, &spans, &periods]).await?;
        for (key, found) in by_key(&rows, now)? {
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

/// The row is gone, or others are at it.
pub(super) async fn settle(
    client: &impl GenericClient,
    held: Held,
    forget: bool,
) -> Result<(), WriteError> {
    let values: Values<'_> = &[&held.key.as_slice(), &held.period, &forget];
    if row::run(client, CLEAR, values).await? == 0 {
        row::run(client, GIVE_BACK, values).await?;
    }
    Ok(())
}

fn by_key(rows: &[Row], now: i64) -> Result<HashMap<Hash, Counted>, StoreError> {
    rows.iter()
        .map(|row| {
            let counter = hold::Row {
                count: get(row, 1)?,
                window_ends_at: get(row, 2)?,
                held: get(row, 3)?,
                held_before: get(row, 4)?,
                period: get(row, 5)?,
            };
            Ok((row::bytes(get(row, 0)?)?, counter.at(now)))
        })
        .collect()
}
