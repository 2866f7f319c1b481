//! One attempt at a password: asked for before any look-up, counted when it fails.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use keystile::Timestamp;

use super::settings::GuessLimits;
use super::turn::{Turn, Turns};
use crate::engine::millis;
use crate::store::{Attempt, Hash, Store, StoreError, WriteError};

/// Each wrong guess past the threshold slows the next ones by this much more.
const SLOW_STEP: Duration = Duration::from_millis(20);

/// A longer window would not fit the store's column together with the time.
const LONGEST_WINDOW: Duration = Duration::from_secs(100 * 366 * 24 * 3_600);

/// What is being guessed at.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// The identifier of a sign-in, normalised.
    Identifier(&'a str),
    /// The account whose owner is asked for the current password.
    Account(&'a str),
}

/// Counts attempts.
pub(crate) struct Attempts {
    limits: GuessLimits,
    key: hmac::Key,
    turns: Arc<Turns>,
}

/// An attempt that was let through.
pub(crate) struct Guess {
    anywhere: Hash,
    here: Option<Hash>,
    failed_here: bool,
    /// Held while the attempt is under way.
    turn: Option<Turn>,
}

/// Why an attempt was not let through.
pub(crate) enum NotNow {
    Limited { retry_after: Duration },
    Store(StoreError),
}

impl Attempts {
    pub(crate) fn new(limits: GuessLimits, key: &[u8; 32]) -> Self {
        Self {
            limits,
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            turns: Arc::default(),
        }
    }

    /// Lets an attempt through, slowed if need be, or says when to come back. Reads only counters.
    pub(crate) async fn admit(
        &self,
        store: &Store,
        subject: Subject<'_>,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Guess, NotNow> {
        let mut guess = Guess {
            anywhere: self.counter(subject, None),
            here: from.map(|address| self.counter(subject, Some(address))),
            failed_here: false,
            turn: None,
        };
        if !self.limits.on {
            return Ok(guess);
        }
        if let Some(here) = guess.here {
            guess.turn = Some(self.turn(store, here, now, &mut guess.failed_here).await?);
        }
        let anywhere = read(store, guess.anywhere, now).await?.0;
        tokio::time::sleep(self.slowing(anywhere)).await;
        Ok(guess)
    }

    /// Waits until fewer attempts are under way on this counter than it has guesses left.
    async fn turn(
        &self,
        store: &Store,
        here: Hash,
        now: Timestamp,
        failed: &mut bool,
    ) -> Result<Turn, NotNow> {
        let mut turn = self.turns.join(here);
        loop {
            let (count, ends) = read(store, here, now).await?;
            let left = u64::from(self.limits.per_address).saturating_sub(count);
            if left == 0 {
                let retry_after = Timestamp::from_millis(ends).since(now);
                return Err(NotNow::Limited {
                    retry_after: retry_after.max(Duration::from_secs(1)),
                });
            }
            *failed = count > 0;
            if turn.take(u32::try_from(left).unwrap_or(u32::MAX)) {
                return Ok(turn);
            }
            turn.somebody_left().await;
        }
    }

    fn slowing(&self, failures: u64) -> Duration {
        let past = failures.saturating_sub(u64::from(self.limits.slow_after));
        let steps = u32::try_from(past).unwrap_or(u32::MAX);
        SLOW_STEP.saturating_mul(steps).min(self.limits.slow_most)
    }

    /// The password was wrong.
    pub(crate) async fn failed(
        &self,
        store: &Store,
        guess: &Guess,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        if !self.limits.on {
            return Ok(());
        }
        let window = millis(self.limits.window.min(LONGEST_WINDOW));
        let attempts = guess
            .here
            .into_iter()
            .chain([guess.anywhere])
            .map(|key| Attempt { key, window })
            .collect();
        store
            .count_attempts(attempts, now.as_millis())
            .await
            .map(|_| ())
    }

    /// HMAC, so that the table of counters names nobody.
    fn counter(&self, subject: Subject<'_>, from: Option<IpAddr>) -> Hash {
        let (kind, text) = match subject {
            Subject::Identifier(text) => (b'i', text),
            Subject::Account(id) => (b'a', id),
        };
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"keystile guess v1");
        context.update(&[kind]);
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
        context.update(&block(from));
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }
}

impl Guess {
    /// The counters that a success from here begins anew; none if there is nothing to forget.
    pub(crate) fn to_forget(&self) -> Vec<Hash> {
        self.here.filter(|_| self.failed_here).into_iter().collect()
    }
}

impl From<StoreError> for NotNow {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Failures in the running window, and when it ends.
async fn read(store: &Store, key: Hash, now: Timestamp) -> Result<(u64, i64), StoreError> {
    let counted = store.attempts(vec![key], now.as_millis()).await?;
    Ok(counted
        .first()
        .map_or((0, 0), |counted| (counted.count, counted.window_ends_at)))
}

/// The block that an address counts by: one IPv4 address, or the /64 that one IPv6 subscriber has at the least.
fn block(address: Option<IpAddr>) -> Vec<u8> {
    match address.map(|address| address.to_canonical()) {
        None => vec![0],
        Some(IpAddr::V4(address)) => [&[4], address.octets().as_slice()].concat(),
        Some(IpAddr::V6(address)) => [&[6], &address.octets()[..8]].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(subject: Subject<'_>, from: Option<&str>) -> Hash {
        Attempts::new(GuessLimits::default(), &[7; 32])
            .counter(subject, from.map(|address| address.parse().unwrap()))
    }

    #[test]
    fn addresses_count_by_block() {
        let of = |from| counter(Subject::Identifier("ada"), Some(from));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), counter(Subject::Identifier("ada"), None));
        assert_ne!(
            of("192.0.2.1"),
            counter(Subject::Account("ada"), Some("192.0.2.1"))
        );
    }

    #[test]
    fn slowing_grows_and_is_bounded() {
        let attempts = Attempts::new(GuessLimits::default(), &[7; 32]);
        assert_eq!(attempts.slowing(100), Duration::ZERO);
        assert_eq!(attempts.slowing(110), Duration::from_millis(200));
        assert_eq!(attempts.slowing(u64::MAX), Duration::from_secs(2));
    }
}
