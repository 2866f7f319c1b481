//! The times of a key's life.

use std::time::Duration;

use crate::engine::{LEEWAY, millis};

/// Every process reads the table of keys more often than this.
const POLL: Duration = Duration::from_secs(2);
/// A guard that refreshes its keys on a schedule of its own may be so late; and clocks of nodes may differ so much.
const REFRESH: Duration = Duration::from_secs(60);

/// What the times follow from: how long verifiers may keep the key set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyTimes {
    max_age: Duration,
}

impl KeyTimes {
    pub(crate) fn new(max_age: Duration) -> Self {
        Self { max_age }
    }

    pub(crate) fn max_age(self) -> Duration {
        self.max_age
    }

    /// How long a key is published before it signs: by then nobody holds a key set without it.
    pub(crate) fn lead(self) -> Duration {
        let refresh = REFRESH.min(self.max_age);
        self.max_age.saturating_add(refresh).saturating_add(POLL)
    }

    /// How long a retired key stays beyond the longest life of a token: another process may have signed with it until its
    /// next poll, and a key set that is kept so long still has it.
    pub(crate) fn linger(self) -> i64 {
        millis(self.max_age.saturating_add(POLL))
    }

    /// How long another process may sign with a key that was retired.
    pub(crate) fn lag() -> i64 {
        millis(POLL)
    }

    /// The shortest schedule: a retired key is gone before the next one is published.
    pub(crate) fn least_schedule(self, token_life: Duration) -> Duration {
        let life = token_life.saturating_add(LEEWAY);
        let retired = life.saturating_add(self.max_age).saturating_add(POLL);
        self.lead().saturating_add(retired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_published_for_longer_than_anybody_keeps_a_key_set() {
        for seconds in [1, 5, 300, 86_400] {
            let max_age = Duration::from_secs(seconds);
            let times = KeyTimes::new(max_age);
            assert!(times.lead() > max_age + POLL, "{seconds}");
            assert!(times.least_schedule(max_age) > times.lead(), "{seconds}");
        }
        assert_eq!(
            KeyTimes::new(Duration::from_secs(300)).lead(),
            Duration::from_secs(362)
        );
    }
}
