//! The time that all nodes on a database go by: the database's own, where it has a clock of its own.
//!
//! A refresh may be consumed on one node and repeated on another: whether the grace is over must not depend on whose clock
//! is asked. So each node asks the database for the time every second, and puts its own clock right by the answer.
//!
//! It is never put ahead of the database's: a token that says it was issued a few milliseconds from now is refused by
//! verifiers that forgive nothing. An answer left the database while it was waited for, so that the database's clock shows
//! at least what the answer says, and at most that and the time that it was on its way.

use std::time::{Duration, Instant};

use keystile::{Clock, Timestamp};

use crate::error::Fault;
use crate::store::Store;

/// An answer that took longer says too little about the time.
const LONGEST_WAY: Duration = Duration::from_secs(1);
/// So much somebody should know of: other programs that verify the tokens go by their own clocks.
const WORTH_SAYING: Duration = Duration::from_secs(5);

/// The clock to go by: the one that was given (a test's, say), or the machine's if the store is on it, or one that the
/// database leads. That is right from the first moment, as steps of keys are due by it.
pub(crate) async fn clock_of(store: &Store, given: Clock) -> Result<Clock, Fault> {
    let may_be_led = given.is_system() || given.is_led();
    if !may_be_led || store.clock().await?.is_none() {
        return Ok(given);
    }
    let clock = if given.is_led() {
        given.clone()
    } else {
        Clock::led()
    };
    // However long the database takes to answer now: it says more than a clock that nobody looked at.
    put_right(store, &clock, Duration::MAX).await?;
    let apart = apart(clock.now(), given.now());
    if apart > WORTH_SAYING {
        tracing::warn!(
            ?apart,
            "this machine's clock and the database's differ; the database's is gone by"
        );
    }
    Ok(clock)
}

/// Puts a led clock right.
pub(crate) async fn lead(store: &Store, clock: &Clock) -> Result<(), Fault> {
    if clock.is_led() {
        put_right(store, clock, LONGEST_WAY).await?;
    }
    Ok(())
}

/// By an answer that took no longer than `longest`.
async fn put_right(store: &Store, clock: &Clock, longest: Duration) -> Result<(), Fault> {
    let asked = now();
    let Some(shown) = store.clock().await? else {
        return Ok(());
    };
    let (shown, way) = (Timestamp::from_millis(shown), asked.elapsed());
    if way < longest && is_wrong(clock.now(), shown, way) {
        clock.set(shown);
    }
    Ok(())
}

/// Behind what the database's clock shows at the least, or ahead of what it shows at the most. Between the two nothing is
/// known to be better: a quick answer's word is not given up for a slow one's.
fn is_wrong(clock: Timestamp, shown: Timestamp, way: Duration) -> bool {
    clock < shown || clock > shown.saturating_add(way)
}

fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long the database took to answer is no matter of wall clocks"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_clock_between_what_is_known_is_left_alone() {
        let way = Duration::from_millis(40);
        assert!(is_wrong(at(999), at(1_000), way), "behind");
        assert!(!is_wrong(at(1_000), at(1_000), way));
        assert!(!is_wrong(at(1_040), at(1_000), way), "it may be right");
        assert!(is_wrong(at(1_041), at(1_000), way), "ahead");
    }

    /// Answers of any delay, in any order: the clock is never ahead, and as near as the quickest of them.
    #[test]
    fn no_answer_puts_the_clock_ahead_of_the_databases() {
        let mut behind = 60_000;
        for (there, back) in [
            (30, 5),
            (0, 200),
            (200, 0),
            (1, 1),
            (400, 90),
            (3, 2),
            (0, 900),
        ] {
            // The database's clock shows 0 when it answers, and `back` when the answer is here.
            let (shown, way) = (at(0), Duration::from_millis(there + back));
            let arrived = i64::try_from(back).expect("small");
            if is_wrong(at(arrived - behind), shown, way) {
                behind = arrived;
            }
            assert!(behind >= 0, "never ahead");
        }
        assert_eq!(behind, 0, "the answer that came at once");
    }
}
