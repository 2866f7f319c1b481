//! Exchanging a refresh token. Everything is drawn and derived before the statement that decides.

use keystile::OpaqueToken;

use crate::accounts::Accounts;
use crate::answer::SignedIn;
use crate::chain;
use crate::engine::{Engine, millis};
use crate::error::RefreshError;
use crate::gate::Point;
use crate::issuance::Proof;
use crate::store::{Rotate, Rotation};

impl Accounts {
    /// Exchanges a refresh token for its successor and a fresh access token.
    ///
    /// The same token presented again within the grace, while the successor is unused, gets the same successor: two
    /// tabs and a lost answer sign nobody out. Any other repetition ends the session.
    pub async fn refresh(&self, token: impl AsRef<str> + Send) -> Result<SignedIn, RefreshError> {
        match self.engine().refresh(token.as_ref()).await {
            Ok(signed_in) => {
                tracing::debug!(account = %signed_in.account.id, session = %signed_in.session_id, "refreshed");
                Ok(signed_in)
            }
            Err(error) => {
                tracing::info!(code = error.code(), "refresh refused");
                Err(error)
            }
        }
    }
}

impl Engine {
    async fn refresh(&self, text: &str) -> Result<SignedIn, RefreshError> {
        let presented = OpaqueToken::parse(chain::PREFIX, text).ok_or(RefreshError::Malformed)?;
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
                grace: millis(self.sessions.replay_grace),
                client_id: None,
                address: None,
                revoked_until: self.act_by(None, None, now).revoked_until,
            })
            .await?;
        let (live, successor) = match rotation {
            Rotation::Rotated(live) => (live, successor),
            Rotation::Replayed(salt, live) => (live, chain::successor(&presented, salt, sealing)),
            Rotation::Reused {
                account_id,
                session_id,
            } => {
                tracing::warn!(
                    account = account_id,
                    session = session_id,
                    "a used refresh token came again: its session was ended"
                );
                return Err(RefreshError::Reused);
            }
            Rotation::Ended => return Err(RefreshError::Ended),
            Rotation::Expired => return Err(RefreshError::Expired),
            Rotation::Unknown => return Err(RefreshError::Unknown),
        };
        self.gate.reach(Point::Rotated).await;
        Ok(self.signed_in(&live, &successor, Proof::Token, now).await?)
    }
}
