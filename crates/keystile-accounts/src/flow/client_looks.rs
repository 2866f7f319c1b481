//! What a client may ask about a token, and which it may revoke.

use keystile::{OpaqueToken, Reason, Timestamp};

use super::trouble::Trouble;
use crate::accounts::Accounts;
use crate::answer::{Account, Session};
use crate::chain;
use crate::client::{AuthenticatedClient, Introspected, RefreshSummary};
use crate::engine::Engine;
use crate::error::{Fault, RevokeError};
use crate::store::TokenOwner;

impl Accounts {
    /// Whether a token is good, and what it says (RFC 7662). `None` for one that is not, and for one that is none of this
    /// client's business: an access token for none of its audiences, a refresh token that was given to another.
    pub async fn introspect(
        &self,
        client: &AuthenticatedClient,
        token: &str,
    ) -> Result<Option<Introspected>, Fault> {
        if let Some(token) = OpaqueToken::parse(chain::PREFIX, token) {
            return self.engine().introspect_refresh(client, &token).await;
        }
        match self.any_audience().verify(token) {
            Ok(verified) => {
                let own = self.engine().tokens.audience();
                let audience = &verified.claims().aud;
                let concerned = match client.audiences.as_slice() {
                    [] => own.is_some_and(|own| audience.contains(own)),
                    some => some.iter().any(|one| audience.contains(one)),
                };
                Ok(concerned.then_some(Introspected::Access(verified)))
            }
            Err(refusal) => not_known(refusal.reason()).map(|()| None),
        }
    }

    /// Revokes a token that was given to this client (RFC 7009): its own access token, by its id; a refresh token, with its
    /// session and all access tokens of that. What is unknown, spent, expired or revoked already is as it should be. Only a
    /// good token of another's is [`NotYours`](RevokeError::NotYours).
    pub async fn revoke_for(
        &self,
        client: &AuthenticatedClient,
        token: &str,
    ) -> Result<(), RevokeError> {
        if let Some(token) = OpaqueToken::parse(chain::PREFIX, token) {
            return self.engine().revoke_refresh(client, &token).await;
        }
        let verified = match self.any_audience().verify(token) {
            Ok(verified) => verified,
            Err(refusal) => return Ok(not_known(refusal.reason())?),
        };
        let claims = verified.claims();
        if claims.client_id.as_deref() != Some(client.id.as_str()) {
            return Err(RevokeError::NotYours);
        }
        let Some(token_id) = &claims.jti else {
            return Ok(());
        };
        // Each is told to all guards, whose lists are bounded.
        let counted = self.engine().attempts.count_revocation(&client.id).await;
        counted.map_err(Trouble::from)?;
        let expires = Timestamp::from_seconds(claims.exp);
        Ok(self
            .engine()
            .revoke_token(token_id, expires, client.from())
            .await?)
    }
}

impl Engine {
    async fn introspect_refresh(
        &self,
        client: &AuthenticatedClient,
        token: &OpaqueToken,
    ) -> Result<Option<Introspected>, Fault> {
        let Some(owner) = self.owned_by(client, token).await? else {
            return Ok(None);
        };
        if !owner.is_current {
            return Ok(None);
        }
        let now = self.now().as_millis();
        let live = self.store.live_session(&owner.session.id, now).await?;
        Ok(live.map(|live| {
            Introspected::Refresh(Box::new(RefreshSummary {
                account: Account::from(&live.account),
                session: Session::from(&live.session),
            }))
        }))
    }

    async fn revoke_refresh(
        &self,
        client: &AuthenticatedClient,
        token: &OpaqueToken,
    ) -> Result<(), RevokeError> {
        let hash = self.hash_of(token);
        let bound = Some(client.id.clone());
        let act = self.act_by(None, client.from(), self.now());
        let ended = self.store.end_session_by_token(act, hash, bound).await;
        match ended.map_err(Fault::from)? {
            Some((account, session)) => {
                tracing::info!(
                    account,
                    session,
                    client = client.id,
                    "signed out by its client"
                );
                Ok(())
            }
            None => match self.store.token_owner(hash).await.map_err(Fault::from)? {
                Some(owner) if self.is_good(&owner) && !is_of(&owner, client) => {
                    Err(RevokeError::NotYours)
                }
                _ => Ok(()),
            },
        }
    }

    /// Whether its owner could refresh with it: neither spent nor over.
    fn is_good(&self, owner: &TokenOwner) -> bool {
        let session = &owner.session;
        let lives = session.ended.is_none() && session.expires_at > self.now().as_millis();
        owner.is_current && lives
    }

    async fn owned_by(
        &self,
        client: &AuthenticatedClient,
        token: &OpaqueToken,
    ) -> Result<Option<TokenOwner>, Fault> {
        let owner = self.store.token_owner(self.hash_of(token)).await?;
        Ok(owner.filter(|owner| is_of(owner, client)))
    }
}

fn is_of(owner: &TokenOwner, client: &AuthenticatedClient) -> bool {
    owner.session.client_id.as_deref() == Some(client.id.as_str())
}

/// A refusal that says nothing about the token.
fn not_known(reason: Reason) -> Result<(), Fault> {
    match reason {
        Reason::RevocationUnknown | Reason::KeysUnknown => {
            Err(Fault::new(reason.code(), reason.describe()))
        }
        _ => Ok(()),
    }
}
