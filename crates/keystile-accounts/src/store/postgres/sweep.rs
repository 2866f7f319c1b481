//! Tidying: one bounded batch of each kind. Rows that somebody has just locked are left for the next time, so that the
//! sweeps of several nodes wait neither for each other nor for a user.

use std::sync::PoisonError;

use deadpool_postgres::Object;

use super::super::{LONGEST_HOLD, StoreError, Sweep, WriteError};
use super::Postgres;
use super::row::{self, get};

/// Rows of each kind in one batch.
const BATCH: i64 = 500;

const ERASE_SALTS: &str = "UPDATE session SET salt = NULL WHERE id IN (SELECT id FROM session
    WHERE salt IS NOT NULL AND rotated_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";
const DELETE_SPENT: &str = "DELETE FROM spent WHERE hash IN
    (SELECT hash FROM spent WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";
const DELETE_REVOCATIONS: &str = "DELETE FROM revocation WHERE id IN
    (SELECT id FROM revocation WHERE until <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";
const DELETE_EXCHANGED: &str = "DELETE FROM exchanged WHERE (issuer, token_id) IN
    (SELECT issuer, token_id FROM exchanged WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";
const DELETE_ATTEMPTS: &str = "DELETE FROM attempt WHERE key IN
    (SELECT key FROM attempt WHERE window_ends_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";
const COUNT_ATTEMPTS: &str = "SELECT count(*) FROM attempt";
const EVICT_ATTEMPTS: &str = "DELETE FROM attempt WHERE key IN
    (SELECT key FROM attempt ORDER BY window_ends_at LIMIT $1 FOR UPDATE SKIP LOCKED)";
/// Rows are about in the order of time: only the oldest are looked at.
const DELETE_AUDIT: &str = "DELETE FROM audit WHERE id IN
    (SELECT id FROM (SELECT id, at FROM audit ORDER BY id LIMIT $2) AS oldest WHERE at <= $1)";
/// Sessions carry no index on their expiry, which every rotation would have to move: the sweep walks the table instead.
const BATCH_END: &str =
    "SELECT max(id) FROM (SELECT id FROM session WHERE id > $1 ORDER BY id LIMIT $2) AS batch";
const DELETE_SESSIONS: &str = "DELETE FROM session WHERE id IN (SELECT id FROM session
    WHERE id > $1 AND id <= $2 AND expires_at <= $3 FOR UPDATE SKIP LOCKED)";
/// Adds up the changes to the counts of formats, once there are some.
const ADD_UP_FORMATS: &str = "WITH gone AS (
        DELETE FROM password_format WHERE id IN (SELECT id FROM password_format ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
         AND (SELECT count(*) FROM (SELECT 1 FROM password_format LIMIT 100) AS first) = 100
        RETURNING format, accounts)
    INSERT INTO password_format (format, accounts)
    SELECT format, sum(accounts) FROM gone GROUP BY format HAVING sum(accounts) <> 0";

impl Postgres {
    pub async fn sweep(&self, sweep: Sweep) -> Result<bool, WriteError> {
        let from = self.swept_to().clone();
        let (more, swept_to) = self
            .ask::<_, WriteError, _>(move |client| {
                Box::pin(async move { run(client, &sweep, &from).await })
            })
            .await?;
        *self.swept_to() = swept_to;
        Ok(more)
    }

    fn swept_to(&self) -> std::sync::MutexGuard<'_, String> {
        self.0
            .swept_to
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether there may be more, and where the walk over the sessions goes on.
async fn run(client: &Object, sweep: &Sweep, from: &str) -> Result<(bool, String), WriteError> {
    let Sweep {
        now,
        grace,
        keep_sessions,
        keep_audit,
        most_counters,
    } = *sweep;
    let mut most = 0;
    for (sql, by) in [
        (ERASE_SALTS, now.saturating_sub(grace)),
        (DELETE_SPENT, now),
        (DELETE_REVOCATIONS, now),
        (DELETE_EXCHANGED, now),
        // What is under way began before the window's end.
        (DELETE_ATTEMPTS, now.saturating_sub(LONGEST_HOLD)),
        (DELETE_AUDIT, now.saturating_sub(keep_audit)),
    ] {
        most = most.max(row::run(client, sql, &[&by, &BATCH]).await?);
    }
    most = most.max(evict_attempts(client, most_counters).await?);
    row::run(client, ADD_UP_FORMATS, &[&BATCH]).await?;
    let expired_by = now.saturating_sub(keep_sessions);
    let (deleted, swept_to) = delete_sessions(client, expired_by, from).await?;
    let more = most.max(deleted) >= BATCH.cast_unsigned();
    Ok((more, swept_to))
}

async fn evict_attempts(client: &Object, most: u32) -> Result<u64, StoreError> {
    let count = row::number(client, COUNT_ATTEMPTS, &[]).await?;
    let excess = count.saturating_sub(i64::from(most)).clamp(0, BATCH);
    if excess == 0 {
        return Ok(0);
    }
    Ok(row::run(client, EVICT_ATTEMPTS, &[&excess]).await?)
}

/// One step of the walk; at the end it begins anew.
async fn delete_sessions(
    client: &Object,
    expired_by: i64,
    from: &str,
) -> Result<(u64, String), StoreError> {
    let row = row::optional(client, BATCH_END, &[&from, &BATCH]).await?;
    let end: Option<String> = row.map_or(Ok(None), |row| get(&row, 0))?;
    match end {
        Some(end) => {
            let deleted = row::run(client, DELETE_SESSIONS, &[&from, &end, &expired_by]).await?;
            Ok((deleted, end))
        }
        None => Ok((0, String::new())),
    }
}
