//! Accounts: creation, look-up, names, roles, disabling, deletion.

use deadpool_postgres::GenericClient;
use tokio_postgres::Row;

use super::super::column::{expect_password, followed, identifier, parts, to_json};
use super::super::{
    AccountChanges, AccountRecord, Act, EndReason, NewAccount, NewAccountId, PasswordHash,
    StoreError, WriteError,
};
use super::row::{self, Values, get};
use super::{Postgres, Work, audit, ending, revocation, session};

/// The columns of an [`AccountRecord`], behind its cursor, in the order of [`from_row`].
macro_rules! account_columns {
    () => {
        "account.seq, account.id, account.username, account.username_key, account.email, account.email_key, \
         account.password_hash, account.password_format, account.roles, account.generation, account.disabled_at, \
         account.created_at, account.updated_at, account.imported, account.sessions_ended_at"
    };
}

pub(super) use account_columns;

const BY_ID: &str = concat!("SELECT ", account_columns!(), " FROM account WHERE id = $1");
const BY_USERNAME: &str = concat!(
    "SELECT ",
    account_columns!(),
    " FROM account WHERE username_key = $1"
);
const BY_EMAIL: &str = concat!(
    "SELECT ",
    account_columns!(),
    " FROM account WHERE email_key = $1"
);
const LOCK: &str = concat!(
    "SELECT ",
    account_columns!(),
    " FROM account WHERE id = $1 FOR NO KEY UPDATE"
);
const INSERT: &str = concat!(
    "INSERT INTO account (id, username, username_key, email, email_key, password_hash, password_format, roles,
        generation, created_at, updated_at, imported)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $9, $10)
     RETURNING ",
    account_columns!()
);
/// A reused id begins above what is still revoked of its former owner, and after it. A statement of its own: the former
/// owner's deletion may have been committed while the insert waited for it.
const BEGIN_ABOVE: &str = concat!(
    "UPDATE account SET generation = former.generation, sessions_ended_at = former.ended_at
       FROM (SELECT max(smallest_generation) AS generation, max(at) AS ended_at
               FROM revocation WHERE kind = 'subject' AND value = $1) AS former
      WHERE account.id = $1 AND former.generation IS NOT NULL
     RETURNING ",
    account_columns!()
);
const NEXT_IN_SEQUENCE: &str = "UPDATE account_sequence SET last = last + 1 RETURNING last";
const RAISE_SEQUENCE: &str = "UPDATE account_sequence SET last = $1 WHERE last < $1";
/// One statement, so that names are taken in the same order as by everybody else.
const SET_NAMES: &str = "UPDATE account SET
        username = CASE WHEN $2::boolean THEN $3 ELSE username END,
        username_key = CASE WHEN $2 THEN $4 ELSE username_key END,
        email = CASE WHEN $5::boolean THEN $6 ELSE email END,
        email_key = CASE WHEN $5 THEN $7 ELSE email_key END,
        updated_at = $8
     WHERE id = $1";
const SET_ROLES: &str = "UPDATE account SET roles = $2, updated_at = $3 WHERE id = $1";
const SET_DISABLED: &str = "UPDATE account SET disabled_at = $2, updated_at = $3 WHERE id = $1";
const RAISE_GENERATION: &str = "UPDATE account SET generation = generation + 1, updated_at = $2 WHERE id = $1 RETURNING generation";
const DELETE: &str = "DELETE FROM account WHERE id = $1";

impl Postgres {
    pub async fn create_account(
        &self,
        act: Act,
        new: NewAccount,
    ) -> Result<AccountRecord, WriteError> {
        self.write(move |work| Box::pin(async move { create(work, &act, &new).await }))
            .await
    }

    pub async fn account(&self, id: &str) -> Result<Option<AccountRecord>, StoreError> {
        self.look_up(BY_ID, id).await
    }

    pub async fn account_by_username(
        &self,
        key: &str,
    ) -> Result<Option<AccountRecord>, StoreError> {
        self.look_up(BY_USERNAME, key).await
    }

    pub async fn account_by_email(&self, key: &str) -> Result<Option<AccountRecord>, StoreError> {
        self.look_up(BY_EMAIL, key).await
    }

    async fn look_up(
        &self,
        sql: &'static str,
        key: &str,
    ) -> Result<Option<AccountRecord>, StoreError> {
        let key = key.to_owned();
        self.ask(move |client| Box::pin(async move { find(client, sql, &[&key]).await }))
            .await
            .or_else(StoreError::or_nothing)
    }

    pub async fn update_account(
        &self,
        act: Act,
        id: &str,
        changes: AccountChanges,
    ) -> Result<AccountRecord, WriteError> {
        let id = id.to_owned();
        self.write(move |work| Box::pin(async move { update(work, &act, &id, &changes).await }))
            .await
    }

    pub async fn set_roles(
        &self,
        act: Act,
        id: &str,
        roles: Vec<String>,
    ) -> Result<AccountRecord, WriteError> {
        let id = id.to_owned();
        self.write(move |work| Box::pin(async move { set_roles(work, &act, &id, &roles).await }))
            .await
    }

    pub async fn disable_account(&self, act: Act, id: &str) -> Result<AccountRecord, WriteError> {
        let id = id.to_owned();
        self.write(move |work| Box::pin(async move { disable(work, &act, &id).await }))
            .await
    }

    pub async fn enable_account(&self, act: Act, id: &str) -> Result<AccountRecord, WriteError> {
        let id = id.to_owned();
        self.write(move |work| Box::pin(async move { enable(work, &act, &id).await }))
            .await
    }

    pub async fn delete_account(
        &self,
        act: Act,
        id: &str,
        expected_password: Option<String>,
    ) -> Result<(), WriteError> {
        let id = id.to_owned();
        self.write(move |work| {
            Box::pin(async move { delete(work, &act, &id, expected_password.as_deref()).await })
        })
        .await
    }
}

async fn create(work: &Work<'_>, act: &Act, new: &NewAccount) -> Result<AccountRecord, WriteError> {
    session::recheck(work, act, None).await?;
    let id = match &new.id {
        NewAccountId::Given(id) => {
            if let Some(number) = followed(id) {
                work.run(RAISE_SEQUENCE, &[&number]).await?;
            }
            id.clone()
        }
        NewAccountId::Sequence => row::number(&**work, NEXT_IN_SEQUENCE, &[])
            .await?
            .to_string(),
    };
    let mut account = insert(work, act, &id, new).await?;
    if let Some(row) = work.optional(BEGIN_ABOVE, &[&id]).await? {
        account = from_row(&row, 0)?;
    }
    audit::note(work, act, "account.created", &id, None).await?;
    Ok(account)
}

async fn insert(
    work: &Work<'_>,
    act: &Act,
    id: &str,
    new: &NewAccount,
) -> Result<AccountRecord, WriteError> {
    let (username, username_key) = parts(new.username.as_ref());
    let (email, email_key) = parts(new.email.as_ref());
    let (hash, format) = new
        .password
        .as_ref()
        .map(|hash| (&hash.encoded, &hash.format))
        .unzip();
    let values: Values<'_> = &[
        &id,
        &username,
        &username_key,
        &email,
        &email_key,
        &hash,
        &format,
        &to_json(&new.roles),
        &act.now,
        &new.imported,
    ];
    let row = work.optional(INSERT, values).await?;
    let row = row.ok_or(StoreError::Corrupt("an insert that answers nothing"))?;
    Ok(from_row(&row, 0)?)
}

async fn update(
    work: &Work<'_>,
    act: &Act,
    id: &str,
    changes: &AccountChanges,
) -> Result<AccountRecord, WriteError> {
    session::recheck(work, act, Some(id)).await?;
    let account = lock(work, id).await?;
    expect_password(&account, changes.expected_password.as_deref())?;
    let AccountChanges {
        username, email, ..
    } = changes;
    if username.is_none() && email.is_none() {
        return Ok(account);
    }
    let (shown, key) = parts(username.as_ref().and_then(Option::as_ref));
    let (shown_email, email_key) = parts(email.as_ref().and_then(Option::as_ref));
    let values: Values<'_> = &[
        &id,
        &username.is_some(),
        &shown,
        &key,
        &email.is_some(),
        &shown_email,
        &email_key,
        &act.now,
    ];
    work.run(SET_NAMES, values).await?;
    audit::note(work, act, "account.changed", id, None).await?;
    by_id(work, id).await
}

async fn set_roles(
    work: &Work<'_>,
    act: &Act,
    id: &str,
    roles: &[String],
) -> Result<AccountRecord, WriteError> {
    session::recheck(work, act, Some(id)).await?;
    let account = lock(work, id).await?;
    if account.roles == roles {
        return Ok(account);
    }
    work.run(SET_ROLES, &[&id, &to_json(roles), &act.now])
        .await?;
    raise_generation(work, act, id).await?;
    audit::note(work, act, "account.roles_set", id, None).await?;
    by_id(work, id).await
}

async fn disable(work: &Work<'_>, act: &Act, id: &str) -> Result<AccountRecord, WriteError> {
    session::recheck(work, act, Some(id)).await?;
    let account = lock(work, id).await?;
    if account.disabled_at.is_some() {
        return Ok(account);
    }
    work.run(SET_DISABLED, &[&id, &Some(act.now), &act.now])
        .await?;
    raise_generation(work, act, id).await?;
    ending::end_all_but(work, act, id, None, EndReason::Disabled).await?;
    audit::note(work, act, "account.disabled", id, None).await?;
    by_id(work, id).await
}

async fn enable(work: &Work<'_>, act: &Act, id: &str) -> Result<AccountRecord, WriteError> {
    session::recheck(work, act, Some(id)).await?;
    let account = lock(work, id).await?;
    if account.disabled_at.is_none() {
        return Ok(account);
    }
    work.run(SET_DISABLED, &[&id, &None::<i64>, &act.now])
        .await?;
    audit::note(work, act, "account.enabled", id, None).await?;
    by_id(work, id).await
}

async fn delete(
    work: &Work<'_>,
    act: &Act,
    id: &str,
    expected_password: Option<&str>,
) -> Result<(), WriteError> {
    session::recheck(work, act, Some(id)).await?;
    expect_password(&lock(work, id).await?, expected_password)?;
    raise_generation(work, act, id).await?;
    ending::end_all_but(work, act, id, None, EndReason::Deleted).await?;
    ending::forget_places(work, id).await?;
    work.run(DELETE, &[&id]).await?;
    audit::note(work, act, "account.deleted", id, None).await
}

/// Raises the generation and revokes every token below it. Locks the account, if nothing did before.
pub(super) async fn raise_generation(
    work: &Work<'_>,
    act: &Act,
    id: &str,
) -> Result<(), WriteError> {
    let raised = work.optional(RAISE_GENERATION, &[&id, &act.now]).await?;
    let raised: i64 = get(&raised.ok_or(WriteError::NotFound)?, 0)?;
    revocation::subject(work, act, id, raised).await
}

/// The account as it is once nobody else can change it.
pub(super) async fn lock(work: &Work<'_>, id: &str) -> Result<AccountRecord, WriteError> {
    let row = work.optional(LOCK, &[&id]).await?;
    Ok(from_row(&row.ok_or(WriteError::NotFound)?, 0)?)
}

pub(super) async fn by_id(work: &Work<'_>, id: &str) -> Result<AccountRecord, WriteError> {
    let row = work.optional(BY_ID, &[&id]).await?;
    Ok(from_row(&row.ok_or(WriteError::NotFound)?, 0)?)
}

async fn find(
    client: &impl GenericClient,
    sql: &'static str,
    values: Values<'_>,
) -> Result<Option<AccountRecord>, StoreError> {
    let found = row::optional(client, sql, values).await?;
    found.map(|row| from_row(&row, 0)).transpose()
}

/// The account whose columns begin at `at`.
pub(super) fn from_row(row: &Row, at: usize) -> Result<AccountRecord, StoreError> {
    let encoded: Option<String> = get(row, at + 6)?;
    let format: Option<String> = get(row, at + 7)?;
    Ok(AccountRecord {
        id: get(row, at + 1)?,
        username: identifier(get(row, at + 2)?, get(row, at + 3)?),
        email: identifier(get(row, at + 4)?, get(row, at + 5)?),
        password: encoded
            .zip(format)
            .map(|(encoded, format)| PasswordHash { encoded, format }),
        roles: row::list(row, at + 8)?,
        generation: get::<i64>(row, at + 9)?.cast_unsigned(),
        disabled_at: get(row, at + 10)?,
        created_at: get(row, at + 11)?,
        updated_at: get(row, at + 12)?,
        imported: get(row, at + 13)?,
        sessions_ended_at: get(row, at + 14)?,
    })
}
