//! How hearing of revocations stands: for a readiness check, a figure to scrape, a log.

use std::time::Duration;

use super::super::FollowError;
use crate::Timestamp;

/// How far a feed is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedState {
    /// A connection is sought.
    #[default]
    Connecting,
    /// It tells what was revoked before.
    CatchingUp,
    /// All has been told, and what is new comes as it happens.
    Live,
    /// It ended, and is connected to again before long.
    Lost,
}

/// A change in how an issuer's feed stands.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum FeedChange<'a> {
    /// The feed was connected to.
    Connected,
    /// All that the issuer has revoked is known here.
    Current,
    /// The issuer's server ended the stream, as it does when the client's token has expired.
    Ended,
    /// The feed could not be connected to, or broke off.
    Lost(&'a FollowError),
}

/// How hearing of what an issuer revokes stands. Made by [`Issuer::feed_status`](crate::Issuer::feed_status).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FeedStatus {
    /// How far the feed is.
    pub state: FeedState,
    /// Whether what is revoked counts as known: if not, the issuer's tokens are refused with `revocation_unknown`, 503, or the
    /// issuer is asked about them.
    pub current: bool,
    /// When all that was revoked was last known, by the guard's clock.
    pub marked_at: Option<Timestamp>,
    /// How long ago that was; `None`: never yet.
    pub stale_for: Option<Duration>,
    /// Up to when all was told, by the issuer's clock.
    pub told_up_to: Option<Timestamp>,
    /// How many revocations are held.
    pub entries: usize,
    /// How many were told in all.
    pub told: u64,
    /// How many times the whole list was told.
    pub snapshots: u64,
    /// How many times the feed was connected to.
    pub connections: u64,
    /// How many times the issuer was asked about a token.
    pub introspections: u64,
    /// What was wrong last, in connecting to the feed or in reading it; `None` since all was told after that.
    pub fault: Option<FollowError>,
}
