//! Sessions ended: one, the others, all; by whoever asks, or by a refresh token.

use rusqlite::OptionalExtension;

use super::super::column::reason_text;
use super::super::{Act, EndReason, Hash, WriteError};
use super::session::{OF_TOKEN, recheck};
use super::{Sqlite, Work, account, audit, revocation};

/// The salt goes with the session: nothing is derived from an ended chain.
const END: &str = "UPDATE session SET ended_at = ?3, end_reason = ?4, salt = NULL
    WHERE id = ?1 AND account_id = ?2 AND ended_at IS NULL";
const END_ALL_BUT: &str = "UPDATE session SET ended_at = ?3, end_reason = ?4, salt = NULL
    WHERE account_id = ?1 AND ended_at IS NULL AND id IS NOT ?2 RETURNING id, expires_at";
/// Never backwards, whatever the clock does.
const NOTE_ENDING: &str =
    "UPDATE account SET sessions_ended_at = max(coalesce(sessions_ended_at, ?2), ?2) WHERE id = ?1";
const FORGET_PLACES: &str =
    "UPDATE session SET device = NULL, address = NULL WHERE account_id = ?1";

impl Sqlite {
    pub async fn end_session(
        &self,
        act: Act,
        account_id: &str,
        session_id: &str,
    ) -> Result<(), WriteError> {
        let (account_id, session_id) = (account_id.to_owned(), session_id.to_owned());
        self.write(move |work| {
            recheck(work, &act)?;
            end(work, &act, &account_id, &session_id, EndReason::SignedOut)?;
            audit::note(work, &act, "session.ended", &account_id, Some(&session_id))
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
            recheck(work, &act)?;
            end_others(work, &act, &account_id, &keep)
        })
        .await
    }

    pub async fn end_all_sessions(&self, act: Act, account_id: &str) -> Result<u64, WriteError> {
        let account_id = account_id.to_owned();
        self.write(move |work| {
            recheck(work, &act)?;
            account::raise_generation(work, &act, &account_id)?;
            let ended = end_all_but(work, &act, &account_id, None, EndReason::SignedOut)?;
            audit::note(work, &act, "session.all_ended", &account_id, None)?;
            Ok(ended.len() as u64)
        })
        .await
    }

    pub async fn end_session_by_token(
        &self,
        act: Act,
        token_hash: Hash,
        client_id: Option<String>,
    ) -> Result<Option<(String, String)>, WriteError> {
        self.write(move |work| end_by_token(work, &act, &token_hash, client_id.as_deref()))
            .await
    }
}

/// Ends one living session and revokes its tokens.
pub(super) fn end(
    work: &Work<'_>,
    act: &Act,
    account_id: &str,
    session_id: &str,
    reason: EndReason,
) -> Result<(), WriteError> {
    if work.run(END, (session_id, account_id, act.now, reason_text(reason)))? == 0 {
        return Err(WriteError::NotFound);
    }
    revocation::session(work, act, session_id)
}

/// Ends the account's sessions but one; the ids of those that were alive. The caller revokes: by the generation, or one by one.
/// Sessions that another program keeps for the account end too, as far as tokens of theirs from before are over here.
pub(super) fn end_all_but(
    work: &Work<'_>,
    act: &Act,
    account_id: &str,
    keep: Option<&str>,
    reason: EndReason,
) -> Result<Vec<String>, WriteError> {
    work.run(NOTE_ENDING, (account_id, act.now))?;
    let mut statement = work.prepare_cached(END_ALL_BUT)?;
    let rows = statement.query_map((account_id, keep, act.now, reason_text(reason)), |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?))
    })?;
    let mut ended = Vec::new();
    for row in rows {
        let (id, expires_at) = row?;
        if expires_at > act.now {
            ended.push(id);
        }
    }
    Ok(ended)
}

fn end_others(work: &Work<'_>, act: &Act, account_id: &str, keep: &str) -> Result<u64, WriteError> {
    let ended = end_all_but(work, act, account_id, Some(keep), EndReason::SignedOut)?;
    for session_id in &ended {
        revocation::session(work, act, session_id)?;
    }
    audit::note(work, act, "session.others_ended", account_id, Some(keep))?;
    Ok(ended.len() as u64)
}

fn end_by_token(
    work: &Work<'_>,
    act: &Act,
    token_hash: &Hash,
    client_id: Option<&str>,
) -> Result<Option<(String, String)>, WriteError> {
    let found: Option<(String, String)> = work
        .prepare_cached(OF_TOKEN)?
        .query_row((token_hash, client_id), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((account_id, session_id)) = found else {
        return Ok(None);
    };
    match end(work, act, &account_id, &session_id, EndReason::SignedOut) {
        Err(WriteError::NotFound) => return Ok(None),
        outcome => outcome?,
    }
    audit::note(work, act, "session.ended", &account_id, Some(&session_id))?;
    Ok(Some((account_id, session_id)))
}

/// Where a deleted account's sessions were used from is forgotten with it.
pub(super) fn forget_places(work: &Work<'_>, account_id: &str) -> Result<(), WriteError> {
    work.run(FORGET_PLACES, [account_id])?;
    Ok(())
}
