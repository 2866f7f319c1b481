//! Up to when everything that was revoked has been heard of.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Nothing heard for so long: what is revoked is not known.
pub(crate) const LOST: Duration = Duration::from_secs(1);

/// A moment of a clock that nobody sets and that goes on while the process stands still. So whoever asks finds out for
/// themselves that it was long ago: a process that was paused, and wakes, does not first have to be told.
pub(crate) struct Heard {
    since: Instant,
    /// Milliseconds after `since`; at its largest while nothing was heard.
    until: AtomicU64,
    /// Nobody listens any more.
    ended: AtomicBool,
}

impl Heard {
    pub(crate) fn nothing() -> Self {
        Self {
            since: now(),
            until: AtomicU64::new(u64::MAX),
            ended: AtomicBool::new(false),
        }
    }

    /// Everything up to a moment: that in which it was asked, and not that of the answer, which may have been on its way
    /// for long.
    pub(crate) fn all_until(&self, asked: Instant) {
        let after = asked.saturating_duration_since(self.since);
        let after = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        self.until.store(after, Ordering::Release);
    }

    /// From now on nothing is heard.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Whether what is revoked is known.
    pub(crate) fn is_current(&self) -> bool {
        !self.left().is_zero()
    }

    /// How much longer it is, if nothing more is heard.
    pub(crate) fn left(&self) -> Duration {
        let until = self.until.load(Ordering::Acquire);
        if until == u64::MAX || self.ended.load(Ordering::Acquire) {
            return Duration::ZERO;
        }
        let known = Duration::from_millis(until) + LOST;
        known.saturating_sub(self.since.elapsed())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long ago the store was last heard is no matter of wall clocks"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_known_for_a_second_from_the_asking() {
        let heard = Heard {
            since: now()
                .checked_sub(Duration::from_secs(60))
                .expect("a minute ago"),
            ..Heard::nothing()
        };
        assert!(!heard.is_current(), "nothing was heard yet");
        heard.all_until(heard.since + Duration::from_secs(58));
        assert!(!heard.is_current(), "two seconds ago");
        heard.all_until(now());
        assert!(heard.is_current());
        heard.end();
        assert!(!heard.is_current());
    }
}
