//! The audit: rows written in the transaction of what they report.

use rusqlite::{Connection, Row, params};

use super::super::column;
use super::super::{Act, AuditRecord, OfSession, Page, StoreError, WriteError};
use super::{Sqlite, Work};

const INSERT: &str =
    "INSERT INTO audit (at, kind, actor_id, account_id, session_id, origin, detail)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
/// The first of a session's refused refreshes; see the unique index.
const REFUSED: &str = "INSERT INTO audit (at, kind, account_id, session_id, origin, detail)
    VALUES (?1, 'session.refresh_refused', ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
const PAGE: &str =
    "SELECT id, at, kind, actor_id, account_id, session_id, origin, detail FROM audit
    WHERE id < ?1 ORDER BY id DESC LIMIT ?2 + 1";
const PAGE_OF_ACCOUNT: &str =
    "SELECT id, at, kind, actor_id, account_id, session_id, origin, detail FROM audit
    WHERE id < ?1 AND account_id = ?3 ORDER BY id DESC LIMIT ?2 + 1";

impl Sqlite {
    pub async fn record_audit(&self, record: AuditRecord) -> Result<(), WriteError> {
        self.write(move |work| insert(work, &record)).await
    }

    pub async fn audit(
        &self,
        account_id: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<AuditRecord>, StoreError> {
        let account_id = account_id.map(str::to_owned);
        self.read(move |connection| {
            let before = before.unwrap_or(i64::MAX);
            let rows: Vec<(i64, AuditRecord)> = match account_id {
                None => connection
                    .prepare_cached(PAGE)?
                    .query_map((before, limit), from_row)?
                    .collect::<Result<_, _>>()?,
                Some(id) => connection
                    .prepare_cached(PAGE_OF_ACCOUNT)?
                    .query_map((before, limit, id), from_row)?
                    .collect::<Result<_, _>>()?,
            };
            Ok(column::page(rows, limit))
        })
        .await
    }
}

pub(super) fn insert(work: &Work<'_>, record: &AuditRecord) -> Result<(), WriteError> {
    Ok(put(work, record)?)
}

/// The same outside the writer.
pub(super) fn put(connection: &Connection, record: &AuditRecord) -> rusqlite::Result<()> {
    let AuditRecord {
        at,
        kind,
        actor_id,
        account_id,
        session_id,
        from,
        detail,
    } = record;
    connection.prepare_cached(INSERT)?.execute(params![
        at, kind, actor_id, account_id, session_id, from, detail
    ])?;
    Ok(())
}

/// What `act` did to an account, or to one of its sessions.
pub(super) fn note(
    work: &Work<'_>,
    act: &Act,
    kind: &str,
    account_id: &str,
    session_id: Option<&str>,
) -> Result<(), WriteError> {
    let actor_id = act.actor.as_ref().map(|actor| &actor.account_id);
    let detail: Option<&str> = None;
    work.run(
        INSERT,
        params![
            act.now, kind, actor_id, account_id, session_id, act.from, detail
        ],
    )?;
    Ok(())
}

/// That a refresh was refused, where it is not written of this session already.
pub(super) fn note_once(
    work: &Work<'_>,
    act: &Act,
    of: &OfSession,
    detail: &str,
) -> Result<(), WriteError> {
    let values = params![act.now, of.account_id, of.session_id, act.from, detail];
    work.run(REFUSED, values)?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<(i64, AuditRecord)> {
    let record = AuditRecord {
        at: row.get(1)?,
        kind: row.get(2)?,
        actor_id: row.get(3)?,
        account_id: row.get(4)?,
        session_id: row.get(5)?,
        from: row.get(6)?,
        detail: row.get(7)?,
    };
    Ok((row.get(0)?, record))
}
