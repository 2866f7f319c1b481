//! Ending sessions.

use std::net::IpAddr;

use keystile::{OpaqueToken, Timestamp};

use super::trouble::Trouble;
use crate::accounts::Accounts;
use crate::answer::{AccountId, Session, SessionId, SessionsPage};
use crate::chain;
use crate::engine::{Engine, LEEWAY};
use crate::error::{CallerError, Fault, RefreshError};
use crate::request::{Caller, Refresh, Which};
use crate::store::WriteError;

impl Accounts {
    /// Ends sessions of an account; says how many. Their refresh tokens are refused from then on, and their access
    /// tokens by every guard.
    pub async fn sign_out(
        &self,
        account: &AccountId,
        session: &SessionId,
        which: Which,
    ) -> Result<u64, Fault> {
        self.engine().sign_out(account, session, which, None).await
    }

    /// As [`sign_out`](Self::sign_out), and says from which network address it is asked for: the audit keeps it.
    pub async fn sign_out_from(
        &self,
        account: &AccountId,
        session: &SessionId,
        which: Which,
        address: IpAddr,
    ) -> Result<u64, Fault> {
        let ended = self
            .engine()
            .sign_out(account, session, which, Some(address));
        ended.await
    }

    /// Ends the session that a refresh token belongs to, whether the token is still good or was used before. One that was
    /// given to a client is [`Unknown`](RefreshError::Unknown): see [`revoke_for`](Self::revoke_for).
    pub async fn sign_out_by_refresh_token(
        &self,
        token: impl Into<Refresh> + Send,
    ) -> Result<(AccountId, SessionId), RefreshError> {
        let Refresh { token, from } = token.into();
        let token = OpaqueToken::parse(chain::PREFIX, &token).ok_or(RefreshError::Malformed)?;
        let engine = self.engine();
        let act = engine.act_by(None, from, engine.now());
        let ended = engine
            .store
            .end_session_by_token(act, engine.hash_of(&token), None)
            .await?;
        let (account, session) = ended.ok_or(RefreshError::Unknown)?;
        tracing::info!(account, session, "signed out by refresh token");
        Ok((account.into(), session.into()))
    }

    /// Revokes one access token by its `jti`, for a token that has no session here: another program's, say. `expires` is
    /// its `exp`. Guards of this process refuse it before this is answered, those of others as with every revocation. A
    /// token of ours is better ended with its session, by [`sign_out`](Self::sign_out).
    pub async fn revoke_token(&self, token_id: &str, expires: Timestamp) -> Result<(), Fault> {
        self.engine().revoke_token(token_id, expires, None).await
    }

    /// The account's living sessions, newest first.
    pub async fn sessions(&self, account: &AccountId) -> Result<Vec<Session>, Fault> {
        Ok(self.sessions_page(account, None, u32::MAX).await?.sessions)
    }

    /// A page of the account's living sessions, newest first; `after` is the former page's `next`.
    pub async fn sessions_page(
        &self,
        account: &AccountId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<SessionsPage, Fault> {
        let engine = self.engine();
        let page = engine
            .store
            .sessions(account.as_str(), engine.now().as_millis(), after, limit)
            .await?;
        Ok(SessionsPage {
            sessions: page.items.iter().map(Session::from).collect(),
            next: page.next,
        })
    }

    /// Ends one of the caller's own sessions.
    pub async fn end_session(
        &self,
        caller: &Caller,
        session: &SessionId,
    ) -> Result<(), CallerError> {
        let engine = self.engine();
        let act = engine.own_act(caller, engine.now());
        engine
            .store
            .end_session(act, caller.account_id.as_str(), session.as_str())
            .await
            .map_err(|error| Trouble::from(error).into())
    }
}

impl Engine {
    async fn sign_out(
        &self,
        account: &AccountId,
        session: &SessionId,
        which: Which,
        from: Option<IpAddr>,
    ) -> Result<u64, Fault> {
        let (account, session) = (account.as_str(), session.as_str());
        // Not as an act of the caller's: a sign-out holds though a role was changed since the token was issued.
        let act = self.act_by(None, from, self.now());
        let ended = match which {
            Which::This => {
                let ended = self.store.end_session(act, account, session).await;
                ended.map(|()| 1)
            }
            Which::Others => self.store.end_other_sessions(act, account, session).await,
            Which::All => self.store.end_all_sessions(act, account).await,
        };
        match ended {
            // Signed out already, or the account is gone: what was asked for holds.
            Err(WriteError::NotFound) => Ok(0),
            other => {
                let ended = other?;
                tracing::info!(account, ended, "signed out");
                Ok(ended)
            }
        }
    }

    pub(super) async fn revoke_token(
        &self,
        token_id: &str,
        expires: Timestamp,
        from: Option<IpAddr>,
    ) -> Result<(), Fault> {
        let mut act = self.act_by(None, from, self.now());
        let until = expires.saturating_add(LEEWAY).as_millis();
        act.revoked_until = act.revoked_until.max(until);
        self.store.revoke_token(act, token_id).await?;
        tracing::info!("a token was revoked by its id");
        Ok(())
    }
}
