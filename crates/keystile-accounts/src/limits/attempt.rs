//! One attempt at a password: asked for before any look-up, counted when it fails.
//!
//! Failures and attempts under way together are never more than the limit. The store decides that in the statement that
//! lets one through, so that a burst sent in parallel, at however many nodes, gets no more guesses than one sent in turn.
//! Whoever comes while the rest are under way waits; nobody is refused for being many.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use keystile::Clock;
use tokio::time::timeout;

use super::counter::{Counters, Subject};
use super::line::Lines;
use super::settings::GuessLimits;
use super::under_way::UnderWay;
use crate::engine::millis;
use crate::store::{Attempt, Counted, Hash, Held, Store, StoreError, WriteError};

/// A longer window would not fit the store's column together with the time.
const LONGEST_WINDOW: Duration = Duration::from_secs(100 * 366 * 24 * 3_600);

/// A password that is not checked by then is not answered for: its hold would lapse, and somebody else guess meanwhile.
const LONGEST_CHECK: Duration = Duration::from_secs(20);

/// How long others may be waited for.
const LONGEST_LINE: Duration = Duration::from_secs(10);

/// The first in line asks so often whether somebody of another process has left.
const POLL: Duration = Duration::from_millis(50);

/// What those are told who waited too long.
const COME_BACK: Duration = Duration::from_secs(1);

/// Tokens that one client may revoke in a window, each of which every guard holds for as long as the token would have lived.
const MOST_REVOCATIONS: u32 = 1_000;
const REVOCATIONS_WINDOW: Duration = Duration::from_secs(15 * 60);

const UNWRITABLE: StoreError = StoreError::Corrupt("a counter that cannot be written");

/// Counts attempts.
pub(crate) struct Attempts {
    limits: GuessLimits,
    counters: Counters,
    store: Store,
    clock: Clock,
    lines: Arc<Lines>,
}

/// An attempt that was let through.
pub(crate) struct Guess {
    anywhere: Hash,
    here: Option<UnderWay>,
}

/// Why an attempt was not let through, or not seen to its end.
pub(crate) enum NotNow {
    Limited { retry_after: Duration },
    Busy { retry_after: Duration },
    Store(StoreError),
}

impl Attempts {
    pub(crate) fn new(limits: GuessLimits, key: &[u8; 32], store: Store, clock: Clock) -> Self {
        Self {
            limits,
            counters: Counters::new(key),
            store,
            clock,
            lines: Arc::default(),
        }
    }

    /// Lets an attempt through, slowed if need be, or says when to come back. Knows only counters.
    pub(crate) async fn admit(
        &self,
        subject: Subject<'_>,
        from: Option<IpAddr>,
    ) -> Result<Guess, NotNow> {
        let anywhere = self.counters.of(subject, None);
        let mut guess = Guess {
            anywhere,
            here: None,
        };
        if !self.limits.on {
            return Ok(guess);
        }
        let here = from.map(|address| self.counters.of(subject, Some(address)));
        let keys = here.into_iter().chain([anywhere]).collect();
        let counted = self.read(keys).await?;
        let failures = counted.last().map_or(0, |anywhere| anywhere.count);
        if let (Some(_), Some(found)) = (here, counted.first()) {
            self.within_limit(found)?;
        }
        tokio::time::sleep(self.limits.slowing(failures)).await;
        if let Some(here) = here {
            let held = self.hold(here).await?;
            let (store, lines) = (self.store.clone(), Arc::clone(&self.lines));
            guess.here = Some(UnderWay::new(held, store, lines));
        }
        Ok(guess)
    }

    /// Lets one through, in the order of coming where others wait.
    async fn hold(&self, here: Hash) -> Result<Held, NotNow> {
        if !self.lines.is_waited_at(&here)
            && let Some(held) = self.ask(here).await?
        {
            return Ok(held);
        }
        let busy = NotNow::Busy {
            retry_after: COME_BACK,
        };
        timeout(LONGEST_LINE, self.wait_in_line(here))
            .await
            .unwrap_or(Err(busy))
    }

    async fn wait_in_line(&self, here: Hash) -> Result<Held, NotNow> {
        let place = self.lines.join(here);
        let front = place.front().await;
        loop {
            let counted = self.read(vec![here]).await?;
            if let Some(found) = counted.first() {
                self.within_limit(found)?;
                let taken = found.count.saturating_add(found.under_way);
                if taken < u64::from(self.limits.per_address)
                    && let Some(held) = self.ask(here).await?
                {
                    return Ok(held);
                }
            }
            let _ = timeout(POLL, front.somebody_left()).await;
        }
    }

    async fn ask(&self, here: Hash) -> Result<Option<Held>, NotNow> {
        let attempt = self.attempt(here, None);
        let now = self.clock.now().as_millis();
        let asked = self
            .store
            .admit_attempt(attempt, self.limits.per_address, now);
        asked.await.map_err(|error| match error {
            WriteError::Store(error) => NotNow::Store(error),
            _ => NotNow::Store(UNWRITABLE),
        })
    }

    fn within_limit(&self, found: &Counted) -> Result<(), NotNow> {
        self.within(found, self.limits.per_address)
    }

    fn within(&self, found: &Counted, most: u32) -> Result<(), NotNow> {
        if found.count < u64::from(most) {
            return Ok(());
        }
        let left = found
            .window_ends_at
            .saturating_sub(self.clock.now().as_millis());
        let retry_after = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        Err(NotNow::Limited {
            retry_after: retry_after.max(Duration::from_secs(1)),
        })
    }

    async fn read(&self, keys: Vec<Hash>) -> Result<Vec<Counted>, StoreError> {
        self.store
            .attempts(keys, self.clock.now().as_millis())
            .await
    }

    fn attempt(&self, key: Hash, period: Option<i64>) -> Attempt {
        Attempt {
            key,
            window: millis(self.limits.window.min(LONGEST_WINDOW)),
            period,
        }
    }

    /// Counts a wrong answer where nobody could have guessed the right one: nothing was asked for before, and nobody was
    /// held up. Past the limit it is not counted any more, but said so.
    pub(crate) async fn count_wrong(
        &self,
        subject: Subject<'_>,
        from: Option<IpAddr>,
    ) -> Result<(), NotNow> {
        let Some(from) = from.filter(|_| self.limits.on) else {
            return Ok(());
        };
        let here = self.counters.of(subject, Some(from));
        self.count_up_to(self.attempt(here, None), self.limits.per_address)
            .await
    }

    /// Counts a token that a client revokes.
    pub(crate) async fn count_revocation(&self, client_id: &str) -> Result<(), NotNow> {
        let attempt = Attempt {
            key: self.counters.of(Subject::Revocations(client_id), None),
            window: millis(REVOCATIONS_WINDOW),
            period: None,
        };
        self.count_up_to(attempt, MOST_REVOCATIONS).await
    }

    async fn count_up_to(&self, attempt: Attempt, most: u32) -> Result<(), NotNow> {
        for found in self.read(vec![attempt.key]).await? {
            self.within(&found, most)?;
        }
        let now = self.clock.now().as_millis();
        match self.store.count_attempts(vec![attempt], now).await {
            Ok(_) => Ok(()),
            Err(WriteError::Store(error)) => Err(NotNow::Store(error)),
            Err(_) => Err(NotNow::Store(UNWRITABLE)),
        }
    }

    /// Checks a password within the time that an attempt may be under way.
    pub(crate) async fn in_time<T>(&self, check: impl Future<Output = T>) -> Result<T, NotNow> {
        timeout(LONGEST_CHECK, check)
            .await
            .map_err(|_| NotNow::Busy {
                retry_after: COME_BACK,
            })
    }

    /// The password was wrong. If this fails, nobody may be told so: it is not counted.
    pub(crate) async fn failed(&self, mut guess: Guess) -> Result<(), WriteError> {
        if !self.limits.on {
            return Ok(());
        }
        let held = guess.hand_over();
        let here = held.map(|held| self.attempt(held.key, Some(held.period)));
        let anywhere = self.attempt(guess.anywhere, None);
        let attempts = here.into_iter().chain([anywhere]).collect();
        let now = self.clock.now().as_millis();
        let counted = self.store.count_attempts(attempts, now).await;
        if counted.as_ref().is_err_and(WriteError::kept_nothing) {
            guess.take_back(held);
        }
        counted.map(|_| ())
    }

    /// The password was right, and nothing else is written.
    pub(crate) async fn succeeded(&self, mut guess: Guess) -> Result<(), WriteError> {
        match guess.hand_over() {
            Some(held) => self.store.settle_attempt(held, true).await,
            None => Ok(()),
        }
    }
}

impl Guess {
    /// For a call of the store that settles it with what it writes.
    pub(crate) fn hand_over(&mut self) -> Option<Held> {
        self.here.as_mut().and_then(UnderWay::hand_over)
    }

    /// After that call, if nothing of it was kept: it is under way still.
    pub(crate) fn take_back(&mut self, held: Option<Held>) {
        if let Some(here) = &mut self.here {
            here.take_back(held);
        }
    }
}

impl From<StoreError> for NotNow {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
