//! Making accounts: by their owner, by an administrator, by an import.

use zeroize::Zeroizing;

use super::trouble::Trouble;
use crate::accounts::Accounts;
use crate::answer::Account;
use crate::builder::AccountIds;
use crate::engine::Engine;
use crate::error::{AdminError, BrokenRule, SignUpError};
use crate::names;
use crate::password::StoredHash;
use crate::request::{Caller, NewAccount, NewSecret, SignUp};
use crate::store::{self, NewAccountId, PasswordHash};

impl Accounts {
    /// Makes an account, without roles.
    pub async fn sign_up(&self, request: SignUp) -> Result<Account, SignUpError> {
        let new = NewAccount {
            id: request.id,
            username: request.username,
            email: request.email,
            secret: NewSecret::Password(request.password),
            roles: Vec::new(),
            imported: false,
        };
        match self.engine().create(None, new).await {
            Ok(account) => {
                tracing::info!(account = %account.id, "signed up");
                Ok(account)
            }
            Err(trouble) => {
                let error = SignUpError::from(trouble);
                tracing::info!(code = error.code(), "sign-up refused");
                Err(error)
            }
        }
    }

    /// Every rule that this sign-up breaks, for a form that shows all of them at once. Where there is none,
    /// [`sign_up`](Self::sign_up) goes on to see whether the names are free. It asks neither the store nor the hashing threads.
    pub fn broken_rules(&self, request: &SignUp) -> Vec<BrokenRule> {
        self.engine().broken_rules(request)
    }

    /// Makes an account for somebody. `caller` is the administrator; `None` for a command or the program itself.
    pub async fn create_account(
        &self,
        caller: Option<&Caller>,
        request: NewAccount,
    ) -> Result<Account, AdminError> {
        Ok(self.engine().create(caller, request).await?)
    }

    /// Takes an account over from another system, with its stored hash and, if wanted, its id. The hash is parsed as
    /// what it is, a stranger's bytes, and its cost is capped. Tokens that the other system issued before this may be
    /// for the account: see [`Account::can_own`].
    pub async fn import_account(&self, mut request: NewAccount) -> Result<Account, AdminError> {
        request.imported = true;
        let foreign = matches!(request.secret, NewSecret::Hash(_));
        let account = self.engine().create(None, request).await?;
        if foreign {
            self.engine().learn_formats().await?;
        }
        Ok(account)
    }
}

impl Engine {
    async fn create(&self, caller: Option<&Caller>, new: NewAccount) -> Result<Account, Trouble> {
        let (username, email) = self.names(new.username.as_deref(), new.email.as_deref())?;
        let id = self.chosen_id(new.id)?;
        let roles = checked_roles(new.roles)?;
        let names = [username.as_ref(), email.as_ref()];
        let password = match new.secret {
            NewSecret::None => None,
            NewSecret::Hash(hash) => Some(foreign(&hash)?),
            NewSecret::Password(password) => {
                let names: Vec<_> = names
                    .iter()
                    .flatten()
                    .map(|name| name.key.as_str())
                    .collect();
                let normal = self.policy.check(password.as_str(), &names)?;
                self.refuse_taken(username.as_ref(), email.as_ref()).await?;
                Some(self.hashed(normal).await?)
            }
        };
        let new = store::NewAccount {
            id,
            username,
            email,
            password,
            roles,
            imported: new.imported,
        };
        let record = self
            .store
            .create_account(self.act(caller, self.now()), new)
            .await?;
        Ok(Account::from(&record))
    }

    /// In the order in which [`create`](Self::create) would meet them.
    fn broken_rules(&self, request: &SignUp) -> Vec<BrokenRule> {
        let username = self.username(request.username.as_deref());
        let email = email(request.email.as_deref());
        let names: Vec<&str> = [&username, &email]
            .into_iter()
            .filter_map(|name| Some(name.as_ref().ok()?.as_ref()?.key.as_str()))
            .collect();
        let password = self.policy.check(request.password.as_str(), &names);
        let checked = [
            named(request.username.as_deref(), request.email.as_deref()),
            username.map(drop),
            email.map(drop),
            self.chosen_id(request.id.clone()).map(drop),
            password.map(drop).map_err(Trouble::from),
        ];
        checked
            .into_iter()
            .filter_map(|checked| checked.err()?.broken_rule())
            .collect()
    }

    fn names(
        &self,
        username: Option<&str>,
        email: Option<&str>,
    ) -> Result<(Option<store::Identifier>, Option<store::Identifier>), Trouble> {
        named(username, email)?;
        Ok((self.username(username)?, self::email(email)?))
    }

    fn username(&self, text: Option<&str>) -> Result<Option<store::Identifier>, Trouble> {
        text.map(|text| names::username(text, self.usernames))
            .transpose()
            .map_err(Trouble::name("username"))
    }

    fn chosen_id(&self, wanted: Option<String>) -> Result<NewAccountId, Trouble> {
        match (wanted, self.account_ids) {
            (Some(id), _) => {
                names::account_id(&id).map_err(Trouble::name("id"))?;
                Ok(NewAccountId::Given(id))
            }
            (None, AccountIds::Uuid) => Ok(NewAccountId::Given(self.new_id())),
            (None, AccountIds::Sequence) => Ok(NewAccountId::Sequence),
        }
    }

    /// Spares the hash where a name is taken already; the unique index decides.
    async fn refuse_taken(
        &self,
        username: Option<&store::Identifier>,
        email: Option<&store::Identifier>,
    ) -> Result<(), Trouble> {
        if let Some(name) = username
            && self.store.account_by_username(&name.key).await?.is_some()
        {
            return Err(Trouble::Taken { field: "username" });
        }
        if let Some(name) = email
            && self.store.account_by_email(&name.key).await?.is_some()
        {
            return Err(Trouble::Taken { field: "email" });
        }
        Ok(())
    }

    /// A hash of ours of a normalised password.
    pub(super) async fn hashed(&self, normal: Zeroizing<String>) -> Result<PasswordHash, Trouble> {
        let encoded = self.pool.hash(normal).await?;
        Ok(PasswordHash {
            encoded,
            format: self.pool.cost().to_string(),
        })
    }
}

/// An account needs a name to sign in by.
fn named(username: Option<&str>, email: Option<&str>) -> Result<(), Trouble> {
    if username.is_some() || email.is_some() {
        return Ok(());
    }
    Err(Trouble::invalid(
        "username",
        "username_missing",
        "give a username or an e-mail address",
    ))
}

fn email(text: Option<&str>) -> Result<Option<store::Identifier>, Trouble> {
    text.map(names::email)
        .transpose()
        .map_err(Trouble::name("email"))
}

fn foreign(encoded: &str) -> Result<PasswordHash, Trouble> {
    let hash = StoredHash::parse(encoded).map_err(|reason| Trouble::Invalid {
        field: "password_hash",
        code: "password_hash_unreadable",
        message: reason.to_string(),
    })?;
    Ok(PasswordHash {
        encoded: encoded.to_owned(),
        format: hash.cost().to_string(),
    })
}

/// Sorted, each once.
pub(super) fn checked_roles(mut roles: Vec<String>) -> Result<Vec<String>, Trouble> {
    const MOST: usize = 64;
    roles.sort();
    roles.dedup();
    if roles.len() > MOST {
        return Err(Trouble::invalid(
            "roles",
            "roles_too_many",
            "give at most 64 roles",
        ));
    }
    for role in &roles {
        names::role(role).map_err(Trouble::name("roles"))?;
    }
    Ok(roles)
}
