//! The steps of signing keys.
//!
//! A key goes from published to signing to retired, and then its row is deleted; or it is withdrawn, and its row stays, so
//! that it never comes back. Each step is decided by the state that its statement finds.

use super::super::{Act, AuditRecord, KeyRecord, KeyState, WriteError};
use super::key::{in_state, insert_if_none_signs, key_columns, values};
use super::{Sqlite, Work, audit, revocation};

const INSERT: &str = concat!(
    "INSERT INTO signing_key (",
    key_columns!(),
    ") VALUES (?1, ?2, ?3, ?4, 'signing', ?5, ?6, ?6, NULL)"
);
/// One key at a time is the next. A schedule says which key it found signing: it makes no second step from one look.
const PUBLISH: &str = concat!(
    "INSERT INTO signing_key (",
    key_columns!(),
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
/// In the place of a key id: whichever it is.
const ANY: &str = "";
const ERASED: &[u8] = &[];

impl Sqlite {
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
