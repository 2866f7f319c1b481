//! Signing keys, and secrets that all processes share.

use rusqlite::{Connection, OptionalExtension, Row};

use super::super::{Act, KeyRecord, KeyState, StoreError, WriteError};
use super::{Sqlite, Work, audit, revocation};
use crate::store::AuditRecord;

macro_rules! columns {
    () => {
        "kid, algorithm, private, state, created_at, state_since"
    };
}

const ALL: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM signing_key ORDER BY created_at, kid"
);
const SIGNING: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM signing_key WHERE state = 'signing'"
);
/// The partial unique index decides between two processes that start together.
const INSERT_IF_NONE: &str = concat!(
    "INSERT INTO signing_key (",
    columns!(),
    ") VALUES (?1, ?2, ?3, 'signing', ?4, ?5)
     ON CONFLICT (state) WHERE state = 'signing' DO NOTHING"
);
const INSERT: &str = concat!(
    "INSERT INTO signing_key (",
    columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
);
const RETIRE_SIGNING: &str = "UPDATE signing_key SET state = 'retired', state_since = ?1 WHERE state = 'signing' AND kid <> ?2";
const MOVE: &str =
    "UPDATE signing_key SET state = ?3, state_since = ?4 WHERE kid = ?1 AND state = ?2";
const INSERT_SECRET: &str =
    "INSERT INTO shared_secret (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
const SECRET: &str = "SELECT value FROM shared_secret WHERE name = ?1";

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
        self.write(move |work| signing_or_insert(work, &candidate))
            .await
    }

    pub async fn insert_key(&self, act: Act, key: KeyRecord) -> Result<(), WriteError> {
        self.write(move |work| insert(work, &act, &key)).await
    }

    pub async fn move_key(
        &self,
        act: Act,
        kid: &str,
        from: KeyState,
        to: KeyState,
    ) -> Result<(), WriteError> {
        let kid = kid.to_owned();
        self.write(move |work| change_state(work, &act, &kid, from, to))
            .await
    }

    pub async fn shared_secret(
        &self,
        name: &str,
        candidate: [u8; 32],
    ) -> Result<[u8; 32], WriteError> {
        let name = name.to_owned();
        self.write(move |work| {
            work.run(INSERT_SECRET, (&name, candidate))?;
            Ok(work
                .prepare_cached(SECRET)?
                .query_row([&name], |row| row.get(0))?)
        })
        .await
    }
}

fn signing_or_insert(work: &Work<'_>, candidate: &KeyRecord) -> Result<KeyRecord, WriteError> {
    let KeyRecord {
        kid,
        algorithm,
        private,
        created_at,
        state_since,
        ..
    } = candidate;
    if let Some(present) = signing(work)? {
        return Ok(present);
    }
    work.run(
        INSERT_IF_NONE,
        (kid, algorithm, private, created_at, state_since),
    )?;
    signing(work)?.ok_or(WriteError::NotFound)
}

pub(super) fn signing(connection: &Connection) -> Result<Option<KeyRecord>, StoreError> {
    Ok(connection
        .prepare_cached(SIGNING)?
        .query_row([], from_row)
        .optional()?)
}

fn insert(work: &Work<'_>, act: &Act, key: &KeyRecord) -> Result<(), WriteError> {
    super::session::recheck(work, act)?;
    if key.state == KeyState::Signing {
        work.run(RETIRE_SIGNING, (act.now, &key.kid))?;
    }
    let KeyRecord {
        kid,
        algorithm,
        private,
        state,
        created_at,
        state_since,
    } = key;
    work.run(
        INSERT,
        (
            kid,
            algorithm,
            private,
            state_text(*state),
            created_at,
            state_since,
        ),
    )?;
    note(work, act, "key.added", kid)
}

fn change_state(
    work: &Work<'_>,
    act: &Act,
    kid: &str,
    from: KeyState,
    to: KeyState,
) -> Result<(), WriteError> {
    super::session::recheck(work, act)?;
    if to == KeyState::Signing {
        work.run(RETIRE_SIGNING, (act.now, kid))?;
    }
    if work.run(MOVE, (kid, state_text(from), state_text(to), act.now))? == 0 {
        return Err(WriteError::Changed);
    }
    if to == KeyState::Withdrawn {
        revocation::key(work, act, kid)?;
    }
    note(work, act, &format!("key.{}", state_text(to)), kid)
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
    let state: String = row.get(3)?;
    Ok(KeyRecord {
        kid: row.get(0)?,
        algorithm: row.get(1)?,
        private: row.get(2)?,
        state: state_from(&state),
        created_at: row.get(4)?,
        state_since: row.get(5)?,
    })
}

fn state_text(state: KeyState) -> &'static str {
    match state {
        KeyState::Published => "published",
        KeyState::Signing => "signing",
        KeyState::Retired => "retired",
        KeyState::Withdrawn => "withdrawn",
    }
}

/// The table's CHECK admits no other text; one that got in all the same is trusted with nothing.
fn state_from(text: &str) -> KeyState {
    match text {
        "published" => KeyState::Published,
        "signing" => KeyState::Signing,
        "retired" => KeyState::Retired,
        _ => KeyState::Withdrawn,
    }
}
