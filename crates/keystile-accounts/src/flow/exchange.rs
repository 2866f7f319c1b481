//! Exchanging another program's refresh token. What it says is checked here; who may have the session, and that it is the
//! first time, is decided in the transaction that opens it.

use keystile::{OpaqueToken, Timestamp};

use crate::accounts::Accounts;
use crate::answer::SignedIn;
use crate::chain;
use crate::engine::{Engine, LEEWAY};
use crate::exchange::{Exchange, ExchangeError};
use crate::gate::Point;
use crate::issuance::Proof;
use crate::store::{Field, ForeignToken, NewSession, WriteError};

impl Accounts {
    /// Opens a session for a refresh token of another program's, once in that token's life: of any number at the same
    /// time one succeeds. See [`Exchange`].
    ///
    /// The session's tokens are not fresh. Their `auth_time` is the token's own; where it has none, none is written.
    pub async fn exchange(&self, request: Exchange) -> Result<SignedIn, ExchangeError> {
        match self.engine().exchange(request).await {
            Ok(signed_in) => {
                tracing::info!(account = %signed_in.account.id, session = %signed_in.session_id, "exchanged");
                Ok(signed_in)
            }
            Err(error) => {
                tracing::info!(code = error.code(), "exchange refused");
                Err(error)
            }
        }
    }
}

impl Engine {
    async fn exchange(&self, request: Exchange) -> Result<SignedIn, ExchangeError> {
        let now = self.now();
        let foreign = foreign(&request, now)?;
        let token = OpaqueToken::generate(chain::PREFIX, &self.random);
        let hash = self.hash_of(&token);
        let proven = request.claims.auth_time.unwrap_or(0);
        let new = NewSession {
            account_id: request.account.as_str().to_owned(),
            auth_time: Timestamp::from_seconds(proven.min(now.as_seconds())).as_millis(),
            amr: request.claims.amr,
            ..self.new_session(hash, request.from, request.device.as_deref(), now)
        };
        let act = self.act_by(None, request.from, now);
        let live = self
            .store
            .exchange(act, foreign, new)
            .await
            .map_err(refused)?;
        self.gate.reach(Point::SessionOpened).await;
        Ok(self.signed_in(&live, &token, Proof::Token, now).await?)
    }
}

/// What the store must know of the token, or why it is not even asked. The expiry is judged here without any leeway, so
/// that what is kept until after it cannot be forgotten while a lenient verifier still lets the token pass.
fn foreign(request: &Exchange, now: Timestamp) -> Result<ForeignToken, ExchangeError> {
    let claims = &request.claims;
    if claims.sid.is_some() || claims.generation.is_some() {
        return Err(ExchangeError::Ours);
    }
    let token_id = claims.jti.clone().filter(|id| !id.is_empty());
    let token_id = token_id.ok_or(ExchangeError::Incomplete { claim: "jti" })?;
    let issued_at = claims
        .iat
        .ok_or(ExchangeError::Incomplete { claim: "iat" })?;
    if claims.expires_at() <= now {
        return Err(ExchangeError::Expired);
    }
    Ok(ForeignToken {
        issuer: claims.iss.clone().unwrap_or_default(),
        token_id,
        issued_at: Timestamp::from_seconds(issued_at).as_millis(),
        kept_until: claims.expires_at().saturating_add(LEEWAY).as_millis(),
    })
}

fn refused(error: WriteError) -> ExchangeError {
    match error {
        WriteError::Taken(Field::Token) => ExchangeError::Used,
        WriteError::Stale | WriteError::NotFound => ExchangeError::Refused,
        other => ExchangeError::Store(other.into()),
    }
}
