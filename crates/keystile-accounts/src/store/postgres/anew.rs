//! What follows a restore by the server's own means: nothing that the lost time may have ended is good again.

use super::super::{Restoration, Restored, StoreError, Trusted, WriteError};
use super::{Postgres, Work, audit, notify, row, work};

/// As long as it takes: there may be many accounts.
const NO_HURRY: &str = "SET LOCAL statement_timeout = 0";
/// In the order in which everybody locks. Whoever is opening a session is waited for, and its session ended below; who
/// comes later finds another generation.
const LOCK_ACCOUNTS: &str =
    "SELECT count(*) FROM (SELECT 1 FROM account ORDER BY id FOR UPDATE) AS locked";
const LOCK_SESSIONS: &str = "SELECT count(*) FROM (SELECT 1 FROM session WHERE ended_at IS NULL ORDER BY id FOR UPDATE) AS locked";
const LIVING: &str = "SELECT count(*) FROM session WHERE ended_at IS NULL AND expires_at > $1";
const NEW_FEED: &str =
    "UPDATE meta SET value = replace(gen_random_uuid()::text, '-', '') WHERE name = 'feed_id'";
const END_SESSIONS: &str =
    "UPDATE session SET ended_at = $1, end_reason = 'restored', salt = NULL WHERE ended_at IS NULL";
/// Far above any generation that the lost history can have reached: what guards elsewhere remember of it must touch no
/// token of the time after. Tokens of other programs from before are over too.
const RAISE_GENERATIONS: &str = "UPDATE account SET generation = generation + 4294967296,
    sessions_ended_at = greatest(sessions_ended_at, $1::bigint)";
const RAISE_CLIENTS: &str = "UPDATE client SET generation = generation + 4294967296";
const ONE_AT_A_TIME: &str = "LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE";
const REVOKE_KEYS: &str = "INSERT INTO revocation (kind, value, at, until)
    SELECT 'key', kid, $1::bigint, greatest($2::bigint, $1 + coalesce(
        (SELECT value::bigint FROM meta WHERE name = 'longest_token_life' FOR SHARE), 0))
    FROM signing_key WHERE state <> 'withdrawn' ORDER BY created_at, kid";
/// As each withdrawal: nobody signs with them any more, so their private parts go.
const WITHDRAW_KEYS: &str =
    "UPDATE signing_key SET state = 'withdrawn', state_since = $1, private = '', due_at = NULL
    WHERE state <> 'withdrawn'";

impl Postgres {
    /// See [`super::super::Store::begin_anew`]. Not bounded, as a migration is not.
    pub async fn begin_anew(&self, how: Restoration) -> Result<Restored, WriteError> {
        let mut lent = self.lend(&self.0.pool).await?;
        let acts = work::transact(lent.client()?, move |work| {
            Box::pin(async move { begin(work, how).await })
        });
        let begun = match Box::pin(acts).await {
            Ok((begun, _)) => begun,
            Err(error) => return lent.settle(Err(error)),
        };
        notify(lent).await;
        Ok(begun)
    }
}

async fn begin(work: &Work<'_>, how: Restoration) -> Result<Restored, WriteError> {
    work.batch_execute(NO_HURRY).await?;
    let accounts = row::number(&**work, LOCK_ACCOUNTS, &[]).await?;
    if how.trusted != Trusted::Everything {
        // Before the sessions, as whoever deletes a client comes to them from there.
        work.run(RAISE_CLIENTS, &[]).await?;
    }
    row::number(&**work, LOCK_SESSIONS, &[]).await?;
    let sessions = row::number(&**work, LIVING, &[&how.now]).await?;
    let keys_withdrawn = distrust(work, how).await?;
    work.run(NEW_FEED, &[]).await?;
    audit::insert(&**work, &how.audited(None)).await?;
    Ok(Restored {
        taken_at: None,
        replaced: None,
        accounts: accounts.unsigned_abs(),
        sessions: sessions.unsigned_abs(),
        keys_withdrawn,
        undone: None,
    })
}

/// Ends what was handed out, as far as it is not trusted; says how many keys were withdrawn.
async fn distrust(work: &Work<'_>, how: Restoration) -> Result<u64, WriteError> {
    if how.trusted != Trusted::Everything {
        work.run(RAISE_GENERATIONS, &[&how.now]).await?;
        work.run(END_SESSIONS, &[&how.now]).await?;
    }
    if how.trusted != Trusted::Nothing {
        return Ok(0);
    }
    work.batch_execute(ONE_AT_A_TIME)
        .await
        .map_err(StoreError::from)?;
    work.run(REVOKE_KEYS, &[&how.now, &how.revoked_until])
        .await?;
    work.run(WITHDRAW_KEYS, &[&how.now]).await
}
