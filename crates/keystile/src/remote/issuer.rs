//! An issuer that is followed: the handle that applications hold, and what it shares with the task that fetches.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::FollowError;
use super::feed::{self, FeedStatus};
use super::follow::{IssuerAt, Plan};
use super::keeper::Keeper;
use super::status::IssuerStatus;
use crate::entry::{Keys, Source};
use crate::{
    Clock, Guard, KeyId, KeySet, KeySource, Revocations, Timestamp, Trust, Trusted, Verifier,
};

/// Names of keys that are remembered as not published.
const MOST_MISSED: usize = 1_024;

/// An issuer whose keys are fetched and kept up to date. Clones share it; the fetching ends with the last of them, and of
/// the verifiers and guards that were made from it.
///
/// ```no_run
/// # async fn example() -> Result<(), keystile::FollowError> {
/// use keystile::{Guard, Issuer, Verifier};
///
/// let ours = Issuer::at("https://id.example").audience("cakes").connect().await?;
/// let partner = Issuer::at("https://login.partner.example").audience("cakes").connect_lazy()?;
/// let guard = Guard::new(Verifier::new(&ours).or_trust(&partner));
/// # let _ = guard;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Issuer(Arc<Held>);

struct Held {
    shared: Arc<Shared>,
    task: Mutex<Option<AbortHandle>>,
    feed: Option<Feeding>,
}

/// What the issuer revokes, as it is heard of.
struct Feeding {
    shared: Arc<feed::Shared>,
    task: Mutex<Option<AbortHandle>>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let feeding = self.feed.as_ref().map(|feed| &feed.task);
        for task in feeding.into_iter().chain([&self.task]) {
            if let Some(task) = lock(task).take() {
                task.abort();
            }
        }
    }
}

/// What those who verify and the task that fetches share.
pub(super) struct Shared {
    pub(super) plan: Arc<Plan>,
    pub(super) keys: Arc<Keys>,
    pub(super) times: Times,
    pub(super) progress: watch::Sender<Progress>,
    /// The number of the fetch that somebody waits for.
    pub(super) wanted: AtomicU64,
    pub(super) wake: Notify,
    pub(super) waiting: Arc<AtomicUsize>,
    pub(super) fault: ArcSwapOption<FollowError>,
    /// Whether a task fetches.
    pub(super) kept: AtomicBool,
    missed: Mutex<HashMap<u64, Timestamp>>,
    pub(super) hasher: RandomState,
}

/// When the keys were fetched, and until when they count, in milliseconds; `i64::MIN`: never yet.
pub(super) struct Times {
    /// When the last fetch began.
    pub(super) begun: AtomicI64,
    pub(super) fetched: AtomicI64,
    pub(super) fresh_until: AtomicI64,
    pub(super) known_until: AtomicI64,
}

/// How far the fetching is. Fetches are numbered from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) begun: u64,
    pub(super) ended: u64,
    /// The last that went well.
    pub(super) went_well: u64,
}

impl Shared {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        let never = || AtomicI64::new(i64::MIN);
        Self {
            plan,
            keys: Arc::new(Keys::new(KeySet::default())),
            times: Times {
                begun: never(),
                fetched: never(),
                fresh_until: never(),
                known_until: never(),
            },
            progress: watch::Sender::new(Progress::default()),
            wanted: AtomicU64::new(0),
            wake: Notify::new(),
            waiting: Arc::default(),
            fault: ArcSwapOption::empty(),
            kept: AtomicBool::new(false),
            missed: Mutex::default(),
            hasher: RandomState::new(),
        }
    }

    /// Whether the keys count at `now`. A clock that was set back says nothing about how old they are, beyond a bound.
    fn known_at(&self, now: Timestamp) -> bool {
        let fetched = self.times.fetched.load(Ordering::Acquire);
        let until = self.times.known_until.load(Ordering::Acquire);
        let now = now.as_millis();
        fetched != i64::MIN
            && now < until
            && fetched.saturating_sub(now) <= until.saturating_sub(fetched)
    }

    /// Whether this key was looked for in a fetch and not found, so lately that the next may not begin yet.
    pub(super) fn was_missed(&self, name: u64, now: Timestamp) -> bool {
        let missed = lock(&self.missed);
        let at = missed.get(&name);
        at.is_some_and(|at| now >= *at && now.since(*at) < self.plan.cool_down)
    }

    pub(super) fn note_missed(&self, name: u64, now: Timestamp) {
        let mut missed = lock(&self.missed);
        if missed.len() >= MOST_MISSED {
            missed.retain(|_, at| now >= *at && now.since(*at) < self.plan.cool_down);
        }
        if missed.len() < MOST_MISSED {
            missed.insert(name, now);
        }
    }

    pub(super) fn hash(&self, name: &[u8]) -> u64 {
        self.hasher.hash_one(name)
    }

    /// Has the fetch of this number made, as soon as the cool-down allows it, by the task that is there.
    fn note_wanted(&self, number: u64) {
        self.wanted.fetch_max(number, Ordering::AcqRel);
        self.wake.notify_one();
    }

    /// Waits until a key is there by this name, or it is clear that there is none: a fetch that began later than this
    /// went well without it. No longer than the time-out.
    pub(super) async fn wait_for_key(&self, id: &KeyId) -> bool {
        let mut progress = self.progress.subscribe();
        let arrived = *progress.borrow();
        let is_there = || self.keys.load().get(id.as_str()).is_some();
        let waiting = async {
            loop {
                let seen = *progress.borrow_and_update();
                if is_there() || seen.went_well > arrived.begun {
                    return;
                }
                if seen.begun == seen.ended {
                    self.note_wanted(seen.begun + 1);
                }
                if progress.changed().await.is_err() {
                    return;
                }
            }
        };
        // Whether it came about in time is seen by the key.
        let _ = timeout(self.plan.timeout, waiting).await;
        is_there()
    }
}

impl Issuer {
    /// An issuer to follow. It must be written as its own document and its tokens write it, letter by letter.
    ///
    /// The address may lead anywhere, this machine and one's own network too; only on this machine may it be plain http.
    pub fn at(issuer: impl Into<String>) -> IssuerAt<Self> {
        IssuerAt::new(issuer.into())
    }

    pub(super) fn kept_by(keeper: Keeper) -> Result<Self, FollowError> {
        let runtime = Handle::try_current().map_err(|_| FollowError::NoRuntime)?;
        let shared = Arc::clone(keeper.shared());
        shared.kept.store(true, Ordering::Release);
        let task = runtime.spawn(keeper.run()).abort_handle();
        let feed = shared.plan.feed.as_ref().map(|plan| Feeding {
            shared: Arc::new(feed::Shared::new(plan, &shared)),
            task: Mutex::default(),
        });
        let issuer = Self(Arc::new(Held {
            shared,
            task: Mutex::new(Some(task)),
            feed,
        }));
        issuer.keep_up_feed()?;
        Ok(issuer)
    }

    pub(super) fn feed(&self) -> Option<&Arc<feed::Shared>> {
        self.0.feed.as_ref().map(|feed| &feed.shared)
    }

    /// What this issuer revokes, where it is heard of.
    pub(crate) fn heard(&self) -> Option<&Revocations> {
        let feed = self.feed()?;
        if !feed.is_followed() {
            // What is wrong stands in the status.
            let _ = self.keep_up_feed();
        }
        Some(feed.list())
    }

    /// Sees that a task follows the feed: the runtime of the one that did may be gone.
    fn keep_up_feed(&self) -> Result<(), FollowError> {
        let Some(feeding) = &self.0.feed else {
            return Ok(());
        };
        let runtime = Handle::try_current().map_err(|_| FollowError::NoRuntime)?;
        if let Some(follower) = feed::Follower::new(&feeding.shared)? {
            let task = runtime.spawn(follower.run()).abort_handle();
            *lock(&feeding.task) = Some(task);
        }
        Ok(())
    }

    /// How hearing of what the issuer revokes stands; `None` where the issuer is followed without a [`Feed`](super::Feed).
    pub fn feed_status(&self) -> Option<FeedStatus> {
        self.feed().map(|feed| feed.status())
    }

    /// The list of what the issuer revokes, where it is heard of. What an application adds to it is refused too.
    pub fn revocations(&self) -> Option<Revocations> {
        self.feed().map(|feed| feed.list().clone())
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    /// As its tokens name it.
    pub(super) fn name(&self) -> &str {
        &self.0.shared.plan.issuer
    }

    /// The clock that it goes by.
    pub(super) fn clock(&self) -> &Clock {
        &self.0.shared.plan.clock
    }

    /// Whether its keys count at present.
    pub(crate) fn keys_are_known(&self) -> bool {
        let now = self.clock().now();
        let shared = &self.0.shared;
        if now.as_millis() >= shared.times.fresh_until.load(Ordering::Acquire) {
            self.keep_up();
        }
        shared.known_at(now)
    }

    /// Sees that a task fetches: the runtime of the one that did may be gone, with a test of the same program say.
    pub(super) fn keep_up(&self) {
        let shared = &self.0.shared;
        if shared.kept.load(Ordering::Acquire) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if shared.kept.swap(true, Ordering::AcqRel) {
            return;
        }
        match Keeper::again(shared) {
            Ok(keeper) => {
                let task = runtime.spawn(keeper.run()).abort_handle();
                *lock(&self.0.task) = Some(task);
            }
            Err(fault) => {
                shared.fault.store(Some(Arc::new(fault)));
                shared.kept.store(false, Ordering::Release);
            }
        }
    }

    /// Has the fetch of this number made, as soon as the cool-down allows it.
    pub(super) fn want(&self, number: u64) {
        self.0.shared.note_wanted(number);
        self.keep_up();
    }

    /// How things stand.
    pub fn status(&self) -> IssuerStatus {
        let shared = &self.0.shared;
        let moment = |at: &AtomicI64| {
            let at = at.load(Ordering::Acquire);
            (at != i64::MIN).then(|| Timestamp::from_millis(at))
        };
        let progress = *shared.progress.borrow();
        IssuerStatus {
            fetching: progress.begun != progress.ended,
            keys: shared.keys.load().len(),
            known: shared.known_at(self.clock().now()),
            fetched_at: moment(&shared.times.fetched),
            fresh_until: moment(&shared.times.fresh_until),
            known_until: moment(&shared.times.known_until),
            fetches: progress.ended,
            fault: shared.fault.load().as_deref().cloned(),
        }
    }

    /// The keys that count at present, also where they are too old to verify a token.
    pub fn keys(&self) -> KeySet {
        KeySet::clone(&self.0.shared.keys.load())
    }
}

/// The keys that the issuer publishes, for an entry that states itself what else its tokens must say.
impl From<&Issuer> for KeySource {
    fn from(issuer: &Issuer) -> Self {
        Self {
            keys: Arc::clone(&issuer.0.shared.keys),
            source: Source::Followed(issuer.clone()),
        }
    }
}

impl From<&Issuer> for Trusted {
    fn from(issuer: &Issuer) -> Self {
        let plan = &issuer.0.shared.plan;
        Self::from(Trust {
            issuer: plan.issuer.as_str().into(),
            audience: plan.audience.clone(),
            token_type: plan.token_type.clone(),
            keys: issuer,
        })
    }
}

impl From<Issuer> for Trusted {
    fn from(issuer: Issuer) -> Self {
        Self::from(&issuer)
    }
}

/// A guard by this issuer alone, and by its clock; what it revokes is the guard's list, where that is heard of.
impl From<Issuer> for Guard {
    fn from(issuer: Issuer) -> Self {
        let clock = issuer.clock().clone();
        let list = issuer.revocations();
        let guard = Self::new(Verifier::new(issuer).clock(clock));
        match list {
            Some(list) => guard.revocations(list),
            None => guard,
        }
    }
}

impl Guard {
    /// The issuers that are followed for this guard, in the order in which its verifier trusts them: to look at how they
    /// stand.
    pub fn issuers(&self) -> Vec<Issuer> {
        let entries = self.verifier().entries().iter();
        entries
            .filter_map(|entry| entry.followed().cloned())
            .collect()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("issuer", &self.0.shared.plan.issuer)
            .field("keys", &self.0.shared.keys.load().len())
            .finish_non_exhaustive()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
