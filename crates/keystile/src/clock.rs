//! The time, as a parameter: tests turn it instead of sleeping.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Arithmetic saturates, so no number that arrives in a token can overflow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest moment that can be told.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest moment that can be told.
    pub const MAX: Self = Self(i64::MAX);

    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds since the epoch; saturates.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment and `by` later; saturates.
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    /// This moment less `by`; saturates.
    #[must_use]
    pub fn saturating_sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(millis(by)))
    }

    /// This moment and `by` later, or `None` beyond what can be told.
    pub fn checked_add(self, by: Duration) -> Option<Self> {
        let by = i64::try_from(by.as_millis()).ok()?;
        self.0.checked_add(by).map(Self)
    }

    /// This moment less `by`, or `None` beyond what can be told.
    pub fn checked_sub(self, by: Duration) -> Option<Self> {
        let by = i64::try_from(by.as_millis()).ok()?;
        self.0.checked_sub(by).map(Self)
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        let millis = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}

fn millis(by: Duration) -> i64 {
    i64::try_from(by.as_millis()).unwrap_or(i64::MAX)
}

/// Tells the time. Clones of a manual clock share it.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<Turned>),
    /// By a clock that nobody sets, from where it was last set itself.
    Led(Arc<Led>),
}

/// How a led clock goes on.
struct Led {
    since: Instant,
    /// What it showed at `since`, in milliseconds, as it was last set.
    at: AtomicI64,
}

impl Led {
    fn now(&self) -> Timestamp {
        Timestamp(self.at.load(Ordering::Acquire)).saturating_add(self.since.elapsed())
    }

    fn set(&self, now: Timestamp) {
        let at = now.as_millis().saturating_sub(millis(self.since.elapsed()));
        self.at.store(at, Ordering::Release);
    }
}

/// Where a manual clock stands.
struct Turned {
    millis: AtomicI64,
    /// Who waits for it to be turned.
    #[cfg(feature = "remote")]
    waiting: std::sync::Mutex<Vec<std::task::Waker>>,
}

impl Turned {
    #[cfg_attr(
        not(feature = "remote"),
        expect(clippy::unused_self, reason = "nobody waits")
    )]
    fn wake(&self) {
        #[cfg(feature = "remote")]
        for waker in std::mem::take(&mut *self.waiting()) {
            waker.wake();
        }
    }

    #[cfg(feature = "remote")]
    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<std::task::Waker>> {
        self.waiting
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Longest sleep in one piece: a wall clock that is set meanwhile is noticed after it.
#[cfg(feature = "remote")]
const SLICE: Duration = Duration::from_secs(5);

impl Clock {
    /// The machine's wall clock.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until it is turned.
    pub fn manual(now: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(Turned {
            millis: AtomicI64::new(now.as_millis()),
            #[cfg(feature = "remote")]
            waiting: std::sync::Mutex::default(),
        })))
    }

    /// A clock that another one leads: it begins with the machine's time, and once it is [set](Self::set) it goes on from
    /// there, at the machine's pace, whatever the machine's wall clock is set to. For machines that share a database, whose
    /// clock they can all go by. Clones share it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the pace is no matter of wall clocks"
    )]
    pub fn led() -> Self {
        Self(Source::Led(Arc::new(Led {
            since: Instant::now(),
            at: AtomicI64::new(system_now().as_millis()),
        })))
    }

    /// Whether this is the machine's wall clock as it is.
    pub const fn is_system(&self) -> bool {
        matches!(self.0, Source::System)
    }

    /// Whether this is a [led](Self::led) clock.
    pub const fn is_led(&self) -> bool {
        matches!(self.0, Source::Led(_))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => system_now(),
            Source::Manual(turned) => Timestamp(turned.millis.load(Ordering::Acquire)),
            Source::Led(led) => led.now(),
        }
    }

    /// Turns a manual clock forward. The system's clock is not moved by this.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(turned) = &self.0 {
            let add = |at: i64| Some(at.saturating_add(millis(by)));
            let _ = turned
                .millis
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
            turned.wake();
        }
    }

    /// Sets a manual or a led clock, also backwards. The system's clock is not moved by this.
    pub fn set(&self, now: Timestamp) {
        match &self.0 {
            Source::System => {}
            Source::Manual(turned) => {
                turned.millis.store(now.as_millis(), Ordering::Release);
                turned.wake();
            }
            Source::Led(led) => led.set(now),
        }
    }
}

#[cfg(feature = "remote")]
impl Clock {
    /// Waits until this clock shows `at`, or less than `from`: then it was set back, and what was to be waited for is
    /// not known any more. Turning a manual clock ends it at once.
    pub(crate) async fn reach(&self, from: Timestamp, at: Timestamp) {
        let reached = |now: Timestamp| now >= at || now < from;
        match &self.0 {
            Source::Manual(turned) => {
                std::future::poll_fn(|context| {
                    let mut waiting = turned.waiting();
                    if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                        waiting.push(context.waker().clone());
                    }
                    drop(waiting);
                    if reached(self.now()) {
                        std::task::Poll::Ready(())
                    } else {
                        std::task::Poll::Pending
                    }
                })
                .await;
            }
            Source::System | Source::Led(_) => loop {
                let now = self.now();
                if reached(now) {
                    return;
                }
                tokio::time::sleep(at.since(now).min(SLICE)).await;
            },
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::System => f.write_str("Clock::system"),
            Source::Manual(_) => write!(f, "Clock::manual({})", self.now().as_millis()),
            Source::Led(led) => write!(f, "Clock::led({} ms)", led.now().as_millis()),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock"
)]
fn system_now() -> Timestamp {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => Timestamp(millis(since)),
        Err(before) => Timestamp(millis(before.duration()).saturating_neg()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_manual_clock_share_the_time() {
        let clock = Clock::manual(Timestamp::from_seconds(10));
        let shared = clock.clone();
        clock.advance(Duration::from_millis(1500));
        assert_eq!(shared.now().as_millis(), 11_500);
        assert_eq!(shared.now().as_seconds(), 11);
        shared.set(Timestamp::from_seconds(3));
        assert_eq!(clock.now(), Timestamp::from_seconds(3));
    }

    #[test]
    fn arithmetic_saturates_and_the_checked_form_says_so() {
        assert_eq!(Timestamp::MAX.saturating_add(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.saturating_sub(Duration::MAX), Timestamp::MIN);
        assert_eq!(Timestamp::MAX.checked_add(Duration::from_millis(1)), None);
        assert_eq!(Timestamp::MIN.checked_sub(Duration::from_millis(1)), None);
        assert_eq!(Timestamp::from_seconds(i64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.since(Timestamp::MAX), Duration::ZERO);
        assert_eq!(Timestamp::from_millis(-1).as_seconds(), -1);
    }

    #[test]
    fn a_led_clock_goes_on_from_where_it_is_set() {
        let clock = Clock::led();
        let shared = clock.clone();
        assert!(clock.is_led() && !clock.is_system());
        let away = Clock::system()
            .now()
            .saturating_add(Duration::from_secs(3_600));
        clock.set(away);
        let ahead = shared.now().since(away);
        assert!(ahead < Duration::from_secs(60), "{ahead:?}");
        assert!(shared.now() >= away);
    }

    #[test]
    fn a_led_clock_keeps_the_pace_of_one_that_nobody_sets() {
        let minute = Duration::from_secs(60);
        let clock = Clock::led();
        let since = Led {
            since: a_minute_ago(),
            at: AtomicI64::new(1_000),
        };
        let clock_of_then = Clock(Source::Led(Arc::new(since)));
        let shown = clock_of_then.now();
        assert!(shown >= Timestamp::from_millis(61_000), "{shown:?}");
        assert!(shown < Timestamp::from_millis(61_000).saturating_add(minute));
        // Set back, by what it is led by: it goes on from there and not from where it began.
        clock_of_then.set(Timestamp::from_seconds(5));
        let shown = clock_of_then.now();
        assert!(shown >= Timestamp::from_seconds(5), "{shown:?}");
        assert!(shown < Timestamp::from_seconds(5).saturating_add(minute));
        // Nobody advances it.
        clock.advance(3_600 * minute);
        assert!(clock.now().since(Clock::system().now()) < minute);
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the pace is no matter of wall clocks"
    )]
    fn a_minute_ago() -> Instant {
        let ago = Instant::now().checked_sub(Duration::from_secs(60));
        ago.expect("the machine runs for a minute")
    }

    #[test]
    fn the_system_clock_is_after_this_was_written_and_is_not_moved() {
        let clock = Clock::system();
        clock.set(Timestamp::from_seconds(0));
        assert!(clock.now() > Timestamp::from_seconds(1_700_000_000));
    }
}
