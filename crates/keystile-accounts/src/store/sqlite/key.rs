//! Signing keys.
//!
//! A key goes from published to signing to retired, and then its row is deleted; or it is withdrawn, and its row stays, so
//! that it never comes back. Each step is decided by the state that its statement finds.

use rusqlite::{Connection, OptionalExtension, Row};

use super::super::column::{state_from, state_text};
use super::super::{Act, KeyRecord, KeyState, KeyUse, StoreError, WriteError};
use super::{Sqlite, Work, audit, revocation};
use crate::store::AuditRecord;

macro_rules! columns {
    () => {
        "kid, algorithm, public, private, state, created_at, state_since, signed_from, due_at"
    };
}

const ALL: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM signing_key ORDER BY created_at, kid"
);
const BY_STATE: &str = concat!("SELECT ", columns!(), " FROM signing_key WHERE state = ?1");
/// In columns that every schema has: it is asked before a migration too.
const SIGNING_AT_A_GLANCE: &str =
    "SELECT kid, algorithm, private FROM signing_key WHERE state = 'signing'";
/// The partial unique index decides between two processes that start together.
const INSERT_IF_NONE_SIGNS: &str = concat!(
    "INSERT INTO signing_key (",
    columns!(),
    ") SELECT ?1, ?2, ?3, ?4, 'signing', ?5, ?6, ?6, NULL
     WHERE NOT EXISTS (SELECT 1 FROM signing_key WHERE state = 'signing')
     ON CONFLICT (state) WHERE state = 'signing' DO NOTHING"
);
const INSERT: &str = concat!(
    "INSERT INTO signing_key (",
    columns!(),
    ") VALUES (?1, ?2, ?3, ?4, 'signing', ?5, ?6, ?6, NULL)"
);
/// One key at a time is the next. A schedule says which key it found signing: it makes no second step from one look.
const PUBLISH: &str = concat!(
    "INSERT INTO signing_key (",
    columns!(),
    ") SELECT ?1, ?2, ?3, ?4, 'published', ?5, ?6, NULL, ?7
     WHERE ?8 = '' OR EXISTS (SELECT 1 FROM signing_key WHERE state = 'signing' AND kid = ?8)
     ON CONFLICT (state) WHERE state = 'published' DO NOTHING"
);
const CANCEL: &str =
    "DELETE FROM signing_key WHERE state = 'published' AND (?1 = '' OR kid = ?1) RETURNING kid";
const IS_SIGNING: &str = "SELECT count(*) FROM signing_key WHERE state = 'signing' AND kid = ?1";
/// Its tokens, of whatever process, live as long as the longest that any has ever issued; and `?2` beyond. Nobody signs
/// with it any more, so its private part goes.
const RETIRE: &str =
    "UPDATE signing_key SET state = 'retired', state_since = ?1, private = ?3, due_at = ?1 + ?2
       + coalesce((SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'longest_token_life'), 0)
     WHERE state = 'signing' AND kid <> ?4
       AND (?4 = '' OR EXISTS (SELECT 1 FROM signing_key WHERE kid = ?4 AND state = 'published' AND due_at <= ?5))
     RETURNING kid";
const PROMOTE: &str =
    "UPDATE signing_key SET state = 'signing', state_since = ?2, signed_from = ?2, due_at = NULL
     WHERE kid = ?1 AND state = 'published' AND due_at <= ?3";
const PROMOTE_IF_NONE_SIGNS: &str =
    "UPDATE signing_key SET state = 'signing', state_since = ?1, signed_from = ?1, due_at = NULL
     WHERE state = 'published' AND NOT EXISTS (SELECT 1 FROM signing_key WHERE state = 'signing')
     RETURNING kid";
const WITHDRAW: &str =
    "UPDATE signing_key SET state = 'withdrawn', state_since = ?2, private = ?3, due_at = NULL
     WHERE kid = ?1 AND state <> 'withdrawn'";
const IS_THERE: &str = "SELECT count(*) FROM signing_key WHERE kid = ?1";
const REMOVE_RETIRED: &str =
    "DELETE FROM signing_key WHERE state = 'retired' AND due_at <= ?1 RETURNING kid";
const REPLACE_PRIVATE: &str =
    "UPDATE signing_key SET private = ?3, public = ?4 WHERE kid = ?1 AND private = ?2";
/// A session's present access token is from its opening or its last rotation. `?3`: a moment more for a process that had
/// not yet heard of the key's retirement.
const USE: &str = "SELECT count(*), count(DISTINCT account_id) FROM session, signing_key
     WHERE kid = ?1 AND state IN ('signing', 'retired') AND ended_at IS NULL AND expires_at > ?2
       AND last_used_at >= signed_from AND (state = 'signing' OR last_used_at <= state_since + ?3)
       AND last_used_at + coalesce((SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'longest_token_life'), 0) > ?2";

/// In the place of a key id: whichever it is.
const ANY: &str = "";
const ERASED: &[u8] = &[];

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

    pub async fn publish_key(
        &self,
        act: Act,
        key: KeyRecord,
        while_signing: Option<String>,
        instead_of: Option<String>,
    ) -> Result<KeyRecord, WriteError> {
        self.write(move |work| {
            super::session::recheck(work, &act)?;
            if let Some(other) = &instead_of {
                cancel(work, &act, other)?;
            }
            let signing = while_signing.as_deref().unwrap_or(ANY);
            let KeyRecord {
                kid,
                algorithm,
                public,
                private,
                created_at,
                state_since,
                due_at,
                ..
            } = &key;
            let values = (
                kid,
                algorithm,
                public,
                private,
                created_at,
                state_since,
                due_at,
                signing,
            );
            if work.run(PUBLISH, values)? > 0 {
                note(work, &act, "key.published", kid)?;
            }
            in_state(work, KeyState::Published)?.ok_or(WriteError::Changed)
        })
        .await
    }

    pub async fn cancel_key(&self, act: Act, kid: &str) -> Result<(), WriteError> {
        let kid = kid.to_owned();
        self.write(move |work| {
            super::session::recheck(work, &act)?;
            cancel(work, &act, &kid)
        })
        .await
    }

    pub async fn sign_with(
        &self,
        act: Act,
        key: KeyRecord,
        in_place_of: &str,
        linger: i64,
    ) -> Result<(), WriteError> {
        let in_place_of = in_place_of.to_owned();
        self.write(move |work| {
            super::session::recheck(work, &act)?;
            if count(work, IS_SIGNING, &in_place_of)? == 0 {
                return Err(WriteError::Changed);
            }
            cancel(work, &act, ANY)?;
            retire(work, &act, linger, ANY, i64::MAX)?;
            work.run(INSERT, values(&key))?;
            note(work, &act, "key.signing", &key.kid)
        })
        .await
    }

    pub async fn promote_key(
        &self,
        act: Act,
        kid: &str,
        due_by: i64,
        linger: i64,
    ) -> Result<(), WriteError> {
        let kid = kid.to_owned();
        self.write(move |work| {
            super::session::recheck(work, &act)?;
            retire(work, &act, linger, &kid, due_by)?;
            if work.run(PROMOTE, (&kid, act.now, due_by))? == 0 {
                return Err(WriteError::Changed);
            }
            note(work, &act, "key.signing", &kid)
        })
        .await
    }

    pub async fn retire_signing(&self, act: Act, linger: i64) -> Result<(), WriteError> {
        self.write(move |work| {
            super::session::recheck(work, &act)?;
            cancel(work, &act, ANY)?;
            retire(work, &act, linger, ANY, i64::MAX)
        })
        .await
    }

    pub async fn withdraw_key(
        &self,
        act: Act,
        kid: &str,
        successor: Option<KeyRecord>,
    ) -> Result<bool, WriteError> {
        let kid = kid.to_owned();
        self.write(move |work| {
            super::session::recheck(work, &act)?;
            withdraw(work, &act, &kid, successor.as_ref())
        })
        .await
    }

    pub async fn remove_retired(&self, act: Act, due_by: i64) -> Result<Vec<String>, WriteError> {
        self.write(move |work| {
            let removed = kids(work, REMOVE_RETIRED, [due_by])?;
            for kid in &removed {
                note(work, &act, "key.gone", kid)?;
            }
            Ok(removed)
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
fn in_state(connection: &Connection, state: KeyState) -> Result<Option<KeyRecord>, StoreError> {
    Ok(connection
        .prepare_cached(BY_STATE)?
        .query_row([state_text(state)], from_row)
        .optional()?)
}

type NewRow<'a> = (&'a str, &'a str, &'a str, &'a [u8], i64, i64);

fn values(key: &KeyRecord) -> NewRow<'_> {
    (
        &key.kid,
        &key.algorithm,
        &key.public,
        &key.private,
        key.created_at,
        key.state_since,
    )
}

fn insert_if_none_signs(work: &Work<'_>, candidate: &KeyRecord) -> Result<bool, WriteError> {
    Ok(work.run(INSERT_IF_NONE_SIGNS, values(candidate))? > 0)
}

/// A key that has signed nothing goes without a trace but the audit's.
fn cancel(work: &Work<'_>, act: &Act, kid: &str) -> Result<(), WriteError> {
    for kid in kids(work, CANCEL, [kid])? {
        note(work, act, "key.cancelled", &kid)?;
    }
    Ok(())
}

/// Retires the key that signs; with a successor, only if that one may sign by `due_by`.
fn retire(
    work: &Work<'_>,
    act: &Act,
    linger: i64,
    successor: &str,
    due_by: i64,
) -> Result<(), WriteError> {
    let values = (act.now, linger, ERASED, successor, due_by);
    for kid in kids(work, RETIRE, values)? {
        note(work, act, "key.retired", &kid)?;
    }
    Ok(())
}

fn withdraw(
    work: &Work<'_>,
    act: &Act,
    kid: &str,
    successor: Option<&KeyRecord>,
) -> Result<bool, WriteError> {
    if work.run(WITHDRAW, (kid, act.now, ERASED))? == 0 {
        return if count(work, IS_THERE, kid)? > 0 {
            Ok(false)
        } else {
            Err(WriteError::NotFound)
        };
    }
    revocation::key(work, act, kid)?;
    note(work, act, "key.withdrawn", kid)?;
    let Some(successor) = successor else {
        return Ok(true);
    };
    for next in kids(work, PROMOTE_IF_NONE_SIGNS, [act.now])? {
        note(work, act, "key.signing", &next)?;
    }
    if insert_if_none_signs(work, successor)? {
        note(work, act, "key.signing", &successor.kid)?;
    }
    Ok(true)
}

fn count(work: &Work<'_>, sql: &'static str, kid: &str) -> Result<i64, WriteError> {
    Ok(work
        .prepare_cached(sql)?
        .query_row([kid], |row| row.get(0))?)
}

/// Runs a statement that returns the ids of the keys it changed.
fn kids(
    work: &Work<'_>,
    sql: &'static str,
    values: impl rusqlite::Params,
) -> Result<Vec<String>, WriteError> {
    let mut statement = work.prepare_cached(sql)?;
    let rows = statement.query_map(values, |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn note(work: &Work<'_>, act: &Act, kind: &str, kid: &str) -> Result<(), WriteError> {
    let record = AuditRecord {
        at: act.now,
        kind: kind.to_owned(),
        actor_id: act.actor.as_ref().map(|actor| actor.account_id.clone()),
        from: act.from.clone(),
        detail: Some(serde_json::json!({ "kid": kid }).to_string()),
        ..AuditRecord::default()
    };
    audit::insert(work, &record)
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
