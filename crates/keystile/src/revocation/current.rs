//! How lately it was known what is revoked.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::WhenStale;
use crate::Timestamp;

/// A mark of the last moment up to which everything is held, and how old it may be.
#[derive(Debug)]
pub(super) struct Current {
    /// In milliseconds; `i64::MIN`: never yet.
    at: AtomicI64,
    /// In milliseconds; negative: no limit.
    within: AtomicI64,
}

impl Default for Current {
    fn default() -> Self {
        Self {
            at: AtomicI64::new(i64::MIN),
            within: AtomicI64::new(-1),
        }
    }
}

impl Current {
    pub(super) fn mark(&self, now: Timestamp) {
        self.at.store(now.as_millis(), Ordering::Release);
    }

    pub(super) fn marked_at(&self) -> Option<Timestamp> {
        let at = self.at.load(Ordering::Acquire);
        (at != i64::MIN).then(|| Timestamp::from_millis(at))
    }

    pub(super) fn require_within(&self, age: Duration, when_stale: WhenStale) {
        let limit = match when_stale {
            WhenStale::Refuse => i64::try_from(age.as_millis()).unwrap_or(i64::MAX),
            WhenStale::Serve => -1,
        };
        self.within.store(limit, Ordering::Release);
    }

    pub(super) fn is_current(&self, now: Timestamp) -> bool {
        let limit = self.within.load(Ordering::Acquire);
        if limit < 0 {
            return true;
        }
        let at = self.at.load(Ordering::Acquire);
        // A clock that jumps, either way, makes the mark worthless until the next one.
        now.as_millis().saturating_sub(at).saturating_abs() <= limit
    }
}
