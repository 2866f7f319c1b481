//! Accounts: creation, look-up, names, roles, disabling, deletion.

use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::super::column::{expect_password, followed, identifier, parts, to_json};
use super::super::{
    AccountChanges, AccountRecord, Act, EndReason, Field, NewAccount, NewAccountId, PasswordHash,
    StoreError, WriteError,
};
use super::{Sqlite, Work, audit, ending, revocation, session};

/// The columns of an [`AccountRecord`], behind its cursor, in the order of [`from_row`].
macro_rules! account_columns {
    () => {
        "seq, id, username, username_key, email, email_key, password_hash, password_format, roles, generation, \
         disabled_at, created_at, updated_at, imported, sessions_ended_at"
    };
}

pub(super) use account_columns;

const BY_ID: &str = concat!("SELECT ", account_columns!(), " FROM account WHERE id = ?1");
const BY_USERNAME: &str = concat!(
    "SELECT ",
    account_columns!(),
    " FROM account WHERE username_key = ?1"
);
const BY_EMAIL: &str = concat!(
    "SELECT ",
    account_columns!(),
    " FROM account WHERE email_key = ?1"
);
/// A reused id begins above what is still revoked of its former owner, and after it.
const INSERT: &str = concat!(
    "INSERT INTO account (id, username, username_key, email, email_key, password_hash, password_format, roles,
        generation, created_at, updated_at, imported, sessions_ended_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,
        coalesce((SELECT max(smallest_generation) FROM revocation WHERE kind = 'subject' AND value = ?1), 0), ?9, ?9, ?10,
        (SELECT max(at) FROM revocation WHERE kind = 'subject' AND value = ?1))
     RETURNING ",
    account_columns!()
);
const NEXT_IN_SEQUENCE: &str = "UPDATE account_sequence SET last = last + 1 RETURNING last";
const RAISE_SEQUENCE: &str = "UPDATE account_sequence SET last = max(last, ?1)";
const SET_USERNAME: &str =
    "UPDATE account SET username = ?2, username_key = ?3, updated_at = ?4 WHERE id = ?1";
const SET_EMAIL: &str =
    "UPDATE account SET email = ?2, email_key = ?3, updated_at = ?4 WHERE id = ?1";
const SET_ROLES: &str = "UPDATE account SET roles = ?2, updated_at = ?3 WHERE id = ?1";
const SET_DISABLED: &str = "UPDATE account SET disabled_at = ?2, updated_at = ?3 WHERE id = ?1";
const RAISE_GENERATION: &str = "UPDATE account SET generation = generation + 1, updated_at = ?2 WHERE id = ?1 RETURNING generation";
const DELETE: &str = "DELETE FROM account WHERE id = ?1";

impl Sqlite {
    pub async fn create_account(
        &self,
        act: Act,
        new: NewAccount,
    ) -> Result<AccountRecord, WriteError> {
        self.write(move |work| create(work, &act, &new)).await
    }

    pub async fn account(&self, id: &str) -> Result<Option<AccountRecord>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| find(connection, BY_ID, [id]))
            .await
    }

    pub async fn account_by_username(
        &self,
        key: &str,
    ) -> Result<Option<AccountRecord>, StoreError> {
        let key = key.to_owned();
        self.read(move |connection| find(connection, BY_USERNAME, [key]))
            .await
    }

    pub async fn account_by_email(&self, key: &str) -> Result<Option<AccountRecord>, StoreError> {
        let key = key.to_owned();
        self.read(move |connection| find(connection, BY_EMAIL, [key]))
            .await
    }

    pub async fn update_account(
        &self,
        act: Act,
        id: &str,
        changes: AccountChanges,
    ) -> Result<AccountRecord, WriteError> {
        let id = id.to_owned();
        self.write(move |work| update(work, &act, &id, &changes))
            .await
    }

    pub async fn set_roles(
        &self,
        act: Act,
        id: &str,
        roles: Vec<String>,
    ) -> Result<AccountRecord, WriteError> {
        let id = id.to_owned();
        self.write(move |work| set_roles(work, &act, &id, &roles))
            .await
    }

    pub async fn disable_account(&self, act: Act, id: &str) -> Result<AccountRecord, WriteError> {
        let id = id.to_owned();
        self.write(move |work| disable(work, &act, &id)).await
    }

    pub async fn enable_account(&self, act: Act, id: &str) -> Result<AccountRecord, WriteError> {
        let id = id.to_owned();
        self.write(move |work| enable(work, &act, &id)).await
    }

    pub async fn delete_account(
        &self,
        act: Act,
        id: &str,
        expected_password: Option<String>,
    ) -> Result<(), WriteError> {
        let id = id.to_owned();
        self.write(move |work| delete(work, &act, &id, expected_password.as_deref()))
            .await
    }
}

fn create(work: &Work<'_>, act: &Act, new: &NewAccount) -> Result<AccountRecord, WriteError> {
    session::recheck(work, act)?;
    let id = match &new.id {
        NewAccountId::Given(id) => {
            follow_in_sequence(work, id)?;
            id.clone()
        }
        NewAccountId::Sequence => work
            .prepare_cached(NEXT_IN_SEQUENCE)?
            .query_row([], |row| row.get::<_, i64>(0))?
            .to_string(),
    };
    let (username, username_key) = parts(new.username.as_ref());
    let (email, email_key) = parts(new.email.as_ref());
    let (hash, format) = new
        .password
        .as_ref()
        .map(|hash| (&hash.encoded, &hash.format))
        .unzip();
    let inserted = work.prepare_cached(INSERT)?.query_row(
        params![
            id,
            username,
            username_key,
            email,
            email_key,
            hash,
            format,
            to_json(&new.roles),
            act.now,
            new.imported
        ],
        from_row,
    );
    let account = inserted.map_err(|error| first_taken(work, error.into(), &id, username_key))?;
    audit::note(work, act, "account.created", &id, None)?;
    Ok(account)
}

/// Of two names that are taken the user name is told first, whichever index SQLite looked at first.
fn first_taken(
    work: &Work<'_>,
    error: WriteError,
    id: &str,
    username_key: Option<&str>,
) -> WriteError {
    let (WriteError::Taken(Field::Email), Some(key)) = (&error, username_key) else {
        return error;
    };
    match find(work, BY_USERNAME, [key]) {
        Ok(Some(owner)) if owner.id != id => WriteError::Taken(Field::Username),
        _ => error,
    }
}

/// The sequence never allots a number that an id of the caller's own used before.
fn follow_in_sequence(work: &Work<'_>, id: &str) -> Result<(), WriteError> {
    if let Some(number) = followed(id) {
        work.run(RAISE_SEQUENCE, [number])?;
    }
    Ok(())
}

fn update(
    work: &Work<'_>,
    act: &Act,
    id: &str,
    changes: &AccountChanges,
) -> Result<AccountRecord, WriteError> {
    session::recheck(work, act)?;
    let account = by_id(work, id)?;
    expect_password(&account, changes.expected_password.as_deref())?;
    if let Some(username) = &changes.username {
        let (shown, key) = parts(username.as_ref());
        work.run(SET_USERNAME, (id, shown, key, act.now))?;
    }
    if let Some(email) = &changes.email {
        let (shown, key) = parts(email.as_ref());
        work.run(SET_EMAIL, (id, shown, key, act.now))?;
    }
    if changes.username.is_some() || changes.email.is_some() {
        audit::note(work, act, "account.changed", id, None)?;
    }
    by_id(work, id)
}

fn set_roles(
    work: &Work<'_>,
    act: &Act,
    id: &str,
    roles: &[String],
) -> Result<AccountRecord, WriteError> {
    session::recheck(work, act)?;
    if by_id(work, id)?.roles == roles {
        return by_id(work, id);
    }
    work.run(SET_ROLES, (id, to_json(roles), act.now))?;
    raise_generation(work, act, id)?;
    audit::note(work, act, "account.roles_set", id, None)?;
    by_id(work, id)
}

fn disable(work: &Work<'_>, act: &Act, id: &str) -> Result<AccountRecord, WriteError> {
    session::recheck(work, act)?;
    let account = by_id(work, id)?;
    if account.disabled_at.is_some() {
        return Ok(account);
    }
    work.run(SET_DISABLED, (id, Some(act.now), act.now))?;
    raise_generation(work, act, id)?;
    ending::end_all_but(work, act, id, None, EndReason::Disabled)?;
    audit::note(work, act, "account.disabled", id, None)?;
    by_id(work, id)
}

fn enable(work: &Work<'_>, act: &Act, id: &str) -> Result<AccountRecord, WriteError> {
    session::recheck(work, act)?;
    let account = by_id(work, id)?;
    if account.disabled_at.is_none() {
        return Ok(account);
    }
    work.run(SET_DISABLED, (id, None::<i64>, act.now))?;
    audit::note(work, act, "account.enabled", id, None)?;
    by_id(work, id)
}

fn delete(
    work: &Work<'_>,
    act: &Act,
    id: &str,
    expected_password: Option<&str>,
) -> Result<(), WriteError> {
    session::recheck(work, act)?;
    expect_password(&by_id(work, id)?, expected_password)?;
    raise_generation(work, act, id)?;
    ending::end_all_but(work, act, id, None, EndReason::Deleted)?;
    ending::forget_places(work, id)?;
    work.run(DELETE, [id])?;
    audit::note(work, act, "account.deleted", id, None)
}

/// Raises the generation and revokes every token below it.
pub(super) fn raise_generation(work: &Work<'_>, act: &Act, id: &str) -> Result<(), WriteError> {
    let raised: Option<i64> = work
        .prepare_cached(RAISE_GENERATION)?
        .query_row((id, act.now), |row| row.get(0))
        .optional()?;
    revocation::subject(work, act, id, raised.ok_or(WriteError::NotFound)?)
}

pub(super) fn by_id(work: &Connection, id: &str) -> Result<AccountRecord, WriteError> {
    find(work, BY_ID, [id])?.ok_or(WriteError::NotFound)
}

pub(super) fn find_by_id(
    connection: &Connection,
    id: &str,
) -> Result<Option<AccountRecord>, StoreError> {
    find(connection, BY_ID, [id])
}

fn find(
    connection: &Connection,
    sql: &'static str,
    values: impl Params,
) -> Result<Option<AccountRecord>, StoreError> {
    Ok(connection
        .prepare_cached(sql)?
        .query_row(values, from_row)
        .optional()?)
}

pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<AccountRecord> {
    let encoded: Option<String> = row.get(6)?;
    let format: Option<String> = row.get(7)?;
    Ok(AccountRecord {
        id: row.get(1)?,
        username: identifier(row.get(2)?, row.get(3)?),
        email: identifier(row.get(4)?, row.get(5)?),
        password: encoded
            .zip(format)
            .map(|(encoded, format)| PasswordHash { encoded, format }),
        roles: super::list(row, 8)?,
        generation: row.get::<_, i64>(9)?.cast_unsigned(),
        disabled_at: row.get(10)?,
        created_at: row.get(11)?,
        updated_at: row.get(12)?,
        imported: row.get(13)?,
        sessions_ended_at: row.get(14)?,
    })
}
