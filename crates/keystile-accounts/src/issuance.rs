//! How an access token comes about: what the application's own claims may depend on.

use keystile::Timestamp;

use crate::answer::{Account, SessionId};
use crate::store::LiveSession;

/// What the caller just did to get a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Gave the password.
    Password,
    /// Gave a token: a refresh token of ours, or one of another program's in exchange.
    Token,
}

/// An access token that is about to be signed: whose it is and how it comes about. What
/// [`Builder::session_claims`](crate::Builder::session_claims) is asked with.
#[derive(Debug)]
pub struct Issuance<'a> {
    account: &'a Account,
    session_id: SessionId,
    proof: Proof,
    auth_time: Option<Timestamp>,
    issued_at: Timestamp,
}

impl<'a> Issuance<'a> {
    pub(crate) fn new(
        live: &LiveSession,
        account: &'a Account,
        proof: Proof,
        issued_at: Timestamp,
    ) -> Self {
        Self {
            account,
            session_id: SessionId::from(live.session.id.as_str()),
            proof,
            auth_time: auth_time(live),
            issued_at,
        }
    }

    /// The account, as it is now: its roles are those of the token.
    pub fn account(&self) -> &'a Account {
        self.account
    }

    /// The session that the token belongs to.
    pub fn session_id(&self) -> &SessionId {
        &self.session_id
    }

    /// Whether the password was given for this very token: at a sign-in and at one's own password change, and not where
    /// a refresh or an exchange gives it.
    pub fn is_fresh(&self) -> bool {
        self.proof == Proof::Password
    }

    /// When the password was last given in this session; `None` where another program saw it and did not say when.
    pub fn auth_time(&self) -> Option<Timestamp> {
        self.auth_time
    }

    /// The moment of issue, the token's `iat`.
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }
}

/// When the session's owner last proved who they are. The store keeps zero where nobody here knows.
pub(crate) fn auth_time(live: &LiveSession) -> Option<Timestamp> {
    let at = live.session.auth_time;
    (at > 0).then(|| Timestamp::from_millis(at))
}
