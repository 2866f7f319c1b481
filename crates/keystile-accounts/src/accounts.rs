//! [`Accounts`]: the handle that everything is asked of.

use keystile::guard::Guard;
use keystile::key_set::KeySet;

use crate::answer::{Account, AccountId, AccountsPage, KeySummary, Session, SessionId, SignedIn};
use crate::builder::Builder;
use crate::error::{AdminError, CallerError, Fault, OpenError, RefreshError, SignInError, SignUpError};
use crate::request::{AccountFilter, Caller, Changes, NewAccount, SignIn, SignUp, Which};

/// Accounts, their sessions and the keys that sign their tokens, over one store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Accounts {}

impl Accounts {
    /// Opens with every default. The URL is `sqlite://` and a path: `sqlite://shop.db`, `sqlite:///var/lib/shop.db`.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Self::builder(url).open().await
    }

    /// Starts from the defaults.
    pub fn builder(url: &str) -> Builder {
        Builder::new(url)
    }

    pub(crate) async fn open_with(_builder: Builder) -> Result<Self, OpenError> {
        todo!()
    }

    /// Makes an account.
    pub async fn sign_up(&self, _request: SignUp) -> Result<Account, SignUpError> {
        todo!()
    }

    /// Checks a password and opens a session.
    pub async fn sign_in(&self, _request: SignIn) -> Result<SignedIn, SignInError> {
        todo!()
    }

    /// Exchanges a refresh token for its successor and a fresh access token.
    pub async fn refresh(&self, _token: impl AsRef<str>) -> Result<SignedIn, RefreshError> {
        todo!()
    }

    /// Ends sessions of an account; returns how many.
    pub async fn sign_out(
        &self,
        _account: &AccountId,
        _session: &SessionId,
        _which: Which,
    ) -> Result<u64, Fault> {
        todo!()
    }

    /// Ends sessions, the asker being known by their refresh token.
    pub async fn sign_out_by_refresh_token(
        &self,
        _token: impl AsRef<str>,
        _which: Which,
    ) -> Result<u64, RefreshError> {
        todo!()
    }

    /// Sets a new password; ends every other session and answers with a new pair for this one.
    pub async fn change_password(
        &self,
        _caller: &Caller,
        _current: &str,
        _new: &str,
    ) -> Result<SignedIn, CallerError> {
        todo!()
    }

    /// Changes the caller's username or e-mail address.
    pub async fn update_account(&self, _caller: &Caller, _changes: Changes) -> Result<Account, CallerError> {
        todo!()
    }

    /// Deletes the caller's account, its sessions and its credentials.
    pub async fn delete_account(&self, _caller: &Caller, _password: &str) -> Result<(), CallerError> {
        todo!()
    }

    /// The account's living sessions, newest first.
    pub async fn sessions(&self, _account: &AccountId) -> Result<Vec<Session>, Fault> {
        todo!()
    }

    /// Ends one of the caller's own sessions.
    pub async fn end_session(&self, _caller: &Caller, _session: &SessionId) -> Result<(), CallerError> {
        todo!()
    }

    /// One account.
    pub async fn account(&self, _id: &AccountId) -> Result<Option<Account>, Fault> {
        todo!()
    }

    /// One account, by username or (with an `@`) e-mail address.
    pub async fn find_account(&self, _identifier: &str) -> Result<Option<Account>, Fault> {
        todo!()
    }

    /// Accounts in the order of their ids, at most `limit` (1 to 200) a page.
    pub async fn accounts_page(
        &self,
        _after: Option<&AccountId>,
        _limit: u32,
        _filter: &AccountFilter,
    ) -> Result<AccountsPage, Fault> {
        todo!()
    }

    /// Makes an account for somebody. `caller` is the administrator; `None` for a command or the program itself.
    pub async fn create_account(
        &self,
        _caller: Option<&Caller>,
        _request: NewAccount,
    ) -> Result<Account, AdminError> {
        todo!()
    }

    /// Takes an account over from another system, with its stored hash and, if wanted, its id.
    pub async fn import_account(&self, request: NewAccount) -> Result<Account, AdminError> {
        self.create_account(None, request).await
    }

    /// Replaces the roles; raises the generation, so earlier access tokens die; ends no session.
    pub async fn set_roles(
        &self,
        _caller: Option<&Caller>,
        _id: &AccountId,
        _roles: &[String],
    ) -> Result<Account, AdminError> {
        todo!()
    }

    /// Disables: no sign-in, every session ends.
    pub async fn disable(&self, _caller: Option<&Caller>, _id: &AccountId) -> Result<Account, AdminError> {
        todo!()
    }

    /// Enables again.
    pub async fn enable(&self, _caller: Option<&Caller>, _id: &AccountId) -> Result<Account, AdminError> {
        todo!()
    }

    /// Sets a password for somebody; every session of theirs ends.
    pub async fn set_password(
        &self,
        _caller: Option<&Caller>,
        _id: &AccountId,
        _password: &str,
    ) -> Result<(), AdminError> {
        todo!()
    }

    /// Deletes an account, its sessions and its credentials.
    pub async fn delete(&self, _caller: Option<&Caller>, _id: &AccountId) -> Result<(), AdminError> {
        todo!()
    }

    /// Ends every session of an account; returns how many.
    pub async fn end_sessions(&self, _caller: Option<&Caller>, _id: &AccountId) -> Result<u64, AdminError> {
        todo!()
    }

    /// The signing keys, newest first, without private parts.
    pub async fn keys(&self) -> Result<Vec<KeySummary>, Fault> {
        todo!()
    }

    /// The public keys that verify this store's tokens; empty under a signing secret.
    pub fn key_set(&self) -> KeySet {
        todo!()
    }

    /// Takes a private key (PEM, PKCS #8) as the new signing key. Tokens of the old one stay good.
    pub async fn import_key(&self, _pem: &str) -> Result<KeySummary, AdminError> {
        todo!()
    }

    /// A private key as PEM (PKCS #8).
    pub async fn export_key(&self, _key_id: &str) -> Result<zeroize::Zeroizing<String>, AdminError> {
        todo!()
    }

    /// A guard for routes: this store's keys and issuer, and its revocations: those of this process at once, those
    /// of other processes within about 200 ms.
    pub fn guard(&self) -> Guard {
        todo!()
    }

    /// The `iss` of the tokens.
    pub fn issuer(&self) -> Option<&str> {
        todo!()
    }

    /// Whether the store answers.
    pub async fn ping(&self) -> Result<(), Fault> {
        todo!()
    }

    /// Finishes what is under way and closes the store. Later calls answer with a fault.
    pub async fn close(&self) {
        todo!()
    }
}
