//! Clients: created, looked up, listed, deleted with all that they hold.

use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::super::client::{EndedSome, SOME_SESSIONS};
use super::super::column::{page, reason_text, to_json};
use super::super::{
    Act, ClientRecord, EndReason, NewClient, Page, Restoration, StoreError, WriteError, audited,
    client_subject,
};
use super::{Sqlite, Work, audit, revocation, session};

/// The columns of a [`ClientRecord`], behind its cursor, in the order of [`from_row`].
macro_rules! client_columns {
    () => {
        "seq, id, name, secret_hash, scopes, audiences, generation, created_at"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO client (id, name, secret_hash, scopes, audiences, generation, created_at)
     VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)
     RETURNING ",
    client_columns!()
);
const BY_ID: &str = concat!("SELECT ", client_columns!(), " FROM client WHERE id = ?1");
const BY_NAME: &str = concat!("SELECT ", client_columns!(), " FROM client WHERE name = ?1");
const PAGE: &str = concat!(
    "SELECT ",
    client_columns!(),
    " FROM client WHERE seq > ?1 ORDER BY seq LIMIT ?2 + 1"
);
const IS_THERE: &str = "SELECT 1 FROM client WHERE id = ?1";
const DELETE: &str = "DELETE FROM client WHERE id = ?1 RETURNING name, generation";
/// So many of them, or all, where that is negative; but for one.
const END_SESSIONS: &str = "UPDATE session SET ended_at = ?2, end_reason = ?3, salt = NULL
    WHERE seq IN (SELECT seq FROM session WHERE client_id = ?1 AND ended_at IS NULL AND id IS NOT ?5 LIMIT ?4)
    RETURNING id, expires_at";

/// Kept as long as the revocations of its former deletion would have been.
macro_rules! until {
    () => {
        "max(?3, ?2 + coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'longest_token_life'), 0))"
    };
}
const REVOKE_AGAIN: &str = concat!(
    "INSERT INTO revocation (kind, value, smallest_generation, at, until)
     SELECT 'subject', ?4, generation + 1, ?2, ",
    until!(),
    " FROM client WHERE id = ?1"
);
const REVOKE_SESSIONS_AGAIN: &str = concat!(
    "INSERT INTO revocation (kind, value, at, until) SELECT 'session', id, ?2, ",
    until!(),
    " FROM session WHERE client_id = ?1 AND ended_at IS NULL AND expires_at > ?2"
);

impl Sqlite {
    pub async fn create_client(
        &self,
        act: Act,
        new: NewClient,
    ) -> Result<ClientRecord, WriteError> {
        self.write(move |work| create(work, &act, &new)).await
    }

    pub async fn client(&self, id: &str) -> Result<Option<ClientRecord>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| find(connection, BY_ID, [id]))
            .await
    }

    pub async fn client_by_name(&self, name: &str) -> Result<Option<ClientRecord>, StoreError> {
        let name = name.to_owned();
        self.read(move |connection| find(connection, BY_NAME, [name]))
            .await
    }

    pub async fn clients(
        &self,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Page<ClientRecord>, StoreError> {
        self.read(move |connection| {
            let rows: Vec<(i64, ClientRecord)> = connection
                .prepare_cached(PAGE)?
                .query_map((after.unwrap_or(i64::MIN), limit), |row| {
                    Ok((row.get(0)?, from_row(row)?))
                })?
                .collect::<Result<_, _>>()?;
            Ok(page(rows, limit))
        })
        .await
    }

    pub async fn end_sessions_of_client(
        &self,
        act: Act,
        id: &str,
    ) -> Result<EndedSome, WriteError> {
        let id = id.to_owned();
        self.write(move |work| {
            session::recheck(work, &act)?;
            end_sessions(work, &act, &id, Some(SOME_SESSIONS))
        })
        .await
    }

    pub async fn delete_client(&self, act: Act, id: &str) -> Result<u64, WriteError> {
        let id = id.to_owned();
        self.write(move |work| delete(work, &act, &id)).await
    }
}

fn create(work: &Work<'_>, act: &Act, new: &NewClient) -> Result<ClientRecord, WriteError> {
    session::recheck(work, act)?;
    let client = work.prepare_cached(INSERT)?.query_row(
        params![
            new.id,
            new.name,
            new.secret_hash,
            to_json(&new.scopes),
            to_json(&new.audiences),
            act.now
        ],
        from_row,
    )?;
    audit::insert(work, &audited(act, "client.created", &new.id, &new.name))?;
    Ok(client)
}

fn delete(work: &Work<'_>, act: &Act, id: &str) -> Result<u64, WriteError> {
    session::recheck(work, act)?;
    let deleted: Option<(String, i64)> = work
        .prepare_cached(DELETE)?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (name, generation) = deleted.ok_or(WriteError::NotFound)?;
    revocation::subject(work, act, &client_subject(id), generation + 1)?;
    let ended = end_sessions(work, act, id, None)?;
    audit::insert(work, &audited(act, "client.deleted", id, &name))?;
    Ok(ended.living)
}

fn end_sessions(
    work: &Work<'_>,
    act: &Act,
    id: &str,
    most: Option<u32>,
) -> Result<EndedSome, WriteError> {
    let limit = most.map_or(-1, i64::from);
    let reason = reason_text(EndReason::ClientDeleted);
    let spared = most.and_then(|_| act.own_session());
    let ended: Vec<(String, i64)> = work
        .prepare_cached(END_SESSIONS)?
        .query_map((id, act.now, reason, limit, spared), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    let all = most.is_none_or(|most| ended.len() < most as usize);
    let mut living = 0;
    for (session_id, expires_at) in ended {
        if expires_at > act.now {
            revocation::session(work, act, &session_id)?;
            living += 1;
        }
    }
    Ok(EndedSome { living, all })
}

/// The first so many.
pub(super) fn first(connection: &Connection, limit: u32) -> Result<Vec<ClientRecord>, StoreError> {
    let mut statement = connection.prepare_cached(PAGE)?;
    let rows = statement.query_map((i64::MIN, limit), from_row)?;
    let rows = rows.take(limit as usize).collect::<Result<_, _>>()?;
    Ok(rows)
}

/// In a database that was restored from a time before its deletion.
pub(super) fn delete_again(
    connection: &Connection,
    how: Restoration,
    id: &str,
) -> Result<(), StoreError> {
    let (now, until) = (how.now, how.revoked_until);
    connection.execute(REVOKE_AGAIN, (id, now, until, client_subject(id)))?;
    connection.execute(REVOKE_SESSIONS_AGAIN, (id, now, until))?;
    let reason = reason_text(EndReason::ClientDeleted);
    // What it answers was revoked above; a statement that answers is run to its end by asking for that.
    let mut ending = connection.prepare(END_SESSIONS)?;
    let mut ended = ending.query((id, now, reason, -1, None::<&str>))?;
    while ended.next()?.is_some() {}
    let name: Option<String> = connection
        .prepare(DELETE)?
        .query_row([id], |row| row.get(0))
        .optional()?;
    if let Some(name) = name {
        let act = Act {
            now,
            ..Act::default()
        };
        audit::put(connection, &audited(&act, "client.deleted", id, &name))?;
    }
    Ok(())
}

/// Refuses what is done for a client that is not there.
pub(super) fn expect(work: &Work<'_>, id: Option<&str>) -> Result<(), WriteError> {
    let Some(id) = id else {
        return Ok(());
    };
    let found = work.prepare_cached(IS_THERE)?.exists([id])?;
    found.then_some(()).ok_or(WriteError::NotFound)
}

fn find(
    connection: &Connection,
    sql: &'static str,
    values: impl Params,
) -> Result<Option<ClientRecord>, StoreError> {
    Ok(connection
        .prepare_cached(sql)?
        .query_row(values, from_row)
        .optional()?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<ClientRecord> {
    Ok(ClientRecord {
        id: row.get(1)?,
        name: row.get(2)?,
        secret_hash: row.get(3)?,
        scopes: super::list(row, 4)?,
        audiences: super::list(row, 5)?,
        generation: row.get::<_, i64>(6)?.cast_unsigned(),
        created_at: row.get(7)?,
    })
}
