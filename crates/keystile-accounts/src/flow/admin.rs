//! What administrators do. `caller` is the one whose session, generation and role are rechecked in the write's own
//! transaction; `None` stands for the command line and the program itself.

use super::own_account::{names_of, still_named};
use super::sign_up::checked_roles;
use super::trouble::Trouble;
use crate::accounts::Accounts;
use crate::answer::{Account, AccountId, AccountsPage};
use crate::error::{AdminError, Fault};
use crate::names;
use crate::request::{AccountFilter, Caller, Changes};
use crate::store;

const LARGEST_PAGE: u32 = 200;

impl Accounts {
    /// One account.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, Fault> {
        let record = self.engine().store.account(id.as_str()).await?;
        Ok(record.as_ref().map(Account::from))
    }

    /// One account, by username or, with an `@`, by e-mail address.
    pub async fn find_account(&self, identifier: &str) -> Result<Option<Account>, Fault> {
        let by_email = identifier.contains('@');
        let key = if by_email {
            names::email_key(identifier)
        } else {
            names::username_key(identifier)
        };
        let record = self.engine().find(key.as_deref(), by_email).await?;
        Ok(record.as_ref().map(Account::from))
    }

    /// Accounts in the order of their creation, at most `limit` (1 to 200) a page. `after` is the former page's `next`.
    pub async fn accounts_page(
        &self,
        after: Option<i64>,
        limit: u32,
        filter: &AccountFilter,
    ) -> Result<AccountsPage, Fault> {
        let filter = store::AccountFilter {
            prefix: filter
                .starts_with
                .as_ref()
                .map(|prefix| prefix.to_lowercase()),
            disabled: filter.disabled,
            role: filter.role.clone(),
        };
        let limit = limit.clamp(1, LARGEST_PAGE);
        let page = self.engine().store.accounts(filter, after, limit).await?;
        Ok(AccountsPage {
            accounts: page.items.iter().map(Account::from).collect(),
            next: page.next,
        })
    }

    /// Changes somebody's username or e-mail address; the current password is not asked for.
    pub async fn update(
        &self,
        caller: Option<&Caller>,
        id: &AccountId,
        changes: Changes,
    ) -> Result<Account, AdminError> {
        let engine = self.engine();
        let account = engine.store.account(id.as_str()).await;
        let account = account
            .map_err(Trouble::from)?
            .ok_or(AdminError::NotFound { what: "account" })?;
        let names = engine.changed_names(&changes)?;
        let changes = still_named(&account, names, None)?;
        let act = engine.act(caller, engine.now());
        answer(engine.store.update_account(act, id.as_str(), changes).await)
    }

    /// Replaces the roles: earlier access tokens die, sessions go on.
    pub async fn set_roles(
        &self,
        caller: Option<&Caller>,
        id: &AccountId,
        roles: &[String],
    ) -> Result<Account, AdminError> {
        let roles = checked_roles(roles.to_vec())?;
        let engine = self.engine();
        let act = engine.act(caller, engine.now());
        answer(engine.store.set_roles(act, id.as_str(), roles).await)
    }

    /// Disables: no sign-in, every session ends.
    pub async fn disable(
        &self,
        caller: Option<&Caller>,
        id: &AccountId,
    ) -> Result<Account, AdminError> {
        let engine = self.engine();
        let act = engine.act(caller, engine.now());
        answer(engine.store.disable_account(act, id.as_str()).await)
    }

    /// Enables again. Ended sessions stay ended.
    pub async fn enable(
        &self,
        caller: Option<&Caller>,
        id: &AccountId,
    ) -> Result<Account, AdminError> {
        let engine = self.engine();
        let act = engine.act(caller, engine.now());
        answer(engine.store.enable_account(act, id.as_str()).await)
    }

    /// Sets a password for somebody: every session of theirs ends.
    pub async fn set_password(
        &self,
        caller: Option<&Caller>,
        id: &AccountId,
        password: &str,
    ) -> Result<(), AdminError> {
        let engine = self.engine();
        let account = engine
            .store
            .account(id.as_str())
            .await
            .map_err(Trouble::from)?
            .ok_or(AdminError::NotFound { what: "account" })?;
        let normal = engine
            .policy
            .check(password, &names_of(&account))
            .map_err(Trouble::from)?;
        let hash = engine.hashed(normal).await?;
        let act = engine.act(caller, engine.now());
        answer(
            engine
                .store
                .set_password(act, id.as_str(), Some(hash))
                .await,
        )
        .map(|_| ())
    }

    /// Deletes an account, its sessions and its credentials.
    pub async fn delete(&self, caller: Option<&Caller>, id: &AccountId) -> Result<(), AdminError> {
        let engine = self.engine();
        let act = engine.act(caller, engine.now());
        let deleted = engine.store.delete_account(act, id.as_str(), None).await;
        deleted.map_err(|error| Trouble::from(error).into())
    }

    /// Ends every session of an account and kills its access tokens; says how many sessions.
    pub async fn end_sessions(
        &self,
        caller: Option<&Caller>,
        id: &AccountId,
    ) -> Result<u64, AdminError> {
        let engine = self.engine();
        let act = engine.act(caller, engine.now());
        let ended = engine.store.end_all_sessions(act, id.as_str()).await;
        ended.map_err(|error| Trouble::from(error).into())
    }
}

fn answer(written: Result<store::AccountRecord, store::WriteError>) -> Result<Account, AdminError> {
    written
        .map(|record| Account::from(&record))
        .map_err(|error| Trouble::from(error).into())
}
