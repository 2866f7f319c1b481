//! The steps of signing keys.
//!
//! A key goes from published to signing to retired, and then its row is deleted; or it is withdrawn, and its row stays, so
//! that it never comes back. Each step is decided by the state that its statement finds.

use super::super::{Act, AuditRecord, KeyRecord, KeyState, WriteError};
use super::key::{INSERT_IF_NONE_SIGNS, in_state, insert, key_columns};
use super::row::{self, Values, get};
use super::{Postgres, Work, audit, key, revocation, session};

/// Changes of keys are rare and one at a time: which key signs is a matter of all rows.
const ONE_AT_A_TIME: &str = "LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE";
const INSERT: &str = concat!(
    "INSERT INTO signing_key (",
    key_columns!(),
    ") VALUES ($1, $2, $3, $4, 'signing', $5, $6, $6, NULL)"
);
/// One key at a time is the next. A schedule says which key it found signing: it makes no second step from one look.
const PUBLISH: &str = concat!(
    "INSERT INTO signing_key (",
    key_columns!(),
    ") SELECT $1, $2, $3, $4, 'published', $5::bigint, $6::bigint, NULL, $7::bigint
     WHERE $8::text = '' OR EXISTS (SELECT 1 FROM signing_key WHERE state = 'signing' AND kid = $8)
     ON CONFLICT (state) WHERE state = 'published' DO NOTHING"
);
const CANCEL: &str = "DELETE FROM signing_key WHERE state = 'published' AND ($1::text = '' OR kid = $1) RETURNING kid";
const IS_SIGNING: &str = "SELECT count(*) FROM signing_key WHERE state = 'signing' AND kid = $1";
/// Its tokens, of whatever process, live as long as the longest that any has ever issued; and `$2` beyond. Nobody signs
/// with it any more, so its private part goes.
const RETIRE: &str = "UPDATE signing_key SET state = 'retired', state_since = $1, private = $3,
        due_at = $1::bigint + $2::bigint
       + coalesce((SELECT value::bigint FROM meta WHERE name = 'longest_token_life' FOR SHARE), 0)
     WHERE state = 'signing' AND kid <> $4::text
       AND ($4 = '' OR EXISTS (SELECT 1 FROM signing_key WHERE kid = $4 AND state = 'published' AND due_at <= $5::bigint))
     RETURNING kid";
const PROMOTE: &str =
    "UPDATE signing_key SET state = 'signing', state_since = $2, signed_from = $2, due_at = NULL
     WHERE kid = $1 AND state = 'published' AND due_at <= $3";
const PROMOTE_IF_NONE_SIGNS: &str =
    "UPDATE signing_key SET state = 'signing', state_since = $1, signed_from = $1, due_at = NULL
     WHERE state = 'published' AND NOT EXISTS (SELECT 1 FROM signing_key WHERE state = 'signing')
     RETURNING kid";
const WITHDRAW: &str =
    "UPDATE signing_key SET state = 'withdrawn', state_since = $2, private = $3, due_at = NULL
     WHERE kid = $1 AND state <> 'withdrawn'";
const IS_THERE: &str = "SELECT count(*) FROM signing_key WHERE kid = $1";
const REMOVE_RETIRED: &str =
    "DELETE FROM signing_key WHERE state = 'retired' AND due_at <= $1 RETURNING kid";
/// In the place of a key id: whichever it is.
const ANY: &str = "";
const ERASED: &[u8] = &[];

impl Postgres {
    pub async fn publish_key(
        &self,
        act: Act,
        key: KeyRecord,
        while_signing: Option<String>,
        instead_of: Option<String>,
    ) -> Result<KeyRecord, WriteError> {
        self.write(move |work| {
            Box::pin(async move {
                begin(work, &act).await?;
                if let Some(other) = &instead_of {
                    cancel(work, &act, other).await?;
                }
                publish(work, &act, &key, while_signing.as_deref().unwrap_or(ANY)).await
            })
        })
        .await
    }

    pub async fn cancel_key(&self, act: Act, kid: &str) -> Result<(), WriteError> {
        let kid = kid.to_owned();
        self.write(move |work| {
            Box::pin(async move {
                begin(work, &act).await?;
                cancel(work, &act, &kid).await
            })
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
            Box::pin(async move {
                begin(work, &act).await?;
                if row::number(&**work, IS_SIGNING, &[&in_place_of]).await? == 0 {
                    return Err(WriteError::Changed);
                }
                cancel(work, &act, ANY).await?;
                retire(work, &act, linger, ANY, i64::MAX).await?;
                insert(&**work, INSERT, &key).await?;
                note(work, &act, "key.signing", &key.kid).await
            })
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
            Box::pin(async move {
                begin(work, &act).await?;
                retire(work, &act, linger, &kid, due_by).await?;
                if work.run(PROMOTE, &[&kid, &act.now, &due_by]).await? == 0 {
                    return Err(WriteError::Changed);
                }
                note(work, &act, "key.signing", &kid).await
            })
        })
        .await
    }

    pub async fn retire_signing(&self, act: Act, linger: i64) -> Result<(), WriteError> {
        self.write(move |work| {
            Box::pin(async move {
                begin(work, &act).await?;
                cancel(work, &act, ANY).await?;
                retire(work, &act, linger, ANY, i64::MAX).await
            })
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
            Box::pin(async move {
                begin(work, &act).await?;
                withdraw(work, &act, &kid, successor.as_ref()).await
            })
        })
        .await
    }

    pub async fn remove_retired(&self, act: Act, due_by: i64) -> Result<Vec<String>, WriteError> {
        self.write(move |work| {
            Box::pin(async move {
                let removed = kids(work, REMOVE_RETIRED, &[&due_by]).await?;
                for kid in &removed {
                    note(work, &act, "key.gone", kid).await?;
                }
                Ok(removed)
            })
        })
        .await
    }
}

/// Rechecks who acts, and waits for whoever else changes keys.
async fn begin(work: &Work<'_>, act: &Act) -> Result<(), WriteError> {
    session::recheck(work, act, None).await?;
    work.run(ONE_AT_A_TIME, &[]).await?;
    Ok(())
}

async fn publish(
    work: &Work<'_>,
    act: &Act,
    key: &KeyRecord,
    while_signing: &str,
) -> Result<KeyRecord, WriteError> {
    let further: Values<'_> = &[&key.due_at, &while_signing];
    let values = [&key::values(key), further].concat();
    if work.run(PUBLISH, &values).await? > 0 {
        note(work, act, "key.published", &key.kid).await?;
    }
    in_state(&**work, KeyState::Published)
        .await?
        .ok_or(WriteError::Changed)
}

/// A key that has signed nothing goes without a trace but the audit's.
async fn cancel(work: &Work<'_>, act: &Act, kid: &str) -> Result<(), WriteError> {
    for kid in kids(work, CANCEL, &[&kid]).await? {
        note(work, act, "key.cancelled", &kid).await?;
    }
    Ok(())
}

/// Retires the key that signs; with a successor, only if that one may sign by `due_by`.
async fn retire(
    work: &Work<'_>,
    act: &Act,
    linger: i64,
    successor: &str,
    due_by: i64,
) -> Result<(), WriteError> {
    let values: Values<'_> = &[&act.now, &linger, &ERASED, &successor, &due_by];
    for kid in kids(work, RETIRE, values).await? {
        note(work, act, "key.retired", &kid).await?;
    }
    Ok(())
}

async fn withdraw(
    work: &Work<'_>,
    act: &Act,
    kid: &str,
    successor: Option<&KeyRecord>,
) -> Result<bool, WriteError> {
    if work.run(WITHDRAW, &[&kid, &act.now, &ERASED]).await? == 0 {
        return match row::number(&**work, IS_THERE, &[&kid]).await? {
            0 => Err(WriteError::NotFound),
            _ => Ok(false),
        };
    }
    revocation::key(work, act, kid).await?;
    note(work, act, "key.withdrawn", kid).await?;
    let Some(successor) = successor else {
        return Ok(true);
    };
    for next in kids(work, PROMOTE_IF_NONE_SIGNS, &[&act.now]).await? {
        note(work, act, "key.signing", &next).await?;
    }
    if insert(&**work, INSERT_IF_NONE_SIGNS, successor).await? {
        note(work, act, "key.signing", &successor.kid).await?;
    }
    Ok(true)
}

/// Runs a statement that returns the ids of the keys it changed.
async fn kids(
    work: &Work<'_>,
    sql: &'static str,
    values: Values<'_>,
) -> Result<Vec<String>, WriteError> {
    let mut kids = Vec::new();
    for row in work.all(sql, values).await? {
        kids.push(get(&row, 0)?);
    }
    Ok(kids)
}

async fn note(work: &Work<'_>, act: &Act, kind: &str, kid: &str) -> Result<(), WriteError> {
    let record = AuditRecord {
        at: act.now,
        kind: kind.to_owned(),
        actor_id: act.actor.as_ref().map(|actor| actor.account_id.clone()),
        from: act.from.clone(),
        detail: Some(serde_json::json!({ "kid": kid }).to_string()),
        ..AuditRecord::default()
    };
    audit::insert(&**work, &record).await
}
