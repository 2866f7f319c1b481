//! Clients: created, looked up, listed, deleted with all that they hold.

use deadpool_postgres::Object;
use tokio_postgres::Row;

use super::super::client::{EndedSome, SOME_SESSIONS};
use super::super::column::{page, reason_text, to_json};
use super::super::{
    Act, ClientRecord, EndReason, NewClient, Page, StoreError, WriteError, audited, client_subject,
};
use super::row::{self, Values, get};
use super::{Postgres, Work, audit, ending, revocation, session};

/// The columns of a [`ClientRecord`], behind its cursor, in the order of [`from_row`].
macro_rules! client_columns {
    () => {
        "seq, id, name, secret_hash, scopes, audiences, generation, created_at"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO client (id, name, secret_hash, scopes, audiences, generation, created_at)
     VALUES ($1, $2, $3, $4, $5, 0, $6)
     RETURNING ",
    client_columns!()
);
const BY_ID: &str = concat!("SELECT ", client_columns!(), " FROM client WHERE id = $1");
const BY_NAME: &str = concat!("SELECT ", client_columns!(), " FROM client WHERE name = $1");
const PAGE: &str = concat!(
    "SELECT ",
    client_columns!(),
    " FROM client WHERE seq > $1 ORDER BY seq LIMIT $2"
);
/// Whoever deletes the client waits for the transaction that asks, and sees then what it wrote.
const IS_THERE: &str = "SELECT 1 FROM client WHERE id = $1 FOR KEY SHARE";
const DELETE: &str = "DELETE FROM client WHERE id = $1 RETURNING name, generation";
/// In the order of ids; so many of them, or all; but for one.
const END_SESSIONS: &str = "WITH living AS (
        SELECT id FROM session WHERE client_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $5::text
         ORDER BY id LIMIT $4::bigint FOR UPDATE)
    UPDATE session SET ended_at = $2, end_reason = $3, salt = NULL
      FROM living WHERE session.id = living.id RETURNING session.id, session.expires_at";

impl Postgres {
    pub async fn create_client(
        &self,
        act: Act,
        new: NewClient,
    ) -> Result<ClientRecord, WriteError> {
        self.write(move |work| Box::pin(async move { create(work, &act, &new).await }))
            .await
    }

    pub async fn client(&self, id: &str) -> Result<Option<ClientRecord>, StoreError> {
        self.find_client(BY_ID, id).await
    }

    pub async fn client_by_name(&self, name: &str) -> Result<Option<ClientRecord>, StoreError> {
        self.find_client(BY_NAME, name).await
    }

    async fn find_client(
        &self,
        sql: &'static str,
        key: &str,
    ) -> Result<Option<ClientRecord>, StoreError> {
        let key = key.to_owned();
        self.ask(move |client| {
            Box::pin(async move {
                let found = row::optional(client, sql, &[&key]).await?;
                found.map(|row| from_row(&row)).transpose()
            })
        })
        .await
        .or_else(StoreError::or_nothing)
    }

    pub async fn clients(
        &self,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Page<ClientRecord>, StoreError> {
        let after = after.unwrap_or(i64::MIN);
        let asked = i64::from(limit) + 1;
        self.ask(move |client| {
            Box::pin(async move {
                let rows = row::all(client, PAGE, &[&after, &asked]).await?;
                let rows: Result<Vec<_>, StoreError> = rows
                    .iter()
                    .map(|row| Ok((get(row, 0)?, from_row(row)?)))
                    .collect();
                Ok(page(rows?, limit))
            })
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
            Box::pin(async move {
                session::recheck(work, &act, None).await?;
                end_sessions(work, &act, &id, Some(SOME_SESSIONS)).await
            })
        })
        .await
    }

    pub async fn delete_client(&self, act: Act, id: &str) -> Result<u64, WriteError> {
        let id = id.to_owned();
        self.write(move |work| Box::pin(async move { delete(work, &act, &id).await }))
            .await
    }
}

async fn create(work: &Work<'_>, act: &Act, new: &NewClient) -> Result<ClientRecord, WriteError> {
    session::recheck(work, act, None).await?;
    let values: Values<'_> = &[
        &new.id,
        &new.name,
        &new.secret_hash.as_slice(),
        &to_json(&new.scopes),
        &to_json(&new.audiences),
        &act.now,
    ];
    let row = work.optional(INSERT, values).await?;
    let row = row.ok_or(StoreError::Corrupt("an insert that answers nothing"))?;
    let record = audited(act, "client.created", &new.id, &new.name);
    audit::insert(&**work, &record).await?;
    Ok(from_row(&row)?)
}

async fn delete(work: &Work<'_>, act: &Act, id: &str) -> Result<u64, WriteError> {
    session::recheck(work, act, None).await?;
    let deleted = work.optional(DELETE, &[&id]).await?;
    let deleted = deleted.ok_or(WriteError::NotFound)?;
    let (name, generation): (String, i64) = (get(&deleted, 0)?, get(&deleted, 1)?);
    revocation::subject(work, act, &client_subject(id), generation + 1).await?;
    let ended = end_sessions(work, act, id, None).await?;
    let record = audited(act, "client.deleted", id, &name);
    audit::insert(&**work, &record).await?;
    Ok(ended.living)
}

async fn end_sessions(
    work: &Work<'_>,
    act: &Act,
    id: &str,
    most: Option<u32>,
) -> Result<EndedSome, WriteError> {
    let (reason, limit) = (reason_text(EndReason::ClientDeleted), most.map(i64::from));
    let spared = most.and_then(|_| act.own_session());
    let values: Values<'_> = &[&id, &act.now, &reason, &limit, &spared];
    let ended = work.all(END_SESSIONS, values).await?;
    let living = ending::living(&ended, act.now)?;
    revocation::sessions(work, act, &living).await?;
    Ok(EndedSome {
        living: living.len() as u64,
        all: most.is_none_or(|most| ended.len() < most as usize),
    })
}

/// The first so many.
pub(super) async fn first(
    connection: &Object,
    limit: u32,
) -> Result<Vec<ClientRecord>, StoreError> {
    let values: Values<'_> = &[&i64::MIN, &i64::from(limit)];
    let rows = row::all(connection, PAGE, values).await?;
    rows.iter().map(from_row).collect()
}

/// Refuses what is done for a client that is not there; holds one that is until the transaction ends.
pub(super) async fn expect(work: &Work<'_>, id: Option<&str>) -> Result<(), WriteError> {
    let Some(id) = id else {
        return Ok(());
    };
    let found = work.optional(IS_THERE, &[&id]).await?;
    found.map(|_| ()).ok_or(WriteError::NotFound)
}

fn from_row(row: &Row) -> Result<ClientRecord, StoreError> {
    Ok(ClientRecord {
        id: get(row, 1)?,
        name: get(row, 2)?,
        secret_hash: row::bytes(get(row, 3)?)?,
        scopes: row::list(row, 4)?,
        audiences: row::list(row, 5)?,
        generation: get::<i64>(row, 6)?.cast_unsigned(),
        created_at: get(row, 7)?,
    })
}
