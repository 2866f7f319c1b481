//! Signing in with a password. An unknown name, a wrong password and a disabled account cost the same work and get the
//! same answer.

use keystile::{OpaqueToken, Timestamp};

use super::trouble::Trouble;
use crate::accounts::Accounts;
use crate::answer::SignedIn;
use crate::chain;
use crate::engine::Engine;
use crate::error::{SignInError, WrongResource};
use crate::gate::Point;
use crate::issuance::Proof;
use crate::limits::{Guess, Subject};
use crate::names;
use crate::password::normalise;
use crate::request::{Identifier, SignIn};
use crate::store::{AccountRecord, Hash, Held, LiveSession, NewSession, WriteError};

/// A role change in between raises the generation, and the session is opened under the new one. More often than this
/// in the time of one sign-in is no honest use.
const MOST_OPENINGS: u32 = 5;

impl Accounts {
    /// Checks a password and opens a session.
    pub async fn sign_in(&self, request: SignIn) -> Result<SignedIn, SignInError> {
        let from = request.from;
        match self.engine().sign_in(request).await {
            Ok(signed_in) => {
                tracing::info!(account = %signed_in.account.id, session = %signed_in.session_id, "signed in");
                Ok(signed_in)
            }
            Err(error) => {
                // Not the name that was typed: people type passwords there.
                tracing::info!(code = error.code(), ?from, "sign-in refused");
                Err(error)
            }
        }
    }
}

/// A name in the form by which it is looked up; one that no account can have is kept for its counter only.
struct Looked {
    counter: String,
    key: Option<String>,
    by_email: bool,
}

impl Looked {
    fn at(identifier: &Identifier) -> Self {
        let (text, by_email) = match identifier {
            Identifier::Username(text) => (text, false),
            Identifier::Email(text) => (text, true),
            Identifier::Either(text) => (text, text.contains('@')),
        };
        let key = if by_email {
            names::email_key(text)
        } else {
            names::username_key(text)
        };
        let counter = key
            .clone()
            .unwrap_or_else(|| text.chars().take(256).collect());
        Self {
            counter,
            key,
            by_email,
        }
    }
}

impl Engine {
    async fn sign_in(&self, request: SignIn) -> Result<SignedIn, SignInError> {
        let audience = self.audience_of(&request)?;
        // Before anything is written for it.
        self.pool.has_room().map_err(Trouble::from)?;
        let looked = Looked::at(&request.identifier);
        let subject = Subject::Identifier(&looked.counter);
        let guess = self
            .attempts
            .admit(subject, request.from)
            .await
            .map_err(Trouble::from)?;
        let checked = self.attempts.in_time(self.checked(&looked, &request)).await;
        let Some((account, replace)) = checked.map_err(Trouble::from)?? else {
            self.attempts.failed(guess).await.map_err(Trouble::from)?;
            return Err(SignInError::WrongCredentials);
        };
        self.gate.reach(Point::PasswordChecked).await;
        let old = account.password.as_ref().map(|hash| hash.encoded.clone());
        let id = account.id.clone();
        let token = OpaqueToken::generate(chain::PREFIX, &self.random);
        let (live, now) = self
            .open(account, &request, guess, self.hash_of(&token))
            .await?;
        self.gate.reach(Point::SessionOpened).await;
        if let Some(old) = old.filter(|_| replace) {
            self.replace_hash(&id, &old, request.password.as_str())
                .await;
        }
        let answered = self.signed_in_at(&live, &token, Proof::Password, now, audience.as_deref());
        Ok(answered.await?)
    }

    /// Whom the access token is for: it hangs on the client alone, so what cannot be is refused before a password is looked at.
    fn audience_of(&self, request: &SignIn) -> Result<Option<String>, WrongResource> {
        let client = request.client.as_ref();
        let audiences = client.map_or(&[][..], |client| &client.audiences);
        self.audience_for(audiences, request.resource.as_deref())
    }

    /// The account whose password this is, and whether its hash is to be replaced. The same work whoever asks.
    async fn checked(
        &self,
        looked: &Looked,
        request: &SignIn,
    ) -> Result<Option<(AccountRecord, bool)>, SignInError> {
        let found = self
            .find(looked.key.as_deref(), looked.by_email)
            .await
            .map_err(Trouble::from)?;
        let stored = found.as_ref().and_then(|account| account.password.as_ref());
        let (hash, real) = self.hash_to_check(stored, &looked.counter);
        let verdict = self
            .pool
            .verify(request.password.as_str(), hash)
            .await
            .map_err(Trouble::from)?;
        Ok(found
            .filter(|account| real && verdict.matches && account.disabled_at.is_none())
            .map(|account| (account, verdict.replace)))
    }

    /// By normalised name. `None` as the key is one that no account can have: it is looked up all the same.
    pub(super) async fn find(
        &self,
        key: Option<&str>,
        by_email: bool,
    ) -> Result<Option<AccountRecord>, crate::store::StoreError> {
        let key = key.unwrap_or_default();
        if by_email {
            self.store.account_by_email(key).await
        } else {
            self.store.account_by_username(key).await
        }
    }

    /// Opens the session under the generation that was read with the hash. If that was raised and the password and the
    /// account's standing are still what they were (the roles changed), it is opened under the new one.
    async fn open(
        &self,
        mut account: AccountRecord,
        request: &SignIn,
        mut guess: Guess,
        token_hash: Hash,
    ) -> Result<(LiveSession, Timestamp), SignInError> {
        for _ in 0..MOST_OPENINGS {
            let now = self.now();
            let held = guess.hand_over();
            let new = self.session(&account, request, held, token_hash, now);
            let act = self.act_by(None, request.from, now);
            let opened = self.store.open_session(act, new).await;
            if opened
                .as_ref()
                .map_or_else(WriteError::kept_nothing, Option::is_none)
            {
                guess.take_back(held);
            }
            if let Some(live) = opened.map_err(Trouble::from)? {
                return Ok((live, now));
            }
            let again = self
                .store
                .account(&account.id)
                .await
                .map_err(Trouble::from)?;
            account = again
                .filter(|again| again.disabled_at.is_none() && again.password == account.password)
                .ok_or(SignInError::WrongCredentials)?;
        }
        Err(SignInError::Busy {
            retry_after: std::time::Duration::from_secs(1),
        })
    }

    fn session(
        &self,
        account: &AccountRecord,
        request: &SignIn,
        attempt: Option<Held>,
        token_hash: Hash,
        now: Timestamp,
    ) -> NewSession {
        NewSession {
            account_id: account.id.clone(),
            generation: account.generation,
            auth_time: now.as_millis(),
            amr: vec!["pwd".to_owned()],
            attempt,
            client_id: request.client.as_ref().map(|client| client.id.clone()),
            ..self.new_session(token_hash, request.from, request.device.as_deref(), now)
        }
    }

    /// Puts a hash of ours in the place of a foreign or a weaker one, if it is still that one. A failure costs nothing:
    /// the next sign-in tries again.
    async fn replace_hash(&self, id: &str, old: &str, password: &str) {
        let Some(normal) = normalise(password) else {
            return;
        };
        let Ok(new) = self.hashed(normal).await else {
            return;
        };
        let now = self.now().as_millis();
        match self.store.replace_password_hash(id, old, new, now).await {
            Ok(true) => tracing::info!(account = id, "password hash replaced by a better one"),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "a password hash could not be replaced"),
        }
    }
}
