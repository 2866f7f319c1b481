//! Signing keys.

use std::fmt;

/// Life of a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// In the key set, not used yet.
    Published,
    /// Signs. One at a time.
    Signing,
    /// Signs no more; in the key set until its tokens expired.
    Retired,
    /// Compromised: out of the key set at once.
    Withdrawn,
}

/// A signing key as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Key id.
    pub kid: String,
    /// `ES256`, `EdDSA`, `RS256` or `HS256`.
    pub algorithm: String,
    /// Public part, as a JWK; empty where an older program stored the key.
    pub public: String,
    /// Private part, sealed or not: the store does not look. Empty once nobody signs with it any more.
    pub private: Vec<u8>,
    /// Where in its life it is.
    pub state: KeyState,
    /// When it was made or imported.
    pub created_at: i64,
    /// When it came into its present state.
    pub state_since: i64,
    /// When it began to sign; none while it is published only.
    pub signed_from: Option<i64>,
    /// Published: when it may sign. Retired: when nothing that it signed can still be good. Else none.
    pub due_at: Option<i64>,
}

impl fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRecord")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Who would feel the withdrawal of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyUse {
    /// Living sessions whose present access token it may have signed.
    pub sessions: u64,
    /// Of how many accounts.
    pub accounts: u64,
}
