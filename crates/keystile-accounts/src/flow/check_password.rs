//! Asking the owner of a living session for their current password, under the limits on guessing.

use super::trouble::Trouble;
use crate::engine::Engine;
use crate::error::CallerError;
use crate::limits::Subject;
use crate::request::Caller;
use crate::store::{AccountRecord, StoreError};

/// An account whose current password was just given.
pub(super) struct Proven {
    pub(super) account: AccountRecord,
    /// The hash that the password was checked against: the write happens only while it is stored.
    pub(super) hash: String,
}

impl Engine {
    /// The caller's account, if their session lives and nothing has raised the generation since their token.
    pub(super) async fn find_standing(
        &self,
        caller: &Caller,
    ) -> Result<Option<AccountRecord>, StoreError> {
        let now = self.now().as_millis();
        let session = caller.session_id.as_str();
        let live = self.store.live_session(session, now).await?;
        Ok(live.map(|live| live.account).filter(|account| {
            account.id == caller.account_id.as_str()
                && account.generation == caller.generation
                && account.disabled_at.is_none()
        }))
    }

    /// The same, where there must be one.
    pub(super) async fn standing(&self, caller: &Caller) -> Result<AccountRecord, CallerError> {
        let standing = self.find_standing(caller).await.map_err(Trouble::from)?;
        standing.ok_or(CallerError::Stale)
    }

    /// Checks the current password.
    pub(super) async fn prove(
        &self,
        caller: &Caller,
        password: &str,
    ) -> Result<Proven, CallerError> {
        let account = self.standing(caller).await?;
        self.pool.has_room().map_err(Trouble::from)?;
        let subject = Subject::Account(&account.id);
        let guess = self
            .attempts
            .admit(subject, caller.from)
            .await
            .map_err(Trouble::from)?;
        let (hash, real) = self.hash_to_check(account.password.as_ref(), &account.id);
        let verdict = self
            .attempts
            .in_time(self.pool.verify(password, hash))
            .await
            .map_err(Trouble::from)?
            .map_err(Trouble::from)?;
        match account.password.as_ref().map(|hash| hash.encoded.clone()) {
            Some(hash) if real && verdict.matches => {
                self.attempts
                    .succeeded(guess)
                    .await
                    .map_err(Trouble::from)?;
                Ok(Proven { account, hash })
            }
            _ => {
                self.attempts.failed(guess).await.map_err(Trouble::from)?;
                tracing::info!(
                    account = account.id,
                    code = "password_wrong",
                    "current password refused"
                );
                Err(CallerError::WrongPassword)
            }
        }
    }
}
