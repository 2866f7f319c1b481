//! Signing keys: the first one, and what is read of all. Their steps are in `key_step`.

use deadpool_postgres::{GenericClient, Object};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::super::column::{state_from, state_text};
use super::super::{Act, KeyRecord, KeyState, KeyUse, StoreError, WriteError};
use super::row::{self, Values, get};
use super::{Postgres, session};

/// The columns of a [`KeyRecord`], in the order of [`from_row`].
macro_rules! key_columns {
    () => {
        "kid, algorithm, public, private, state, created_at, state_since, signed_from, due_at"
    };
}
pub(super) use key_columns;

const ALL: &str = concat!(
    "SELECT ",
    key_columns!(),
    " FROM signing_key ORDER BY created_at, kid"
);
const BY_STATE: &str = concat!(
    "SELECT ",
    key_columns!(),
    " FROM signing_key WHERE state = $1"
);
/// In columns that every schema has: it is asked before a migration too.
const SIGNING_AT_A_GLANCE: &str =
    "SELECT kid, algorithm, private FROM signing_key WHERE state = 'signing'";
/// The partial unique index decides between two nodes that start together.
pub(super) const INSERT_IF_NONE_SIGNS: &str = concat!(
    "INSERT INTO signing_key (",
    key_columns!(),
    ") SELECT $1, $2, $3, $4, 'signing', $5::bigint, $6::bigint, $6, NULL
     WHERE NOT EXISTS (SELECT 1 FROM signing_key WHERE state = 'signing')
     ON CONFLICT (state) WHERE state = 'signing' DO NOTHING"
);
const REPLACE_PRIVATE: &str =
    "UPDATE signing_key SET private = $3, public = $4 WHERE kid = $1 AND private = $2";
/// A session's present access token is from its opening or its last rotation. `$3`: a moment more for a process that had
/// not yet heard of the key's retirement.
const USE: &str = "SELECT count(*), count(DISTINCT account_id) FROM session, signing_key
     WHERE kid = $1 AND state IN ('signing', 'retired') AND ended_at IS NULL AND expires_at > $2::bigint
       AND last_used_at >= signed_from AND (state = 'signing' OR last_used_at <= state_since + $3::bigint)
       AND last_used_at + coalesce((SELECT value::bigint FROM meta WHERE name = 'longest_token_life'), 0) > $2";

impl Postgres {
    pub async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.ask(|client| {
            Box::pin(async move {
                let rows = row::all(client, ALL, &[]).await?;
                rows.iter().map(from_row).collect()
            })
        })
        .await
    }

    pub async fn signing_key_or_insert(
        &self,
        candidate: KeyRecord,
    ) -> Result<KeyRecord, WriteError> {
        self.ask(move |client| Box::pin(async move { signing_or_insert(client, &candidate).await }))
            .await
    }

    pub async fn replace_private(
        &self,
        kid: &str,
        old: &[u8],
        new: Vec<u8>,
        public: &str,
    ) -> Result<bool, WriteError> {
        let (kid, old, public) = (kid.to_owned(), old.to_owned(), public.to_owned());
        self.ask(move |client| {
            Box::pin(async move {
                let values: Values<'_> = &[&kid, &old, &new, &public];
                Ok(row::run(client, REPLACE_PRIVATE, values).await? > 0)
            })
        })
        .await
    }

    pub async fn key_use(&self, kid: &str, now: i64, lag: i64) -> Result<KeyUse, StoreError> {
        let kid = kid.to_owned();
        self.ask(move |client| {
            Box::pin(async move {
                let row = row::optional(client, USE, &[&kid, &now, &lag]).await?;
                let row = row.ok_or(StoreError::Corrupt("a count that is missing"))?;
                Ok(KeyUse {
                    sessions: get::<i64>(&row, 0)?.cast_unsigned(),
                    accounts: get::<i64>(&row, 1)?.cast_unsigned(),
                })
            })
        })
        .await
        .or_else(StoreError::or_nothing)
    }

    pub async fn recheck(&self, act: Act) -> Result<(), WriteError> {
        self.write(move |work| Box::pin(async move { session::recheck(work, &act, None).await }))
            .await
    }
}

/// Each statement by itself: the last one sees what another node inserted while the second waited for it.
async fn signing_or_insert(
    client: &Object,
    candidate: &KeyRecord,
) -> Result<KeyRecord, WriteError> {
    if let Some(present) = in_state(client, KeyState::Signing).await? {
        return Ok(present);
    }
    insert(client, INSERT_IF_NONE_SIGNS, candidate).await?;
    in_state(client, KeyState::Signing)
        .await?
        .ok_or(WriteError::NotFound)
}

/// The key that signs, as far as a look at the database needs it: its id, algorithm and private part.
pub(super) async fn signing_at_a_glance(
    client: &impl GenericClient,
) -> Result<Option<(String, String, Vec<u8>)>, StoreError> {
    let found = row::optional(client, SIGNING_AT_A_GLANCE, &[]).await?;
    let read = |row: Row| Ok((get(&row, 0)?, get(&row, 1)?, get(&row, 2)?));
    found.map(read).transpose()
}

/// There is one at most: a partial unique index holds that for published and for signing ones.
pub(super) async fn in_state(
    client: &impl GenericClient,
    state: KeyState,
) -> Result<Option<KeyRecord>, StoreError> {
    let found = row::optional(client, BY_STATE, &[&state_text(state)]).await?;
    found.map(|row| from_row(&row)).transpose()
}

/// Inserts a key that signs; whether the statement did.
pub(super) async fn insert(
    client: &impl GenericClient,
    sql: &'static str,
    key: &KeyRecord,
) -> Result<bool, WriteError> {
    Ok(row::run(client, sql, &values(key)).await? > 0)
}

/// What every insertion of a key begins with, as `$1` to `$6`.
pub(super) fn values(key: &KeyRecord) -> [&(dyn ToSql + Sync); 6] {
    [
        &key.kid,
        &key.algorithm,
        &key.public,
        &key.private,
        &key.created_at,
        &key.state_since,
    ]
}

fn from_row(row: &Row) -> Result<KeyRecord, StoreError> {
    Ok(KeyRecord {
        kid: get(row, 0)?,
        algorithm: get(row, 1)?,
        public: get(row, 2)?,
        private: get(row, 3)?,
        state: state_from(get(row, 4)?),
        created_at: get(row, 5)?,
        state_since: get(row, 6)?,
        signed_from: get(row, 7)?,
        due_at: get(row, 8)?,
    })
}
