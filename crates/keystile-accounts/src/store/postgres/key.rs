//! Signing keys.
//!
//! A key goes from published to signing to retired, and then its row is deleted; or it is withdrawn, and its row stays, so
//! that it never comes back. Each step is decided by the state that its statement finds.

use deadpool_postgres::{GenericClient, Object};
use tokio_postgres::Row;

use super::super::column::{state_from, state_text};
use super::super::{Act, AuditRecord, KeyRecord, KeyState, KeyUse, StoreError, WriteError};
use super::row::{self, Values, get};
use super::{Postgres, Work, audit, revocation, session};

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
const BY_STATE: &str = concat!("SELECT ", columns!(), " FROM signing_key WHERE state = $1");
/// In columns that every schema has: it is asked before a migration too.
const SIGNING_AT_A_GLANCE: &str =
    "SELECT kid, algorithm, private FROM signing_key WHERE state = 'signing'";
/// Changes of keys are rare and one at a time: which key signs is a matter of all rows.
const ONE_AT_A_TIME: &str = "LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE";
/// The partial unique index decides between two nodes that start together.
const INSERT_IF_NONE_SIGNS: &str = concat!(
    "INSERT INTO signing_key (",
    columns!(),
    ") SELECT $1, $2, $3, $4, 'signing', $5::bigint, $6::bigint, $6, NULL
     WHERE NOT EXISTS (SELECT 1 FROM signing_key WHERE state = 'signing')
     ON CONFLICT (state) WHERE state = 'signing' DO NOTHING"
);
const INSERT: &str = concat!(
    "INSERT INTO signing_key (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, 'signing', $5, $6, $6, NULL)"
);
/// One key at a time is the next. A schedule says which key it found signing: it makes no second step from one look.
const PUBLISH: &str = concat!(
    "INSERT INTO signing_key (",
    columns!(),
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
const REPLACE_PRIVATE: &str =
    "UPDATE signing_key SET private = $3, public = $4 WHERE kid = $1 AND private = $2";
/// A session's present access token is from its opening or its last rotation. `$3`: a moment more for a process that had
/// not yet heard of the key's retirement.
const USE: &str = "SELECT count(*), count(DISTINCT account_id) FROM session, signing_key
     WHERE kid = $1 AND state IN ('signing', 'retired') AND ended_at IS NULL AND expires_at > $2::bigint
       AND last_used_at >= signed_from AND (state = 'signing' OR last_used_at <= state_since + $3::bigint)
       AND last_used_at + coalesce((SELECT value::bigint FROM meta WHERE name = 'longest_token_life'), 0) > $2";

/// In the place of a key id: whichever it is.
const ANY: &str = "";
const ERASED: &[u8] = &[];

impl Postgres {
    pub async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.ask_apart(|client| {
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

/// Rechecks who acts, and waits for whoever else changes keys.
async fn begin(work: &Work<'_>, act: &Act) -> Result<(), WriteError> {
    session::recheck(work, act, None).await?;
    work.run(ONE_AT_A_TIME, &[]).await?;
    Ok(())
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
async fn in_state(
    client: &impl GenericClient,
    state: KeyState,
) -> Result<Option<KeyRecord>, StoreError> {
    let found = row::optional(client, BY_STATE, &[&state_text(state)]).await?;
    found.map(|row| from_row(&row)).transpose()
}

/// Inserts a key that signs; whether the statement did.
async fn insert(
    client: &impl GenericClient,
    sql: &'static str,
    key: &KeyRecord,
) -> Result<bool, WriteError> {
    let values: Values<'_> = &[
        &key.kid,
        &key.algorithm,
        &key.public,
        &key.private,
        &key.created_at,
        &key.state_since,
    ];
    Ok(row::run(client, sql, values).await? > 0)
}

async fn publish(
    work: &Work<'_>,
    act: &Act,
    key: &KeyRecord,
    while_signing: &str,
) -> Result<KeyRecord, WriteError> {
    let values: Values<'_> = &[
        &key.kid,
        &key.algorithm,
        &key.public,
        &key.private,
        &key.created_at,
        &key.state_since,
        &key.due_at,
        &while_signing,
    ];
    if work.run(PUBLISH, values).await? > 0 {
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
