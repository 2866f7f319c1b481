//! Accounts.

use super::{
    AccountChanges, AccountFilter, AccountRecord, Act, LiveSession, NewAccount, NewHead, Page,
    PasswordHash, Store, StoreError, WriteError,
};

impl Store {
    /// Creates an account; [`WriteError::Taken`] says which field another has.
    pub async fn create_account(
        &self,
        act: Act,
        new: NewAccount,
    ) -> Result<AccountRecord, WriteError> {
        on_engine!(self, store => store.create_account(act, new).await)
    }

    /// By id.
    pub async fn account(&self, id: &str) -> Result<Option<AccountRecord>, StoreError> {
        on_engine!(self, store => store.account(id).await)
    }

    /// By normalised user name.
    pub async fn account_by_username(
        &self,
        key: &str,
    ) -> Result<Option<AccountRecord>, StoreError> {
        on_engine!(self, store => store.account_by_username(key).await)
    }

    /// By normalised e-mail address.
    pub async fn account_by_email(&self, key: &str) -> Result<Option<AccountRecord>, StoreError> {
        on_engine!(self, store => store.account_by_email(key).await)
    }

    /// A page in order of creation; `after` is the former page's `next`.
    pub async fn accounts(
        &self,
        filter: AccountFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Page<AccountRecord>, StoreError> {
        on_engine!(self, store => store.accounts(filter, after, limit).await)
    }

    /// How many accounts have a password hash of each format, for the dummies of unknown users.
    pub async fn password_formats(&self) -> Result<Vec<(String, u64)>, StoreError> {
        on_engine!(self, store => store.password_formats().await)
    }

    /// Changes names. Raises no generation. [`WriteError::Changed`] when the expected hash is no longer stored.
    pub async fn update_account(
        &self,
        act: Act,
        id: &str,
        changes: AccountChanges,
    ) -> Result<AccountRecord, WriteError> {
        on_engine!(self, store => store.update_account(act, id, changes).await)
    }

    /// Replaces a hash of the same password (a better cost, a foreign format) if it is still `old`; says whether it was.
    pub async fn replace_password_hash(
        &self,
        id: &str,
        old: &str,
        new: PasswordHash,
        now: i64,
    ) -> Result<bool, WriteError> {
        on_engine!(self, store => store.replace_password_hash(id, old, new, now).await)
    }

    /// One's own password change: `act.actor` is needed. Raises the generation, ends every other session, gives the actor's
    /// session a new head. [`WriteError::Changed`] when `old` is no longer the stored hash.
    pub async fn change_password(
        &self,
        act: Act,
        old: &str,
        new: PasswordHash,
        head: NewHead,
    ) -> Result<LiveSession, WriteError> {
        on_engine!(self, store => store.change_password(act, old, new, head).await)
    }

    /// An administrator's: raises the generation and ends all sessions. `None` leaves the account without a password.
    pub async fn set_password(
        &self,
        act: Act,
        id: &str,
        new: Option<PasswordHash>,
    ) -> Result<AccountRecord, WriteError> {
        on_engine!(self, store => store.set_password(act, id, new).await)
    }

    /// Sets the roles. Raises the generation if they differ; ends no session.
    pub async fn set_roles(
        &self,
        act: Act,
        id: &str,
        roles: Vec<String>,
    ) -> Result<AccountRecord, WriteError> {
        on_engine!(self, store => store.set_roles(act, id, roles).await)
    }

    /// Disables: raises the generation and ends all sessions. A disabled one stays as it is.
    pub async fn disable_account(&self, act: Act, id: &str) -> Result<AccountRecord, WriteError> {
        on_engine!(self, store => store.disable_account(act, id).await)
    }

    /// Enables again. Ended sessions stay ended.
    pub async fn enable_account(&self, act: Act, id: &str) -> Result<AccountRecord, WriteError> {
        on_engine!(self, store => store.enable_account(act, id).await)
    }

    /// Deletes: ends all sessions, revokes all tokens. With `expected_password`, only while that is the stored hash.
    pub async fn delete_account(
        &self,
        act: Act,
        id: &str,
        expected_password: Option<String>,
    ) -> Result<(), WriteError> {
        on_engine!(self, store => store.delete_account(act, id, expected_password).await)
    }
}
