//! How following an issuer stands, for whoever watches it.

use super::FollowError;
use crate::Timestamp;

/// How following an issuer stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssuerStatus {
    /// How many keys there are.
    pub keys: usize,
    /// Whether tokens are verified: if not, they are answered with `keys_unknown`, 503.
    pub known: bool,
    /// When the keys were last fetched, or found to be the same.
    pub fetched_at: Option<Timestamp>,
    /// Until when they should have been fetched again.
    pub fresh_until: Option<Timestamp>,
    /// Until when they count.
    pub known_until: Option<Timestamp>,
    /// Whether a fetch is under way.
    pub fetching: bool,
    /// How many fetches have ended.
    pub fetches: u64,
    /// What was wrong with the last fetch; `None` if it went well.
    pub fault: Option<FollowError>,
}
