//! Sessions: opened, listed; and the recheck that every caller's own write begins with.

use tokio_postgres::Row;

use super::super::column::{self, reason_from, reason_text, to_json};
use super::super::{
    Act, EndReason, Hash, LiveSession, NewSession, Page, SessionRecord, StoreError, TokenOwner,
    WriteError,
};
use super::account::{self, account_columns};
use super::row::{self, Values, get};
use super::{Postgres, Work, audit, client, limit, revocation};

/// The columns of a [`SessionRecord`], in the order of [`from_row`].
macro_rules! session_columns {
    () => {
        "session.id, session.account_id, session.client_id, session.created_at, session.last_used_at, \
         session.expires_at, session.absolute_expires_at, session.ended_at, session.end_reason, session.device, \
         session.address, session.auth_time, session.amr"
    };
}
pub(super) use session_columns;

/// How many columns a session has; its account's follow.
pub(super) const COLUMNS: usize = 13;

/// The account's row is locked against whatever raises its generation, and is read as it is then; also against other openings,
/// so that each sees the sessions of those before it.
const OPEN: &str = concat!(
    "INSERT INTO session (id, account_id, client_id, token_hash, created_at, last_used_at, expires_at,
        absolute_expires_at, device, address, auth_time, amr)
     SELECT $1::text, id, $4::text, $5::bytea, $6::bigint, $6, least($7::bigint, $8::bigint), $8, $9::text, $10::text,
        $11::bigint, $12::text
       FROM account WHERE id = $2 AND generation = $3::bigint AND disabled_at IS NULL FOR NO KEY UPDATE
     RETURNING ",
    session_columns!()
);
const LIVE: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", ",
    account_columns!(),
    " FROM session JOIN account ON account.id = session.account_id
     WHERE session.id = $1 AND session.ended_at IS NULL AND session.expires_at > $2"
);
const LIVE_OF_ACCOUNT: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", seq FROM session WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2 AND seq < $3
      ORDER BY seq DESC LIMIT $4"
);
/// Of the account's other living sessions, those that were not used for longest, but for as many as may stay; in the order
/// of ids. A statement of its own: its snapshot is taken when the account is locked.
const DISPLACE: &str = "WITH beyond AS (
        SELECT id FROM session WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2 AND id <> $3
         ORDER BY last_used_at DESC, seq DESC OFFSET $4),
    living AS (
        SELECT id FROM session WHERE id IN (SELECT id FROM beyond) AND ended_at IS NULL ORDER BY id FOR UPDATE)
    UPDATE session SET ended_at = $2, end_reason = $5, salt = NULL
      FROM living WHERE session.id = living.id RETURNING session.id";
/// The caller's account and the one concerned, in the order of their ids: two administrators who act on each other wait
/// for one another in one order.
const LOCK_ACCOUNTS: &str =
    "SELECT 1 FROM account WHERE id IN ($1, $2) ORDER BY id FOR NO KEY UPDATE";
/// The session's row is locked too, against its own sign-out elsewhere.
const RECHECK: &str = "SELECT account.roles FROM session JOIN account ON account.id = session.account_id
    WHERE session.id = $1 AND session.account_id = $2 AND session.ended_at IS NULL AND session.expires_at > $4
      AND account.generation = $3 AND account.disabled_at IS NULL
    FOR NO KEY UPDATE OF session";
pub(super) const OF_TOKEN: &str =
    "SELECT account_id, id FROM session WHERE client_id IS NOT DISTINCT FROM $2::text
    AND (token_hash = $1 OR id = (SELECT session_id FROM spent WHERE hash = $1))";

const OWNER: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", token_hash = $1 FROM session
     WHERE token_hash = $1 OR id = (SELECT session_id FROM spent WHERE hash = $1)"
);

impl Postgres {
    pub async fn open_session(
        &self,
        act: Act,
        new: NewSession,
    ) -> Result<Option<LiveSession>, WriteError> {
        self.write(move |work| Box::pin(async move { open(work, &act, &new).await }))
            .await
    }

    pub async fn sessions(
        &self,
        account_id: &str,
        now: i64,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<SessionRecord>, StoreError> {
        let account_id = account_id.to_owned();
        let (before, asked) = (before.unwrap_or(i64::MAX), i64::from(limit) + 1);
        self.ask(move |client| {
            Box::pin(async move {
                let values: Values<'_> = &[&account_id, &now, &before, &asked];
                let rows = row::all(client, LIVE_OF_ACCOUNT, values).await?;
                let rows: Result<Vec<_>, StoreError> = rows
                    .iter()
                    .map(|row| Ok((get(row, COLUMNS)?, from_row(row)?)))
                    .collect();
                Ok(column::page(rows?, limit))
            })
        })
        .await
        .or_else(StoreError::or_nothing)
    }

    pub async fn session_of_token(&self, token_hash: Hash) -> Result<Option<String>, StoreError> {
        self.ask(move |client| {
            Box::pin(async move {
                let client_id: Option<String> = None;
                let values: Values<'_> = &[&token_hash.as_slice(), &client_id];
                let found = row::optional(client, OF_TOKEN, values).await?;
                found.map(|row| get(&row, 1)).transpose()
            })
        })
        .await
    }

    pub async fn live_session(
        &self,
        session_id: &str,
        now: i64,
    ) -> Result<Option<LiveSession>, StoreError> {
        let session_id = session_id.to_owned();
        self.ask(move |client| {
            Box::pin(async move {
                let found = row::optional(client, LIVE, &[&session_id, &now]).await?;
                found.map(|row| live_from(&row, COLUMNS)).transpose()
            })
        })
        .await
        .or_else(StoreError::or_nothing)
    }

    pub async fn token_owner(&self, token_hash: Hash) -> Result<Option<TokenOwner>, StoreError> {
        self.ask(move |client| {
            Box::pin(async move {
                let found = row::optional(client, OWNER, &[&token_hash.as_slice()]).await?;
                let owner = |row: Row| {
                    Ok(TokenOwner {
                        session: from_row(&row)?,
                        is_current: get(&row, COLUMNS)?,
                    })
                };
                found.map(owner).transpose()
            })
        })
        .await
    }
}

async fn open(
    work: &Work<'_>,
    act: &Act,
    new: &NewSession,
) -> Result<Option<LiveSession>, WriteError> {
    let generation = new.generation.cast_signed();
    let Some(session) = insert(work, OPEN, act, new, generation).await? else {
        return Ok(None);
    };
    client::expect(work, new.client_id.as_deref()).await?;
    displace(work, act, new).await?;
    if let Some(attempt) = new.attempt {
        limit::settle(&**work, attempt, true).await?;
    }
    audit::note(work, act, "session.opened", &new.account_id, Some(&new.id)).await?;
    let account = account::by_id(work, &new.account_id).await?;
    Ok(Some(LiveSession { session, account }))
}

/// Ends what a session that was just opened leaves no room for.
pub(super) async fn displace(
    work: &Work<'_>,
    act: &Act,
    new: &NewSession,
) -> Result<(), WriteError> {
    let Some(most) = new.most else {
        return Ok(());
    };
    let others = i64::from(most.saturating_sub(1));
    let reason = reason_text(EndReason::Displaced);
    let values: Values<'_> = &[&new.account_id, &act.now, &new.id, &others, &reason];
    let mut ended: Vec<String> = Vec::new();
    for row in work.all(DISPLACE, values).await? {
        ended.push(get(&row, 0)?);
    }
    // Thousands, where the limit was just lowered: each told of by itself, nobody who has them could sign in any more.
    revocation::sessions(work, act, &ended).await?;
    audit::note_each(work, act, "session.displaced", &new.account_id, &ended).await
}

/// Runs a statement that opens a session; `third` is what its third value means there.
pub(super) async fn insert(
    work: &Work<'_>,
    sql: &'static str,
    act: &Act,
    new: &NewSession,
    third: i64,
) -> Result<Option<SessionRecord>, WriteError> {
    let values: Values<'_> = &[
        &new.id,
        &new.account_id,
        &third,
        &new.client_id,
        &new.token_hash.as_slice(),
        &act.now,
        &new.expires_at,
        &new.absolute_expires_at,
        &new.device,
        &new.address,
        &new.auth_time,
        &to_json(&new.amr),
    ];
    let row = work.optional(sql, values).await?;
    Ok(row.map(|row| from_row(&row)).transpose()?)
}

/// Whether the caller's session, generation and role still hold, in this very transaction, and go on to hold until it
/// ends. Locks the caller's account, and beside it the one that is `concerned`.
pub(super) async fn recheck(
    work: &Work<'_>,
    act: &Act,
    concerned: Option<&str>,
) -> Result<(), WriteError> {
    let Some(actor) = &act.actor else {
        return Ok(());
    };
    let concerned = concerned.unwrap_or(&actor.account_id);
    work.all(LOCK_ACCOUNTS, &[&actor.account_id, &concerned])
        .await?;
    let values: Values<'_> = &[
        &actor.session_id,
        &actor.account_id,
        &actor.generation.cast_signed(),
        &act.now,
    ];
    let row = work.optional(RECHECK, values).await?;
    let roles = row::list(&row.ok_or(WriteError::Stale)?, 0)?;
    match &actor.required_role {
        Some(required) if !roles.contains(required) => Err(WriteError::RoleMissing),
        _ => Ok(()),
    }
}

/// A session, and its account whose columns begin at `account_at`.
pub(super) fn live_from(row: &Row, account_at: usize) -> Result<LiveSession, StoreError> {
    Ok(LiveSession {
        session: from_row(row)?,
        account: account::from_row(row, account_at)
            .map_err(|_| StoreError::Corrupt("a living session without its account"))?,
    })
}

pub(super) fn from_row(row: &Row) -> Result<SessionRecord, StoreError> {
    let ended_at: Option<i64> = get(row, 7)?;
    let reason: Option<&str> = get(row, 8)?;
    Ok(SessionRecord {
        id: get(row, 0)?,
        account_id: get(row, 1)?,
        client_id: get(row, 2)?,
        created_at: get(row, 3)?,
        last_used_at: get(row, 4)?,
        expires_at: get(row, 5)?,
        absolute_expires_at: get(row, 6)?,
        ended: ended_at.zip(reason.map(reason_from)),
        device: get(row, 9)?,
        address: get(row, 10)?,
        auth_time: get(row, 11)?,
        amr: row::list(row, 12)?,
    })
}
