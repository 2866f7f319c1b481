//! Sessions: opened, listed; and the recheck that every caller's own write begins with.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::column::{self, reason_from, reason_text, to_json};
use super::super::{
    Act, EndReason, Hash, LiveSession, NewSession, Page, SessionRecord, StoreError, TokenOwner,
    WriteError,
};
use super::{Sqlite, Work, account, audit, client, limit, revocation};

/// The columns of a [`SessionRecord`], in the order of [`from_row`].
macro_rules! session_columns {
    () => {
        "id, account_id, client_id, created_at, last_used_at, expires_at, absolute_expires_at, ended_at, end_reason, \
         device, address, auth_time, amr"
    };
}
pub(super) use session_columns;

const OPEN: &str = concat!(
    "INSERT INTO session (id, account_id, client_id, token_hash, created_at, last_used_at, expires_at,
        absolute_expires_at, device, address, auth_time, amr)
     SELECT ?1, id, ?4, ?5, ?6, ?6, min(?7, coalesce(?8, ?7)), ?8, ?9, ?10, ?11, ?12
       FROM account WHERE id = ?2 AND generation = ?3 AND disabled_at IS NULL
     RETURNING ",
    session_columns!()
);
const LIVE: &str = concat!(
    "SELECT ",
    session_columns!(),
    " FROM session WHERE id = ?1 AND ended_at IS NULL AND expires_at > ?2"
);
const LIVE_OF_ACCOUNT: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", seq FROM session WHERE account_id = ?1 AND ended_at IS NULL AND expires_at > ?2 AND seq < ?3
      ORDER BY seq DESC LIMIT ?4 + 1"
);
/// Of the account's other living sessions, those that were not used for longest, but for as many as may stay.
const DISPLACE: &str = "UPDATE session SET ended_at = ?2, end_reason = ?5, salt = NULL WHERE id IN (
        SELECT id FROM session WHERE account_id = ?1 AND ended_at IS NULL AND expires_at > ?2 AND id <> ?3
         ORDER BY last_used_at DESC, seq DESC LIMIT -1 OFFSET ?4)
    RETURNING id";
const RECHECK: &str = "SELECT account.roles FROM session JOIN account ON account.id = session.account_id
    WHERE session.id = ?1 AND session.account_id = ?2 AND session.ended_at IS NULL AND session.expires_at > ?4
      AND account.generation = ?3 AND account.disabled_at IS NULL";
pub(super) const OF_TOKEN: &str = "SELECT account_id, id FROM session WHERE client_id IS ?2
    AND (token_hash = ?1 OR id = (SELECT session_id FROM spent WHERE hash = ?1))";

const OWNER: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", token_hash = ?1 FROM session
     WHERE token_hash = ?1 OR id = (SELECT session_id FROM spent WHERE hash = ?1)"
);

impl Sqlite {
    pub async fn open_session(
        &self,
        act: Act,
        new: NewSession,
    ) -> Result<Option<LiveSession>, WriteError> {
        self.write(move |work| open(work, &act, &new)).await
    }

    pub async fn sessions(
        &self,
        account_id: &str,
        now: i64,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<SessionRecord>, StoreError> {
        let account_id = account_id.to_owned();
        let before = before.unwrap_or(i64::MAX);
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(LIVE_OF_ACCOUNT)?;
            let rows = statement.query_map((account_id, now, before, limit), |row| {
                Ok((row.get(13)?, from_row(row)?))
            })?;
            Ok(column::page(rows.collect::<Result<_, _>>()?, limit))
        })
        .await
    }

    pub async fn session_of_token(&self, token_hash: Hash) -> Result<Option<String>, StoreError> {
        self.read(move |connection| {
            let client: Option<&str> = None;
            let mut statement = connection.prepare_cached(OF_TOKEN)?;
            let found = statement.query_row((token_hash, client), |row| row.get(1));
            Ok(found.optional()?)
        })
        .await
    }

    pub async fn live_session(
        &self,
        session_id: &str,
        now: i64,
    ) -> Result<Option<LiveSession>, StoreError> {
        let session_id = session_id.to_owned();
        self.read(move |connection| {
            super::snapshot(connection, |connection| live(connection, &session_id, now))
        })
        .await
    }

    pub async fn token_owner(&self, token_hash: Hash) -> Result<Option<TokenOwner>, StoreError> {
        self.read(move |connection| {
            let found = connection
                .prepare_cached(OWNER)?
                .query_row([token_hash], |row| {
                    Ok(TokenOwner {
                        session: from_row(row)?,
                        is_current: row.get(13)?,
                    })
                });
            Ok(found.optional()?)
        })
        .await
    }
}

fn open(work: &Work<'_>, act: &Act, new: &NewSession) -> Result<Option<LiveSession>, WriteError> {
    let generation = new.generation.cast_signed();
    let Some(session) = insert(work, OPEN, act, new, generation).optional()? else {
        return Ok(None);
    };
    client::expect(work, new.client_id.as_deref())?;
    displace(work, act, new)?;
    if let Some(attempt) = new.attempt {
        limit::settle(work, attempt, true)?;
    }
    audit::note(work, act, "session.opened", &new.account_id, Some(&new.id))?;
    let account = account::by_id(work, &new.account_id)?;
    Ok(Some(LiveSession { session, account }))
}

/// Ends what a session that was just opened leaves no room for.
pub(super) fn displace(work: &Work<'_>, act: &Act, new: &NewSession) -> Result<(), WriteError> {
    let Some(most) = new.most else {
        return Ok(());
    };
    let reason = reason_text(EndReason::Displaced);
    let others = i64::from(most.saturating_sub(1));
    let ended: Vec<String> = work
        .prepare_cached(DISPLACE)?
        .query_map((&new.account_id, act.now, &new.id, others, reason), |row| {
            row.get(0)
        })?
        .collect::<Result<_, _>>()?;
    for id in ended {
        revocation::session(work, act, &id)?;
        audit::note(work, act, "session.displaced", &new.account_id, Some(&id))?;
    }
    Ok(())
}

/// Runs a statement that opens a session; `third` is what its third value means there.
pub(super) fn insert(
    work: &Work<'_>,
    sql: &'static str,
    act: &Act,
    new: &NewSession,
    third: i64,
) -> rusqlite::Result<SessionRecord> {
    work.prepare_cached(sql)?.query_row(
        params![
            new.id,
            new.account_id,
            third,
            new.client_id,
            new.token_hash,
            act.now,
            new.expires_at,
            new.absolute_expires_at,
            new.device,
            new.address,
            new.auth_time,
            to_json(&new.amr),
        ],
        from_row,
    )
}

/// Whether the caller's session, generation and role still hold, in this very transaction.
pub(super) fn recheck(work: &Work<'_>, act: &Act) -> Result<(), WriteError> {
    let Some(actor) = &act.actor else {
        return Ok(());
    };
    let roles = work
        .prepare_cached(RECHECK)?
        .query_row(
            (
                &actor.session_id,
                &actor.account_id,
                actor.generation.cast_signed(),
                act.now,
            ),
            |row| super::list(row, 0),
        )
        .optional()?
        .ok_or(WriteError::Stale)?;
    match &actor.required_role {
        Some(required) if !roles.contains(required) => Err(WriteError::RoleMissing),
        _ => Ok(()),
    }
}

fn live(
    connection: &Connection,
    session_id: &str,
    now: i64,
) -> Result<Option<LiveSession>, StoreError> {
    let found = connection
        .prepare_cached(LIVE)?
        .query_row((session_id, now), from_row)
        .optional()?;
    let Some(session) = found else {
        return Ok(None);
    };
    with_account(connection, session).map(Some)
}

/// Adds the account, read in the same transaction.
pub(super) fn with_account(
    connection: &Connection,
    session: SessionRecord,
) -> Result<LiveSession, StoreError> {
    let account = account::find_by_id(connection, &session.account_id)?;
    let account = account.ok_or(StoreError::Corrupt("a living session without its account"))?;
    Ok(LiveSession { session, account })
}

pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<SessionRecord> {
    let ended_at: Option<i64> = row.get(7)?;
    let reason: Option<String> = row.get(8)?;
    Ok(SessionRecord {
        id: row.get(0)?,
        account_id: row.get(1)?,
        client_id: row.get(2)?,
        created_at: row.get(3)?,
        last_used_at: row.get(4)?,
        expires_at: row.get(5)?,
        absolute_expires_at: row.get(6)?,
        ended: ended_at.zip(reason.as_deref().map(reason_from)),
        device: row.get(9)?,
        address: row.get(10)?,
        auth_time: row.get(11)?,
        amr: super::list(row, 12)?,
    })
}
