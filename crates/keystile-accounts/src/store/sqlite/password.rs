//! Password hashes: replaced, changed by their owner, set by an administrator, counted by format.

use super::super::{
    AccountRecord, Act, EndReason, LiveSession, NewHead, PasswordHash, StoreError, WriteError,
};
use super::{Sqlite, Work, account, audit, ending, refresh, session};

const REPLACE: &str = "UPDATE account SET password_hash = ?3, password_format = ?4, updated_at = ?5
    WHERE id = ?1 AND password_hash = ?2";
const SET: &str =
    "UPDATE account SET password_hash = ?2, password_format = ?3, updated_at = ?4 WHERE id = ?1";
const FORMATS: &str = "SELECT format, accounts FROM password_format ORDER BY format";

impl Sqlite {
    pub async fn password_formats(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(FORMATS)?;
            let rows = statement.query_map([], |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub async fn replace_password_hash(
        &self,
        id: &str,
        old: &str,
        new: PasswordHash,
        now: i64,
    ) -> Result<bool, WriteError> {
        let (id, old) = (id.to_owned(), old.to_owned());
        self.write(move |work| replace(work, &id, &old, &new, now))
            .await
    }

    pub async fn change_password(
        &self,
        act: Act,
        old: &str,
        new: PasswordHash,
        head: NewHead,
    ) -> Result<LiveSession, WriteError> {
        let old = old.to_owned();
        self.write(move |work| change(work, &act, &old, &new, &head))
            .await
    }

    pub async fn set_password(
        &self,
        act: Act,
        id: &str,
        new: Option<PasswordHash>,
    ) -> Result<AccountRecord, WriteError> {
        let id = id.to_owned();
        self.write(move |work| set(work, &act, &id, new.as_ref()))
            .await
    }
}

fn replace(
    work: &Work<'_>,
    id: &str,
    old: &str,
    new: &PasswordHash,
    now: i64,
) -> Result<bool, WriteError> {
    Ok(work.run(REPLACE, (id, old, &new.encoded, &new.format, now))? == 1)
}

fn change(
    work: &Work<'_>,
    act: &Act,
    old: &str,
    new: &PasswordHash,
    head: &NewHead,
) -> Result<LiveSession, WriteError> {
    session::recheck(work, act)?;
    let actor = act.actor.as_ref().ok_or(WriteError::Stale)?;
    if !replace(work, &actor.account_id, old, new, act.now)? {
        return Err(WriteError::Changed);
    }
    account::raise_generation(work, act, &actor.account_id)?;
    ending::end_all_but(
        work,
        act,
        &actor.account_id,
        Some(&actor.session_id),
        EndReason::PasswordChanged,
    )?;
    let session = refresh::replace_head(work, act, &actor.session_id, head)?;
    audit::note(
        work,
        act,
        "account.password_changed",
        &actor.account_id,
        Some(&actor.session_id),
    )?;
    let account = account::by_id(work, &actor.account_id)?;
    Ok(LiveSession { session, account })
}

fn set(
    work: &Work<'_>,
    act: &Act,
    id: &str,
    new: Option<&PasswordHash>,
) -> Result<AccountRecord, WriteError> {
    session::recheck(work, act)?;
    let (hash, format) = new.map(|hash| (&hash.encoded, &hash.format)).unzip();
    if work.run(SET, (id, hash, format, act.now))? == 0 {
        return Err(WriteError::NotFound);
    }
    account::raise_generation(work, act, id)?;
    ending::end_all_but(work, act, id, None, EndReason::PasswordChanged)?;
    audit::note(work, act, "account.password_set", id, None)?;
    account::by_id(work, id)
}
