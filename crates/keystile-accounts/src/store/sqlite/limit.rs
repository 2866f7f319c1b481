//! Guessing counters: each step is decided by one statement.

use rusqlite::{OptionalExtension, Row};

use super::super::hold::{self, period};
use super::super::{Attempt, Counted, Hash, Held, StoreError, WriteError};
use super::{Sqlite, Work};

/// Lets one more through, while failures and those under way are fewer than `?5`. The window begins with the first failure:
/// until then its end only says how long the row is kept.
const ADMIT: &str = "INSERT INTO attempt (key, count, window_ends_at, held, held_before, period)
    VALUES (?1, 0, ?2 + ?3, 1, 0, ?4)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN window_ends_at > ?2 THEN count ELSE 0 END,
        window_ends_at = CASE WHEN window_ends_at > ?2 AND count > 0 THEN window_ends_at ELSE ?2 + ?3 END,
        held = CASE WHEN period IN (?4, ?4 + 1) THEN held + 1 ELSE 1 END,
        held_before = CASE WHEN period IN (?4, ?4 + 1) THEN held_before WHEN period = ?4 - 1 THEN held ELSE 0 END,
        period = CASE WHEN period = ?4 + 1 THEN period ELSE ?4 END
     WHERE CASE WHEN window_ends_at > ?2 THEN count ELSE 0 END
         + CASE WHEN period IN (?4, ?4 + 1) THEN held + held_before WHEN period = ?4 - 1 THEN held ELSE 0 END < ?5
    RETURNING period";
/// Counts a failure, and gives back the hold of the period `?4`, if there is one.
const COUNT: &str = "INSERT INTO attempt (key, count, window_ends_at) VALUES (?1, 1, ?2 + ?3)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN window_ends_at > ?2 THEN count + 1 ELSE 1 END,
        window_ends_at = CASE WHEN window_ends_at > ?2 AND count > 0 THEN window_ends_at ELSE ?2 + ?3 END,
        held = held - CASE WHEN period = ?4 AND held > 0 THEN 1 ELSE 0 END,
        held_before = held_before - CASE WHEN period = ?4 + 1 AND held_before > 0 THEN 1 ELSE 0 END
    RETURNING count, window_ends_at, held, held_before, period";
const READ: &str =
    "SELECT count, window_ends_at, held, held_before, period FROM attempt WHERE key = ?1";
/// Gives back a hold, the last thing that the row says; with `?3` the failures are forgotten.
const CLEAR: &str = "DELETE FROM attempt WHERE key = ?1 AND (?3 OR count = 0)
    AND held + held_before <= CASE WHEN period IN (?2, ?2 + 1) THEN 1 ELSE 0 END";
/// The same where the row says more.
const GIVE_BACK: &str = "UPDATE attempt SET count = CASE WHEN ?3 THEN 0 ELSE count END,
        held = held - CASE WHEN period = ?2 AND held > 0 THEN 1 ELSE 0 END,
        held_before = held_before - CASE WHEN period = ?2 + 1 AND held_before > 0 THEN 1 ELSE 0 END
     WHERE key = ?1";

impl Sqlite {
    pub async fn admit_attempt(
        &self,
        attempt: Attempt,
        most: u32,
        now: i64,
    ) -> Result<Option<Held>, WriteError> {
        self.write_in_passing(move |work| {
            let Attempt { key, window, .. } = attempt;
            let values = (key, now, window, period(now), most);
            let mut statement = work.prepare_cached(ADMIT)?;
            let admitted = statement.query_row(values, |row| row.get(0)).optional()?;
            Ok(admitted.map(|period| Held { key, period }))
        })
        .await
    }

    pub async fn count_attempts(
        &self,
        attempts: Vec<Attempt>,
        now: i64,
    ) -> Result<Vec<Counted>, WriteError> {
        self.write(move |work| {
            let mut statement = work.prepare_cached(COUNT)?;
            let mut counted = Vec::with_capacity(attempts.len());
            for attempt in &attempts {
                let values = (attempt.key, now, attempt.window, attempt.period);
                counted.push(statement.query_row(values, from_row)?.at(now));
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
                let found = statement.query_row([key], from_row).optional()?;
                counted.push(found.map_or(Counted::none(now), |row| row.at(now)));
            }
            Ok(counted)
        })
        .await
    }

    pub async fn settle_attempt(&self, held: Held, forget: bool) -> Result<(), WriteError> {
        self.write(move |work| settle(work, held, forget)).await
    }
}

pub(super) fn settle(work: &Work<'_>, held: Held, forget: bool) -> Result<(), WriteError> {
    let values = (held.key, held.period, forget);
    if work.run(CLEAR, values)? == 0 {
        work.run(GIVE_BACK, values)?;
    }
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<hold::Row> {
    Ok(hold::Row {
        count: row.get(0)?,
        window_ends_at: row.get(1)?,
        held: row.get(2)?,
        held_before: row.get(3)?,
        period: row.get(4)?,
    })
}
