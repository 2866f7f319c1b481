//! Password hashes: replaced, changed by their owner, set by an administrator, counted by format.

use deadpool_postgres::GenericClient;

use super::super::{
    AccountRecord, Act, EndReason, LiveSession, NewHead, PasswordHash, StoreError, WriteError,
};
use super::row::{self, Values, get};
use super::{Postgres, Work, account, audit, ending, refresh, session};

const REPLACE: &str = "UPDATE account SET password_hash = $3, password_format = $4, updated_at = $5
    WHERE id = $1 AND password_hash = $2";
const SET: &str =
    "UPDATE account SET password_hash = $2, password_format = $3, updated_at = $4 WHERE id = $1";
const FORMATS: &str = "SELECT format, sum(accounts)::bigint FROM password_format
    GROUP BY format HAVING sum(accounts) > 0 ORDER BY format";

impl Postgres {
    pub async fn password_formats(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.ask(|client| {
            Box::pin(async move {
                let rows = row::all(client, FORMATS, &[]).await?;
                rows.iter()
                    .map(|row| Ok((get(row, 0)?, get::<i64>(row, 1)?.cast_unsigned())))
                    .collect()
            })
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
        self.ask(move |client| Box::pin(async move { replace(client, &id, &old, &new, now).await }))
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
        self.write(move |work| Box::pin(async move { change(work, &act, &old, &new, &head).await }))
            .await
    }

    pub async fn set_password(
        &self,
        act: Act,
        id: &str,
        new: Option<PasswordHash>,
    ) -> Result<AccountRecord, WriteError> {
        let id = id.to_owned();
        self.write(move |work| Box::pin(async move { set(work, &act, &id, new.as_ref()).await }))
            .await
    }
}

async fn replace(
    client: &impl GenericClient,
    id: &str,
    old: &str,
    new: &PasswordHash,
    now: i64,
) -> Result<bool, WriteError> {
    let values: Values<'_> = &[&id, &old, &new.encoded, &new.format, &now];
    Ok(row::run(client, REPLACE, values).await? == 1)
}

async fn change(
    work: &Work<'_>,
    act: &Act,
    old: &str,
    new: &PasswordHash,
    head: &NewHead,
) -> Result<LiveSession, WriteError> {
    session::recheck(work, act, None).await?;
    let actor = act.actor.as_ref().ok_or(WriteError::Stale)?;
    if !replace(&**work, &actor.account_id, old, new, act.now).await? {
        return Err(WriteError::Changed);
    }
    account::raise_generation(work, act, &actor.account_id).await?;
    ending::end_all_but(
        work,
        act,
        &actor.account_id,
        Some(&actor.session_id),
        EndReason::PasswordChanged,
    )
    .await?;
    audit::note(
        work,
        act,
        "account.password_changed",
        &actor.account_id,
        Some(&actor.session_id),
    )
    .await?;
    refresh::replace_head(work, act, &actor.session_id, head).await
}

async fn set(
    work: &Work<'_>,
    act: &Act,
    id: &str,
    new: Option<&PasswordHash>,
) -> Result<AccountRecord, WriteError> {
    session::recheck(work, act, Some(id)).await?;
    let (hash, format) = new.map(|hash| (&hash.encoded, &hash.format)).unzip();
    if work.run(SET, &[&id, &hash, &format, &act.now]).await? == 0 {
        return Err(WriteError::NotFound);
    }
    account::raise_generation(work, act, id).await?;
    ending::end_all_but(work, act, id, None, EndReason::PasswordChanged).await?;
    audit::note(work, act, "account.password_set", id, None).await?;
    account::by_id(work, id).await
}
