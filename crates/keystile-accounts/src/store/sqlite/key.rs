//! Signing keys: the first one, and what is read of all. Their steps are in `key_step`.

use rusqlite::{Connection, OptionalExtension, Row};

use super::super::column::{state_from, state_text};
use super::super::{Act, KeyRecord, KeyState, KeyUse, StoreError, WriteError};
use super::{Sqlite, Work};

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
    " FROM signing_key WHERE state = ?1"
);
/// In columns that every schema has: it is asked before a migration too.
const SIGNING_AT_A_GLANCE: &str =
    "SELECT kid, algorithm, private FROM signing_key WHERE state = 'signing'";
/// The partial unique index decides between two processes that start together.
const INSERT_IF_NONE_SIGNS: &str = concat!(
    "INSERT INTO signing_key (",
    key_columns!(),
    ") SELECT ?1, ?2, ?3, ?4, 'signing', ?5, ?6, ?6, NULL
     WHERE NOT EXISTS (SELECT 1 FROM signing_key WHERE state = 'signing')
     ON CONFLICT (state) WHERE state = 'signing' DO NOTHING"
);
const REPLACE_PRIVATE: &str =
    "UPDATE signing_key SET private = ?3, public = ?4 WHERE kid = ?1 AND private = ?2";
/// A session's present access token is from its opening or its last rotation. `?3`: a moment more for a process that had
/// not yet heard of the key's retirement.
const USE: &str = "SELECT count(*), count(DISTINCT account_id) FROM session, signing_key
     WHERE kid = ?1 AND state IN ('signing', 'retired') AND ended_at IS NULL AND expires_at > ?2
       AND last_used_at >= signed_from AND (state = 'signing' OR last_used_at <= state_since + ?3)
       AND last_used_at + coalesce((SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'longest_token_life'), 0) > ?2";

impl Sqlite {
    pub async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(ALL)?;
            let rows = statement.query_map([], from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub async fn signing_key_or_insert(
        &self,
        candidate: KeyRecord,
    ) -> Result<KeyRecord, WriteError> {
        self.write(move |work| {
            insert_if_none_signs(work, &candidate)?;
            in_state(work, KeyState::Signing)?.ok_or(WriteError::NotFound)
        })
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
        self.write(move |work| Ok(work.run(REPLACE_PRIVATE, (&kid, &old, &new, &public))? > 0))
            .await
    }

    pub async fn key_use(&self, kid: &str, now: i64, lag: i64) -> Result<KeyUse, StoreError> {
        let kid = kid.to_owned();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(USE)?;
            let (sessions, accounts): (i64, i64) =
                statement.query_row((&kid, now, lag), |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(KeyUse {
                sessions: u64::try_from(sessions).unwrap_or(0),
                accounts: u64::try_from(accounts).unwrap_or(0),
            })
        })
        .await
    }

    pub async fn recheck(&self, act: Act) -> Result<(), WriteError> {
        self.write(move |work| super::session::recheck(work, &act))
            .await
    }
}

/// The key that signs, as far as a look at the database needs it: its id, algorithm and private part.
pub(super) fn signing_at_a_glance(
    connection: &Connection,
) -> Result<Option<(String, String, Vec<u8>)>, StoreError> {
    Ok(connection
        .prepare_cached(SIGNING_AT_A_GLANCE)?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?)
}

/// There is one at most: a partial unique index holds that for published and for signing ones.
pub(super) fn in_state(
    connection: &Connection,
    state: KeyState,
) -> Result<Option<KeyRecord>, StoreError> {
    Ok(connection
        .prepare_cached(BY_STATE)?
        .query_row([state_text(state)], from_row)
        .optional()?)
}

pub(super) type NewRow<'a> = (&'a str, &'a str, &'a str, &'a [u8], i64, i64);

pub(super) fn values(key: &KeyRecord) -> NewRow<'_> {
    (
        &key.kid,
        &key.algorithm,
        &key.public,
        &key.private,
        key.created_at,
        key.state_since,
    )
}

pub(super) fn insert_if_none_signs(
    work: &Work<'_>,
    candidate: &KeyRecord,
) -> Result<bool, WriteError> {
    Ok(work.run(INSERT_IF_NONE_SIGNS, values(candidate))? > 0)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<KeyRecord> {
    let state: String = row.get(4)?;
    Ok(KeyRecord {
        kid: row.get(0)?,
        algorithm: row.get(1)?,
        public: row.get(2)?,
        private: row.get(3)?,
        state: state_from(&state),
        created_at: row.get(5)?,
        state_since: row.get(6)?,
        signed_from: row.get(7)?,
        due_at: row.get(8)?,
    })
}
