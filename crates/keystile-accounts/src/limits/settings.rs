use std::time::Duration;

/// Each wrong guess past the threshold slows the next ones by this much more.
const SLOW_STEP: Duration = Duration::from_millis(20);

/// How many wrong guesses are let through. Counts are kept by an HMAC of the identifier, whether or not such an
/// account exists, and in the store, so that they outlive a restart and are shared by processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuessLimits {
    pub(crate) on: bool,
    pub(crate) per_address: u32,
    pub(crate) window: Duration,
    pub(crate) slow_after: u32,
    pub(crate) slow_most: Duration,
}

impl Default for GuessLimits {
    fn default() -> Self {
        Self {
            on: true,
            per_address: 10,
            window: Duration::from_secs(15 * 60),
            slow_after: 100,
            slow_most: Duration::from_secs(2),
        }
    }
}

impl GuessLimits {
    /// No limits: only where something in front counts already.
    pub fn off() -> Self {
        Self {
            on: false,
            ..Self::default()
        }
    }

    /// Wrong guesses at one identifier from one address block (an IPv4 address, an IPv6 /64) within a window: 10 in
    /// 15 minutes by default. A success from there begins the count anew. Sign-ins that come without an address are
    /// only slowed: refusing them would let anybody lock an owner out.
    #[must_use]
    pub fn per_address(mut self, guesses: u32, window: Duration) -> Self {
        self.per_address = guesses.max(1);
        self.window = window;
        self
    }

    /// Wrong guesses at one identifier from anywhere, within the window, after which each attempt is slowed, up to
    /// `most`: 100 and 2 s by default. It never refuses.
    #[must_use]
    pub fn slow_after(mut self, guesses: u32, most: Duration) -> Self {
        self.slow_after = guesses;
        self.slow_most = most;
        self
    }

    /// How long an attempt is held up after so many failures from anywhere.
    pub(crate) fn slowing(&self, failures: u64) -> Duration {
        let past = failures.saturating_sub(u64::from(self.slow_after));
        let steps = u32::try_from(past).unwrap_or(u32::MAX);
        SLOW_STEP.saturating_mul(steps).min(self.slow_most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slowing_grows_and_is_bounded() {
        let limits = GuessLimits::default();
        assert_eq!(limits.slowing(100), Duration::ZERO);
        assert_eq!(limits.slowing(110), Duration::from_millis(200));
        assert_eq!(limits.slowing(u64::MAX), Duration::from_secs(2));
    }
}
