//! Exchanging a refresh token. Everything is drawn and derived before the statement that decides.

use keystile::{OpaqueToken, Timestamp};

use crate::accounts::Accounts;
use crate::answer::{SessionId, SignedIn};
use crate::chain;
use crate::client::AuthenticatedClient;
use crate::engine::{Engine, millis};
use crate::error::{Fault, RefreshError};
use crate::gate::Point;
use crate::issuance::Proof;
use crate::keys::Sealing;
use crate::request::Refresh;
use crate::store::{Expiry, OfSession, Rotate, Rotation};

/// Counts refreshes by what became of them: the label `outcome`.
const REFRESHES: &str = "keystile_refreshes_total";

impl Accounts {
    /// Exchanges a refresh token for its successor and a fresh access token.
    ///
    /// The same token presented again within the grace, while the successor is unused, gets the same successor: two
    /// tabs and a lost answer sign nobody out. Any other repetition ends the session.
    ///
    /// Each is counted in `keystile_refreshes_total` (crate `metrics`) by its `outcome`: `rotated`, `replayed` (within the
    /// grace), or why it was refused: `reused`, `ended`, `expired`, `expired_idle`, `expired_absolute`, `unknown`,
    /// `malformed`; `failed` where the store did.
    pub async fn refresh(&self, token: impl AsRef<str> + Send) -> Result<SignedIn, RefreshError> {
        self.refresh_with(Refresh::token(token.as_ref())).await
    }

    /// As [`refresh`](Self::refresh), and says where it comes from: the owner sees in the list of sessions from which
    /// address each was used last.
    pub async fn refresh_with(&self, request: Refresh) -> Result<SignedIn, RefreshError> {
        self.engine().refresh(request, None, None).await
    }

    /// The session that a refresh token belongs to, whether it is good, spent or ended; `None` for one that is not known.
    /// It proves nothing beyond that the token was given out once: use it to check what is bound to the session, such as a
    /// CSRF token, before the token is used.
    pub async fn session_of_refresh_token(
        &self,
        token: impl AsRef<str> + Send,
    ) -> Result<Option<SessionId>, Fault> {
        let Some(token) = OpaqueToken::parse(chain::PREFIX, token.as_ref()) else {
            return Ok(None);
        };
        let engine = self.engine();
        let found = engine
            .store
            .session_of_token(engine.hash_of(&token))
            .await?;
        Ok(found.map(SessionId::from))
    }
}

impl Engine {
    /// As `client` where one asks, with an access token for `audience` in place of the usual one.
    pub(super) async fn refresh(
        &self,
        request: Refresh,
        client: Option<&AuthenticatedClient>,
        audience: Option<&str>,
    ) -> Result<SignedIn, RefreshError> {
        let Some(presented) = OpaqueToken::parse(chain::PREFIX, request.token.as_str()) else {
            count("malformed");
            tracing::info!(
                code = RefreshError::Malformed.code(),
                from = ?request.from,
                "refresh refused"
            );
            return Err(RefreshError::Malformed);
        };
        let now = self.now();
        let sealing = self.key_ring.sealing();
        let salt = chain::draw_salt(sealing, &self.random);
        let successor = chain::successor(&presented, salt, sealing);
        let rotation = self
            .store
            .rotate(Rotate {
                presented: self.hash_of(&presented),
                successor: self.hash_of(&successor),
                salt,
                now: now.as_millis(),
                expires_at: self.refresh_expiry(now).as_millis(),
                idle: self.sessions.is_idle_limited(),
                grace: millis(self.sessions.replay_grace),
                client_id: client.map(|client| client.id.clone()),
                address: request.from.map(|address| address.to_string()),
                revoked_until: self.act_by(None, None, now).revoked_until,
            })
            .await;
        count(rotation.as_ref().map_or("failed", Rotation::outcome));
        let chain = Chain {
            presented,
            successor,
            sealing,
        };
        self.answer(rotation?, chain, now, audience).await
    }

    async fn answer(
        &self,
        rotation: Rotation,
        chain: Chain<'_>,
        now: Timestamp,
        audience: Option<&str>,
    ) -> Result<SignedIn, RefreshError> {
        let outcome = rotation.outcome();
        let (live, successor) = match rotation {
            Rotation::Rotated(live) => (live, chain.successor),
            Rotation::Replayed(salt, live) => {
                let successor = chain::successor(&chain.presented, salt, chain.sealing);
                (live, successor)
            }
            Rotation::Reused(of) => {
                let OfSession {
                    account_id: account,
                    session_id: session,
                } = of;
                tracing::warn!(
                    code = RefreshError::Reused.code(),
                    account,
                    session,
                    "a used refresh token came again: its session was ended"
                );
                return Err(RefreshError::Reused);
            }
            Rotation::Ended(of) => return Err(refused(RefreshError::Ended, Some(of))),
            Rotation::Expired(of, expiry) => return Err(refused(over_by(expiry), Some(of))),
            Rotation::Unknown => return Err(refused(RefreshError::Unknown, None)),
        };
        tracing::debug!(
            account = live.account.id,
            session = live.session.id,
            outcome,
            "refreshed"
        );
        self.gate.reach(Point::Rotated).await;
        let answered = self.signed_in_at(&live, &successor, Proof::Token, now, audience);
        Ok(answered.await?)
    }
}

/// A token and what follows it.
struct Chain<'a> {
    presented: OpaqueToken,
    successor: OpaqueToken,
    sealing: &'a Sealing,
}

fn count(outcome: &'static str) {
    metrics::counter!(REFRESHES, "outcome" => outcome).increment(1);
}

fn over_by(expiry: Expiry) -> RefreshError {
    match expiry {
        Expiry::Lifetime => RefreshError::Expired,
        Expiry::Idle => RefreshError::ExpiredIdle,
        Expiry::Absolute => RefreshError::ExpiredAbsolute,
    }
}

fn refused(error: RefreshError, of: Option<OfSession>) -> RefreshError {
    let (account, session) = of.map(|of| (of.account_id, of.session_id)).unzip();
    tracing::info!(code = error.code(), account, session, "refresh refused");
    error
}
