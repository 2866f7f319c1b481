//! What follows a restore, however it came about: nothing that the lost time may have ended is good again.

use rusqlite::Connection;

use super::super::{Restoration, Restored, StoreError, Trusted, WriteError};
use super::{Sqlite, audit, backup};

const NEW_FEED: &str = "UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'feed_id'";
const ACCOUNTS: &str = "SELECT count(*) FROM account";
const LIVING: &str = "SELECT count(*) FROM session WHERE ended_at IS NULL AND expires_at > ?1";
const END_SESSIONS: &str = "UPDATE session SET ended_at = ?1, end_reason = 'restored', salt = NULL
    WHERE ended_at IS NULL";
/// Far above any generation that the lost history can have reached: what guards elsewhere remember of it must touch no
/// token of the time after. Tokens of other programs from before are over too.
const RAISE_GENERATIONS: &str = "UPDATE account SET generation = generation + 4294967296,
    sessions_ended_at = max(coalesce(sessions_ended_at, ?1), ?1)";
const RAISE_CLIENTS: &str = "UPDATE client SET generation = generation + 4294967296";
const REVOKE_KEYS: &str = "INSERT INTO revocation (kind, value, at, until)
    SELECT 'key', kid, ?1, max(?2, ?1 + coalesce((SELECT CAST(value AS INTEGER) FROM meta
        WHERE name = 'longest_token_life'), 0))
    FROM signing_key WHERE state <> 'withdrawn' AND kid = coalesce(?3, kid) ORDER BY created_at, kid";
/// As each withdrawal: nobody signs with them any more, so their private parts go.
const WITHDRAW_KEYS: &str =
    "UPDATE signing_key SET state = 'withdrawn', state_since = ?1, private = x'', due_at = NULL
    WHERE state <> 'withdrawn' AND kid = coalesce(?2, kid)";

impl Sqlite {
    /// See [`super::super::Store::begin_anew`].
    pub async fn begin_anew(&self, how: Restoration) -> Result<Restored, WriteError> {
        self.write(move |work| Ok(begin(work, how, None, &[])?))
            .await
    }
}

/// Within the caller's transaction. `withdrawn`: keys that are known to have been withdrawn in the lost time, and when.
pub(super) fn begin(
    connection: &Connection,
    how: Restoration,
    taken_at: Option<i64>,
    withdrawn: &[(String, i64)],
) -> Result<Restored, StoreError> {
    let restored = Restored {
        taken_at,
        replaced: None,
        accounts: backup::count(connection, ACCOUNTS)?,
        sessions: connection
            .query_row(LIVING, [how.now], |row| row.get::<_, i64>(0))?
            .unsigned_abs(),
        keys_withdrawn: distrust(connection, how, withdrawn)?,
        undone: None,
    };
    connection.execute(NEW_FEED, [])?;
    audit::put(connection, &how.audited(taken_at))?;
    Ok(restored)
}

/// Ends what was handed out, as far as it is not trusted; says how many keys were withdrawn.
fn distrust(
    connection: &Connection,
    how: Restoration,
    withdrawn: &[(String, i64)],
) -> Result<u64, StoreError> {
    if how.trusted != Trusted::Everything {
        connection.execute(END_SESSIONS, [how.now])?;
        connection.execute(RAISE_GENERATIONS, [how.now])?;
        connection.execute(RAISE_CLIENTS, [])?;
    }
    let mut count = 0;
    // As of when it was done: the next restore tells them from those that this one withdraws.
    for (kid, since) in withdrawn {
        count += withdraw(connection, how, Some(kid), *since)?;
    }
    if how.trusted == Trusted::Nothing {
        count += withdraw(connection, how, None, how.now)?;
    }
    Ok(count)
}

/// Withdraws one key, or all.
fn withdraw(
    connection: &Connection,
    how: Restoration,
    kid: Option<&str>,
    since: i64,
) -> Result<u64, StoreError> {
    connection.execute(REVOKE_KEYS, (how.now, how.revoked_until, kid))?;
    Ok(connection.execute(WITHDRAW_KEYS, (since, kid))? as u64)
}
