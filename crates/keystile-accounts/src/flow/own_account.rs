//! What owners do to their own accounts. Each write rechecks the session, the generation and the hash that was checked.

use keystile::OpaqueToken;

use super::check_password::Proven;
use super::trouble::Trouble;
use crate::accounts::Accounts;
use crate::answer::{Account, SignedIn};
use crate::chain;
use crate::engine::Engine;
use crate::error::{CallerError, Fault};
use crate::issuance::Proof;
use crate::names;
use crate::request::{Caller, Changes};
use crate::store::{self, AccountChanges, AccountRecord, NewHead, WriteError};

/// A sign-in beside it may replace a foreign hash between the check and the write: then it is checked once more.
const MOST_CHECKS: u32 = 3;

impl Accounts {
    /// The caller's account as it is now, if the session of their token lives in this store and nothing has raised the
    /// generation since; else `None`.
    ///
    /// A guard knows what was revoked, and trusts a token that holds for the rest. This knows besides that the session
    /// was ever opened here: where the file was replaced and the secret was not, a token of before is nobody's.
    pub async fn standing(&self, caller: &Caller) -> Result<Option<Account>, Fault> {
        let standing = self.engine().find_standing(caller).await?;
        Ok(standing.as_ref().map(Account::from))
    }

    /// Sets a new password: every other session ends, every earlier access token dies, and this session goes on with
    /// the new pair in the answer.
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: &str,
        new: &str,
    ) -> Result<SignedIn, CallerError> {
        let engine = self.engine();
        let account = engine.standing(caller).await?;
        let normal = engine
            .policy
            .check(new, &names_of(&account))
            .map_err(Trouble::from)?;
        for _ in 0..MOST_CHECKS {
            let Proven { hash: old, .. } = engine.prove(caller, current).await?;
            let hash = engine.hashed(normal.clone()).await?;
            let now = engine.now();
            let token = OpaqueToken::generate(chain::PREFIX, &engine.random);
            let head = NewHead {
                token_hash: engine.hash_of(&token),
                expires_at: engine.refresh_expiry(now).as_millis(),
                auth_time: Some(now.as_millis()),
            };
            let act = engine.own_act(caller, now);
            match engine.store.change_password(act, &old, hash, head).await {
                Err(WriteError::Changed) => {}
                Err(error) => return Err(Trouble::from(error).into()),
                Ok(live) => {
                    tracing::info!(account = live.account.id, "password changed");
                    return Ok(engine
                        .signed_in(&live, &token, Proof::Password, now)
                        .await?);
                }
            }
        }
        Err(CallerError::Stale)
    }

    /// Changes the caller's username or e-mail address. Needs the current password.
    pub async fn update_account(
        &self,
        caller: &Caller,
        changes: Changes,
    ) -> Result<Account, CallerError> {
        let engine = self.engine();
        if changes.username.is_none() && changes.email.is_none() {
            return Ok(Account::from(&engine.standing(caller).await?));
        }
        let Some(password) = &changes.current_password else {
            return Err(CallerError::PasswordNeeded);
        };
        let (username, email) = engine.changed_names(&changes)?;
        for _ in 0..MOST_CHECKS {
            let Proven { account, hash } = engine.prove(caller, password.as_str()).await?;
            let names = (username.clone(), email.clone());
            let changes = still_named(&account, names, Some(hash))?;
            let act = engine.own_act(caller, engine.now());
            match engine.store.update_account(act, &account.id, changes).await {
                Err(WriteError::Changed) => {}
                Err(error) => return Err(Trouble::from(error).into()),
                Ok(record) => return Ok(Account::from(&record)),
            }
        }
        Err(CallerError::Stale)
    }

    /// Deletes the caller's account, its sessions and its credentials.
    pub async fn delete_account(&self, caller: &Caller, password: &str) -> Result<(), CallerError> {
        let engine = self.engine();
        for _ in 0..MOST_CHECKS {
            let Proven { account, hash } = engine.prove(caller, password).await?;
            let act = engine.own_act(caller, engine.now());
            match engine
                .store
                .delete_account(act, &account.id, Some(hash))
                .await
            {
                Err(WriteError::Changed) => {}
                Err(error) => return Err(Trouble::from(error).into()),
                Ok(()) => {
                    tracing::info!(account = account.id, "account deleted by its owner");
                    return Ok(());
                }
            }
        }
        Err(CallerError::Stale)
    }
}

pub(super) type ChangedNames = (Option<store::Identifier>, Option<Option<store::Identifier>>);

impl Engine {
    pub(super) fn changed_names(&self, changes: &Changes) -> Result<ChangedNames, Trouble> {
        let username = changes
            .username
            .as_deref()
            .map(|text| names::username(text, self.usernames))
            .transpose()
            .map_err(Trouble::name("username"))?;
        let email = changes
            .email
            .as_ref()
            .map(|email| email.as_deref().map(names::email).transpose())
            .transpose()
            .map_err(Trouble::name("email"))?;
        Ok((username, email))
    }
}

/// The change, unless it would leave the account without any name.
pub(super) fn still_named(
    account: &AccountRecord,
    (username, email): ChangedNames,
    expected_password: Option<String>,
) -> Result<AccountChanges, Trouble> {
    if email == Some(None) && username.is_none() && account.username.is_none() {
        let message = "the account has no username: keep an e-mail address";
        return Err(Trouble::invalid("email", "email_needed", message));
    }
    Ok(AccountChanges {
        username: username.map(Some),
        email,
        expected_password,
    })
}

/// The names that a password of this account must not be.
pub(super) fn names_of(account: &AccountRecord) -> Vec<&str> {
    [&account.username, &account.email]
        .into_iter()
        .flatten()
        .map(|name| name.key.as_str())
        .collect()
}
