//! Sessions ended: one, the others, all; by whoever asks, or by a refresh token.

use tokio_postgres::Row;

use super::super::column::reason_text;
use super::super::{Act, EndReason, Hash, WriteError};
use super::row::{Values, get};
use super::session::{OF_TOKEN, recheck};
use super::{Postgres, Work, account, audit, revocation};

/// The salt goes with the session: nothing is derived from an ended chain.
const END: &str = "UPDATE session SET ended_at = $3, end_reason = $4, salt = NULL
    WHERE id = $1 AND account_id = $2 AND ended_at IS NULL";
/// In the order of ids.
const END_ALL_BUT: &str = "WITH living AS (
        SELECT id FROM session WHERE account_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $2::text
         ORDER BY id FOR UPDATE)
    UPDATE session SET ended_at = $3, end_reason = $4, salt = NULL
      FROM living WHERE session.id = living.id RETURNING session.id, session.expires_at";
/// Never backwards, whatever the clock does. Locks the account, if nothing did before.
const NOTE_ENDING: &str =
    "UPDATE account SET sessions_ended_at = greatest(sessions_ended_at, $2::bigint) WHERE id = $1";
const FORGET_PLACES: &str =
    "UPDATE session SET device = NULL, address = NULL WHERE account_id = $1";

impl Postgres {
    pub async fn end_session(
        &self,
        act: Act,
        account_id: &str,
        session_id: &str,
    ) -> Result<(), WriteError> {
        let (account_id, session_id) = (account_id.to_owned(), session_id.to_owned());
        self.write(move |work| {
            Box::pin(async move {
                recheck(work, &act, None).await?;
                end(work, &act, &account_id, &session_id, EndReason::SignedOut).await?;
                audit::note(work, &act, "session.ended", &account_id, Some(&session_id)).await
            })
        })
        .await
    }

    pub async fn end_other_sessions(
        &self,
        act: Act,
        account_id: &str,
        keep: &str,
    ) -> Result<u64, WriteError> {
        let (account_id, keep) = (account_id.to_owned(), keep.to_owned());
        self.write(move |work| {
            Box::pin(async move {
                recheck(work, &act, Some(&account_id)).await?;
                end_others(work, &act, &account_id, &keep).await
            })
        })
        .await
    }

    pub async fn end_all_sessions(&self, act: Act, account_id: &str) -> Result<u64, WriteError> {
        let account_id = account_id.to_owned();
        self.write(move |work| {
            Box::pin(async move {
                recheck(work, &act, Some(&account_id)).await?;
                account::raise_generation(work, &act, &account_id).await?;
                let ended =
                    end_all_but(work, &act, &account_id, None, EndReason::SignedOut).await?;
                audit::note(work, &act, "session.all_ended", &account_id, None).await?;
                Ok(ended.len() as u64)
            })
        })
        .await
    }

    pub async fn end_session_by_token(
        &self,
        act: Act,
        token_hash: Hash,
        client_id: Option<String>,
    ) -> Result<Option<(String, String)>, WriteError> {
        self.write(move |work| {
            Box::pin(
                async move { end_by_token(work, &act, &token_hash, client_id.as_deref()).await },
            )
        })
        .await
    }
}

/// Ends one living session and revokes its tokens.
pub(super) async fn end(
    work: &Work<'_>,
    act: &Act,
    account_id: &str,
    session_id: &str,
    reason: EndReason,
) -> Result<(), WriteError> {
    let values: Values<'_> = &[&session_id, &account_id, &act.now, &reason_text(reason)];
    if work.run(END, values).await? == 0 {
        return Err(WriteError::NotFound);
    }
    revocation::session(work, act, session_id).await
}

/// Ends the account's sessions but one; the ids of those that were alive. The caller revokes: by the generation, or one by one.
/// Sessions that another program keeps for the account end too, as far as tokens of theirs from before are over here.
pub(super) async fn end_all_but(
    work: &Work<'_>,
    act: &Act,
    account_id: &str,
    keep: Option<&str>,
    reason: EndReason,
) -> Result<Vec<String>, WriteError> {
    work.run(NOTE_ENDING, &[&account_id, &act.now]).await?;
    let values: Values<'_> = &[&account_id, &keep, &act.now, &reason_text(reason)];
    living(&work.all(END_ALL_BUT, values).await?, act.now)
}

/// Of sessions that were ended, rows of id and expiry, those whose time was not over.
pub(super) fn living(ended: &[Row], now: i64) -> Result<Vec<String>, WriteError> {
    let mut living = Vec::new();
    for row in ended {
        if get::<i64>(row, 1)? > now {
            living.push(get(row, 0)?);
        }
    }
    Ok(living)
}

async fn end_others(
    work: &Work<'_>,
    act: &Act,
    account_id: &str,
    keep: &str,
) -> Result<u64, WriteError> {
    let ended = end_all_but(work, act, account_id, Some(keep), EndReason::SignedOut).await?;
    revocation::sessions(work, act, &ended).await?;
    audit::note(work, act, "session.others_ended", account_id, Some(keep)).await?;
    Ok(ended.len() as u64)
}

async fn end_by_token(
    work: &Work<'_>,
    act: &Act,
    token_hash: &Hash,
    client_id: Option<&str>,
) -> Result<Option<(String, String)>, WriteError> {
    let found = work
        .optional(OF_TOKEN, &[&token_hash.as_slice(), &client_id])
        .await?;
    let Some(row) = found else {
        return Ok(None);
    };
    let (account_id, session_id): (String, String) = (get(&row, 0)?, get(&row, 1)?);
    match end(work, act, &account_id, &session_id, EndReason::SignedOut).await {
        Err(WriteError::NotFound) => return Ok(None),
        outcome => outcome?,
    }
    audit::note(work, act, "session.ended", &account_id, Some(&session_id)).await?;
    Ok(Some((account_id, session_id)))
}

/// Where a deleted account's sessions were used from is forgotten with it.
pub(super) async fn forget_places(work: &Work<'_>, account_id: &str) -> Result<(), WriteError> {
    work.run(FORGET_PLACES, &[&account_id]).await?;
    Ok(())
}
