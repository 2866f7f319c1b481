//! The task that fetches an issuer's keys. All fetches are its own, so there is never more than one at a time, and none
//! ends because the request that wanted it was given up.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;

use super::FollowError;
use super::follow::Plan;
use super::issuer::Shared;
use super::ledger::{ASK_AGAIN, Ledger};
use super::source::{Fetched, Source};
use crate::Timestamp;

/// An answer that does not say how long it may be kept.
const FRESH_UNLESS_SAID: Duration = Duration::from_secs(300);
/// After the first fetch in a row that failed; each further one doubles it.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Longest pause between fetches that fail, also where the server asks for more.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

pub(super) struct Keeper {
    shared: Arc<Shared>,
    source: Source,
    ledger: Ledger,
    begun_at: Timestamp,
    due: Timestamp,
    /// As the server asks.
    not_before: Timestamp,
    failures: u32,
}

impl Keeper {
    pub(super) fn new(plan: Arc<Plan>) -> Result<Self, FollowError> {
        Self::with(Arc::new(Shared::new(plan)), Ledger::default())
    }

    /// After another keeper ended.
    pub(super) fn again(shared: &Arc<Shared>) -> Result<Self, FollowError> {
        let fetched = Timestamp::from_millis(shared.times.fetched.load(Ordering::Acquire));
        let ledger = Ledger::of(&shared.keys.load(), fetched);
        let mut keeper = Self::with(Arc::clone(shared), ledger)?;
        keeper.begun_at = Timestamp::from_millis(shared.times.begun.load(Ordering::Acquire));
        keeper.due = keeper.begun_at.saturating_add(shared.plan.cool_down);
        Ok(keeper)
    }

    fn with(shared: Arc<Shared>, ledger: Ledger) -> Result<Self, FollowError> {
        Ok(Self {
            source: Source::new(Arc::clone(&shared.plan))?,
            shared,
            ledger,
            begun_at: Timestamp::MIN,
            due: Timestamp::MIN,
            not_before: Timestamp::MIN,
            failures: 0,
        })
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Goes on until it is aborted.
    pub(super) async fn run(mut self) {
        loop {
            let anew = self.next().await;
            // What went wrong stands in the status, and was told.
            let _ = self.fetch_keys(anew).await;
        }
    }

    /// Waits until a fetch may begin; whether it is because somebody lacks a key.
    async fn next(&self) -> bool {
        let Shared {
            plan,
            wanted,
            wake,
            progress,
            ..
        } = &*self.shared;
        loop {
            let wanted = wanted.load(Ordering::Acquire) > progress.borrow().begun;
            let at = if wanted {
                self.due.min(self.begun_at.saturating_add(plan.cool_down))
            } else {
                self.due
            };
            tokio::select! {
                () = plan.clock.reach(self.begun_at, at.max(self.not_before)) => return wanted,
                () = wake.notified() => {}
            }
        }
    }

    /// The first fetch.
    pub(super) async fn fetch(&mut self) -> Result<(), FollowError> {
        self.fetch_keys(false).await
    }

    async fn fetch_keys(&mut self, anew: bool) -> Result<(), FollowError> {
        let plan = Arc::clone(&self.shared.plan);
        self.begun_at = plan.clock.now();
        let begun = &self.shared.times.begun;
        begun.store(self.begun_at.as_millis(), Ordering::Release);
        self.shared
            .progress
            .send_modify(|progress| progress.begun += 1);
        let outcome = match timeout(plan.timeout, self.source.fetch(anew)).await {
            Ok(Ok(fetched)) => {
                self.take(&fetched);
                Ok(())
            }
            Ok(Err(fault)) => Err(fault),
            Err(_) => Err(FollowError::TimedOut {
                issuer: plan.issuer.clone(),
                within: plan.timeout,
            }),
        };
        if let Err(fault) = &outcome {
            self.put_off(fault);
        }
        if let Some(tell) = &plan.on_fetch {
            tell(outcome.as_ref().copied());
        }
        self.shared.progress.send_modify(|progress| {
            progress.ended = progress.begun;
            if outcome.is_ok() {
                progress.went_well = progress.begun;
            }
        });
        outcome
    }

    fn take(&mut self, fetched: &Fetched) {
        let now = self.begun_at;
        let changed = match &fetched.keys {
            Some(keys) => self.ledger.saw(keys, now),
            None => self.ledger.saw_same(now),
        };
        // The same keys again keep what was verified with them in memory.
        if changed {
            self.shared.keys.replace(self.ledger.keys());
        }
        let Plan {
            fresh: (shortest, longest),
            serve_stale,
            cool_down,
            ..
        } = &*self.shared.plan;
        let lifetime = fetched.lifetime.unwrap_or(FRESH_UNLESS_SAID);
        let lifetime = lifetime.clamp(*shortest, *longest);
        let fresh_until = now.saturating_add(lifetime);
        let known_until = fresh_until.saturating_add(*serve_stale);
        let times = &self.shared.times;
        let set = |at: &std::sync::atomic::AtomicI64, moment: Timestamp| {
            at.store(moment.as_millis(), Ordering::Release);
        };
        set(&times.known_until, known_until);
        set(&times.fresh_until, fresh_until);
        set(&times.fetched, now);
        self.shared.fault.store(None);
        self.failures = 0;
        self.not_before = Timestamp::MIN;
        let pause = if self.ledger.misses_some() {
            lifetime.min(ASK_AGAIN)
        } else {
            lifetime
        };
        self.due = now.saturating_add(self.spread(pause, 80).max(*cool_down));
    }

    fn put_off(&mut self, fault: &FollowError) {
        self.shared.fault.store(Some(Arc::new(fault.clone())));
        let doubled = FIRST_RETRY.saturating_mul(1 << self.failures.min(8));
        self.failures = self.failures.saturating_add(1);
        let plan = &self.shared.plan;
        let pause = self.spread(doubled.min(LONGEST_RETRY), 50);
        let now = plan.clock.now();
        self.due = now
            .saturating_add(pause)
            .max(self.begun_at.saturating_add(plan.cool_down));
        self.not_before = match fault {
            FollowError::Status {
                retry_after: Some(seconds),
                ..
            } => now.saturating_add(Duration::from_secs((*seconds).into()).min(LONGEST_RETRY)),
            _ => Timestamp::MIN,
        };
    }

    /// Between `least` in a hundred of it and all of it, so that many processes do not ask at once.
    fn spread(&self, pause: Duration, least: u32) -> Duration {
        let random = u32::from(u16::from_be_bytes(self.shared.plan.random.bytes()));
        let part = f64::from(least) + f64::from(100 - least) * f64::from(random) / 65_535.0;
        pause.mul_f64(part / 100.0)
    }
}

/// However it ended, nobody waits for its last fetch, and another may begin.
impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.progress.send_if_modified(|progress| {
            let cut = progress.ended != progress.begun;
            progress.ended = progress.begun;
            cut
        });
        self.shared.kept.store(false, Ordering::Release);
    }
}
