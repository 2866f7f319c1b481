//! What is revoked: rows in the order of commits, for guards to follow.

use rusqlite::{Connection, Row, params};

use super::super::column::{revoked_columns, revoked_from};
use super::super::{
    Act, Cursor, Hint, RevocationPoll, RevocationRecord, Revoked, StoreError, WriteError,
};
use super::{Sqlite, Work, audit, session as sessions};
use crate::store::AuditRecord;

/// Kept for the longest life that any issuer on this database has given its tokens, not only for that of this process's.
const INSERT: &str = "INSERT INTO revocation (kind, value, smallest_generation, at, until)
    VALUES (?1, ?2, ?3, ?4,
        max(?5, ?4 + coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'longest_token_life'), 0)))
    RETURNING id, until";
const LENGTHEN: &str =
    "INSERT INTO meta (name, value) VALUES ('longest_token_life', CAST(?1 AS TEXT))
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
    WHERE CAST(meta.value AS INTEGER) < CAST(excluded.value AS INTEGER)";
/// A hundred years: beyond it nobody waits for a token to expire, and the sum with the time would not fit its column.
const LONGEST_LIFE: i64 = 100 * 366 * 24 * 3_600_000;
const FEED_ID: &str = "SELECT value FROM meta WHERE name = 'feed_id'";
const AFTER: &str = "SELECT id, kind, value, smallest_generation, at, until FROM revocation WHERE id > ?1 ORDER BY id LIMIT ?2";
const LIVING: &str = "SELECT id, kind, value, smallest_generation, at, until FROM revocation WHERE until > ?1 ORDER BY id";
/// Not `max(id)`: the newest rows may have been swept.
const CURSOR: &str =
    "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'revocation'), 0)";

impl Sqlite {
    pub async fn revocations_after(
        &self,
        cursor: Cursor,
        limit: u32,
    ) -> Result<RevocationPoll, StoreError> {
        self.read(move |connection| {
            let after = cursor.0.parse().unwrap_or(0);
            let rows = rows(connection, AFTER, (after, limit))?;
            let last = rows.last().map_or(after, |last| last.id);
            Ok(RevocationPoll {
                feed_id: feed_id(connection)?,
                cursor: Cursor(last.to_string()),
                whole_below: place(last.saturating_add(1)),
                rows,
            })
        })
        .await
    }

    pub async fn revocation_snapshot(&self, now: i64) -> Result<RevocationPoll, StoreError> {
        self.read(move |connection| {
            super::snapshot(connection, |connection| {
                let rows = rows(connection, LIVING, [now])?;
                let last: i64 = connection
                    .prepare_cached(CURSOR)?
                    .query_row([], |row| row.get(0))?;
                Ok(RevocationPoll {
                    feed_id: feed_id(connection)?,
                    cursor: Cursor(last.to_string()),
                    whole_below: place(last.saturating_add(1)),
                    rows,
                })
            })
        })
        .await
    }

    /// The file tells nobody; of this process's own writes the store tells.
    pub async fn hear_of_revocations(&self, _hint: Hint) -> StoreError {
        std::future::pending().await
    }

    pub async fn remember_token_life(&self, life: i64) -> Result<(), WriteError> {
        self.write(move |work| {
            work.run(LENGTHEN, [life.clamp(0, LONGEST_LIFE)])
                .map(|_| ())
        })
        .await
    }

    pub async fn revoke_token(&self, act: Act, token_id: &str) -> Result<(), WriteError> {
        let token_id = token_id.to_owned();
        self.write(move |work| {
            sessions::recheck(work, &act)?;
            let record = AuditRecord {
                at: act.now,
                kind: "token.revoked".to_owned(),
                actor_id: act.actor.as_ref().map(|actor| actor.account_id.clone()),
                from: act.from.clone(),
                detail: Some(serde_json::json!({ "jti": token_id }).to_string()),
                ..AuditRecord::default()
            };
            audit::insert(work, &record)?;
            insert(work, &act, Revoked::Token { token_id })
        })
        .await
    }
}

pub(super) fn session(work: &Work<'_>, act: &Act, session_id: &str) -> Result<(), WriteError> {
    insert(
        work,
        act,
        Revoked::Session {
            session_id: session_id.to_owned(),
        },
    )
}

pub(super) fn subject(
    work: &Work<'_>,
    act: &Act,
    account_id: &str,
    smallest_generation: i64,
) -> Result<(), WriteError> {
    let smallest_generation = smallest_generation.cast_unsigned();
    insert(
        work,
        act,
        Revoked::Subject {
            account_id: account_id.to_owned(),
            smallest_generation,
        },
    )
}

pub(super) fn key(work: &Work<'_>, act: &Act, kid: &str) -> Result<(), WriteError> {
    insert(
        work,
        act,
        Revoked::Key {
            kid: kid.to_owned(),
        },
    )
}

fn insert(work: &Work<'_>, act: &Act, revoked: Revoked) -> Result<(), WriteError> {
    let (kind, value, generation) = revoked_columns(&revoked);
    let (id, until) = work.prepare_cached(INSERT)?.query_row(
        params![kind, value, generation, act.now, act.revoked_until],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    work.note_revoked(RevocationRecord {
        id,
        place: place(id),
        revoked,
        at: act.now,
        until,
    });
    Ok(())
}

fn rows(
    connection: &Connection,
    sql: &'static str,
    values: impl rusqlite::Params,
) -> Result<Vec<RevocationRecord>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(values, from_row)?;
    rows.map(|row| row?.ok_or(StoreError::Corrupt("a revocation of an unknown kind")))
        .collect()
}

/// None for a kind this program does not know.
fn from_row(row: &Row<'_>) -> rusqlite::Result<Option<RevocationRecord>> {
    let kind: String = row.get(1)?;
    let Some(revoked) = revoked_from(&kind, row.get(2)?, row.get(3)?) else {
        return Ok(None);
    };
    let id = row.get(0)?;
    Ok(Some(RevocationRecord {
        id,
        place: place(id),
        revoked,
        at: row.get(4)?,
        until: row.get(5)?,
    }))
}

/// One writer: rows begin in the order in which they are kept.
fn place(id: i64) -> u64 {
    u64::try_from(id).unwrap_or(0)
}

fn feed_id(connection: &Connection) -> Result<String, StoreError> {
    Ok(connection
        .prepare_cached(FEED_ID)?
        .query_row([], |row| row.get(0))?)
}
