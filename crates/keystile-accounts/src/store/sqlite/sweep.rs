//! Tidying: one bounded batch of each kind, so that no user's write waits long behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::OptionalExtension;

use super::super::{LONGEST_HOLD, Sweep, WriteError};
use super::{Sqlite, Work};

/// Rows of each kind in one batch.
const BATCH: u32 = 500;

const ERASE_SALTS: &str = "UPDATE session SET salt = NULL WHERE seq IN
    (SELECT seq FROM session WHERE salt IS NOT NULL AND rotated_at <= ?1 LIMIT ?2)";
const DELETE_SPENT: &str =
    "DELETE FROM spent WHERE hash IN (SELECT hash FROM spent WHERE expires_at <= ?1 LIMIT ?2)";
const DELETE_REVOCATIONS: &str =
    "DELETE FROM revocation WHERE id IN (SELECT id FROM revocation WHERE until <= ?1 LIMIT ?2)";
const DELETE_EXCHANGED: &str = "DELETE FROM exchanged WHERE (issuer, token_id) IN
    (SELECT issuer, token_id FROM exchanged WHERE expires_at <= ?1 LIMIT ?2)";
const DELETE_ATTEMPTS: &str = "DELETE FROM attempt WHERE key IN (SELECT key FROM attempt WHERE window_ends_at <= ?1 LIMIT ?2)";
const COUNT_ATTEMPTS: &str = "SELECT count(*) FROM attempt";
const EVICT_ATTEMPTS: &str =
    "DELETE FROM attempt WHERE key IN (SELECT key FROM attempt ORDER BY window_ends_at LIMIT ?1)";
/// Rows are about in the order of time: only the oldest are looked at.
const DELETE_AUDIT: &str = "DELETE FROM audit WHERE id IN
    (SELECT id FROM (SELECT id, at FROM audit ORDER BY id LIMIT ?2) WHERE at <= ?1)";
/// Sessions carry no index on their expiry, which every rotation would have to move: the sweep walks the table instead.
const BATCH_END: &str =
    "SELECT max(seq) FROM (SELECT seq FROM session WHERE seq > ?1 ORDER BY seq LIMIT ?2)";
const DELETE_SESSIONS: &str =
    "DELETE FROM session WHERE seq > ?1 AND seq <= ?2 AND expires_at <= ?3";

impl Sqlite {
    pub async fn sweep(&self, sweep: Sweep) -> Result<bool, WriteError> {
        let swept_to = Arc::clone(&self.0.swept_to);
        self.write(move |work| run(work, &sweep, &swept_to)).await
    }
}

fn run(work: &Work<'_>, sweep: &Sweep, swept_to: &AtomicI64) -> Result<bool, WriteError> {
    let Sweep {
        now,
        grace,
        keep_sessions,
        keep_audit,
        most_counters,
    } = *sweep;
    let mut most = work.run(ERASE_SALTS, (now.saturating_sub(grace), BATCH))?;
    most = most.max(work.run(DELETE_SPENT, (now, BATCH))?);
    most = most.max(work.run(DELETE_REVOCATIONS, (now, BATCH))?);
    most = most.max(work.run(DELETE_EXCHANGED, (now, BATCH))?);
    // What is under way began before the window's end.
    most = most.max(work.run(DELETE_ATTEMPTS, (now.saturating_sub(LONGEST_HOLD), BATCH))?);
    most = most.max(evict_attempts(work, most_counters)?);
    most = most.max(work.run(DELETE_AUDIT, (now.saturating_sub(keep_audit), BATCH))?);
    most = most.max(delete_sessions(
        work,
        now.saturating_sub(keep_sessions),
        swept_to,
    )?);
    Ok(most >= BATCH as usize)
}

fn evict_attempts(work: &Work<'_>, most: u32) -> Result<usize, WriteError> {
    let count: i64 = work
        .prepare_cached(COUNT_ATTEMPTS)?
        .query_row([], |row| row.get(0))?;
    let excess = count
        .saturating_sub(i64::from(most))
        .clamp(0, i64::from(BATCH));
    if excess == 0 {
        return Ok(0);
    }
    work.run(EVICT_ATTEMPTS, [excess])
}

/// One step of the walk; at the end it begins anew. Steps count even if the transaction fails: the next round comes by again.
fn delete_sessions(
    work: &Work<'_>,
    expired_by: i64,
    swept_to: &AtomicI64,
) -> Result<usize, WriteError> {
    let from = swept_to.load(Ordering::Relaxed);
    let end: Option<i64> = work
        .prepare_cached(BATCH_END)?
        .query_row((from, BATCH), |row| row.get(0))
        .optional()?
        .flatten();
    swept_to.store(end.unwrap_or(0), Ordering::Relaxed);
    match end {
        Some(end) => work.run(DELETE_SESSIONS, (from, end, expired_by)),
        None => Ok(0),
    }
}
