//! The revocation feed: what is revoked, told to whoever reads along, each entry as a signed Security Event Token.
//!
//! However many read, the table is polled once: the [follower](crate::follow) puts what it finds into the [`hub`]'s inbox, the
//! [`keeper`] signs each row once and keeps it as long as it lives, and all readers take it from there. The wire format is
//! the server's; its rules are in `docs/decisions/0019`.

mod hub;
mod keeper;
mod log;
mod position;
mod reader;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keystile::Timestamp;
use thiserror::Error;

use crate::accounts::Accounts;
use crate::follow::Followed;

pub(crate) use hub::{End, Hub, Polled};
pub(crate) use keeper::keep;
pub use reader::FeedReader;

/// What a reader of the feed is told. Those after a [`Snapshot`](Self::Snapshot) tell everything that lives, from the
/// beginning; [`Current`](Self::Current) says that everything that was kept by then has been told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedEvent {
    /// From here everything that lives is told, from the beginning. Nothing that was told before is withdrawn by it.
    Snapshot {
        /// Which history this is: another one after a restore or a failover.
        feed: Arc<str>,
    },
    /// Something is revoked: a Security Event Token (RFC 8417), signed with a key of the issuer's.
    Revoked(Arc<str>),
    /// Everything that was kept by `at` has been told.
    Current {
        /// By which a reader goes on later, at this node or another: ASCII, without spaces, 128 bytes at most.
        id: String,
        /// By the issuer's clock.
        at: Timestamp,
    },
}

/// Why the feed cannot be read now.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FeedError {
    /// The accounts are closed, or following the revocations broke off.
    #[error("the accounts are closed; open them again")]
    Closed,
    /// More is revoked at once than is held for readers.
    #[error("more is revoked at once than the feed holds; shorten the lifetime of access tokens")]
    Full,
    /// What is revoked has not been read from the database yet.
    #[error("the database is slow to tell what is revoked; try again shortly")]
    NotYet,
}

impl FeedError {
    /// How long to wait before trying again.
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::Closed | Self::NotYet => Duration::from_secs(1),
            Self::Full => hub::FULL_FOR,
        }
    }
}

/// The revocation feed of [`Accounts`]. Clones share it. Nothing is held in memory for it until somebody reads.
#[derive(Clone)]
pub struct RevocationFeed {
    followed: Arc<Followed>,
}

impl Accounts {
    /// The feed of what is revoked. `None` where nobody could believe it: under a signing secret, which is not published,
    /// and without an issuer.
    pub fn revocation_feed(&self) -> Option<RevocationFeed> {
        let engine = self.engine();
        let signs = engine.issuer_of_events().is_some();
        signs.then(|| RevocationFeed {
            followed: Arc::clone(&engine.followed),
        })
    }
}

impl RevocationFeed {
    /// Begins to read: after `last`, the id of the last [`FeedEvent::Current`] that was read, at whichever node; else, and
    /// where that cannot be read, is of another history, or of none that was ever told, with a snapshot.
    pub async fn read(&self, last: Option<&str>) -> Result<FeedReader, FeedError> {
        reader::begin(Arc::clone(&self.followed), last).await
    }
}

impl fmt::Debug for RevocationFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationFeed").finish_non_exhaustive()
    }
}
