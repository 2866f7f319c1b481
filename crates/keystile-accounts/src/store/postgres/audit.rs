//! The audit: rows written in the transaction of what they report.

use deadpool_postgres::GenericClient;
use tokio_postgres::Row;

use super::super::column;
use super::super::{Act, AuditRecord, OfSession, Page, StoreError, WriteError};
use super::row::{self, get};
use super::{Postgres, Work};

const INSERT: &str =
    "INSERT INTO audit (at, kind, actor_id, account_id, session_id, origin, detail)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
/// The same of many sessions, in one round trip.
const INSERT_OF_SESSIONS: &str =
    "INSERT INTO audit (at, kind, actor_id, account_id, session_id, origin)
    SELECT $1::bigint, $2::text, $3::text, $4::text, ended.id, $5::text FROM unnest($6::text[]) AS ended (id)";
/// The first of a session's refused refreshes; see the unique index.
const REFUSED: &str = "INSERT INTO audit (at, kind, account_id, session_id, origin, detail)
    VALUES ($1, 'session.refresh_refused', $2, $3, $4, $5) ON CONFLICT DO NOTHING";
const PAGE: &str =
    "SELECT id, at, kind, actor_id, account_id, session_id, origin, detail FROM audit
    WHERE id < $1 ORDER BY id DESC LIMIT $2";
const PAGE_OF_ACCOUNT: &str =
    "SELECT id, at, kind, actor_id, account_id, session_id, origin, detail FROM audit
    WHERE id < $1 AND account_id = $3 ORDER BY id DESC LIMIT $2";

impl Postgres {
    pub async fn record_audit(&self, record: AuditRecord) -> Result<(), WriteError> {
        self.ask(move |client| Box::pin(async move { insert(client, &record).await }))
            .await
    }

    pub async fn audit(
        &self,
        account_id: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<AuditRecord>, StoreError> {
        let account_id = account_id.map(str::to_owned);
        self.ask(move |client| {
            Box::pin(async move {
                let (before, asked) = (before.unwrap_or(i64::MAX), i64::from(limit) + 1);
                let rows = match &account_id {
                    None => row::all(client, PAGE, &[&before, &asked]).await?,
                    Some(id) => row::all(client, PAGE_OF_ACCOUNT, &[&before, &asked, id]).await?,
                };
                let rows: Result<Vec<_>, _> = rows.iter().map(from_row).collect();
                Ok(column::page(rows?, limit))
            })
        })
        .await
        .or_else(StoreError::or_nothing)
    }
}

pub(super) async fn insert(
    client: &impl GenericClient,
    record: &AuditRecord,
) -> Result<(), WriteError> {
    let AuditRecord {
        at,
        kind,
        actor_id,
        account_id,
        session_id,
        from,
        detail,
    } = record;
    row::run(
        client,
        INSERT,
        &[at, kind, actor_id, account_id, session_id, from, detail],
    )
    .await?;
    Ok(())
}

/// What `act` did to an account, or to one of its sessions.
pub(super) async fn note(
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
        &[
            &act.now,
            &kind,
            &actor_id,
            &account_id,
            &session_id,
            &act.from,
            &detail,
        ],
    )
    .await?;
    Ok(())
}

/// What `act` did to each of these sessions of an account.
pub(super) async fn note_each(
    work: &Work<'_>,
    act: &Act,
    kind: &str,
    account_id: &str,
    session_ids: &[String],
) -> Result<(), WriteError> {
    if session_ids.is_empty() {
        return Ok(());
    }
    let actor_id = act.actor.as_ref().map(|actor| &actor.account_id);
    let values: row::Values<'_> = &[
        &act.now,
        &kind,
        &actor_id,
        &account_id,
        &act.from,
        &session_ids,
    ];
    work.run(INSERT_OF_SESSIONS, values).await?;
    Ok(())
}

/// That a refresh was refused, where it is not written of this session already.
pub(super) async fn note_once(
    client: &impl GenericClient,
    act: &Act,
    of: &OfSession,
    detail: &str,
) -> Result<(), WriteError> {
    let values: row::Values<'_> = &[&act.now, &of.account_id, &of.session_id, &act.from, &detail];
    row::run(client, REFUSED, values).await?;
    Ok(())
}

fn from_row(row: &Row) -> Result<(i64, AuditRecord), StoreError> {
    let record = AuditRecord {
        at: get(row, 1)?,
        kind: get(row, 2)?,
        actor_id: get(row, 3)?,
        account_id: get(row, 4)?,
        session_id: get(row, 5)?,
        from: get(row, 6)?,
        detail: get(row, 7)?,
    };
    Ok((get(row, 0)?, record))
}
