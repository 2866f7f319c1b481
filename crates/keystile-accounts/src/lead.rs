//! The time that all nodes on a database go by: the database's own, where it has a clock of its own.
//!
//! A refresh may be consumed on one node and repeated on another: whether the grace is over must not depend on whose clock
//! is asked. So each node asks the database for the time every second, and puts its own clock right by the answer.

use std::time::{Duration, Instant};

use keystile::{Clock, Timestamp};

use crate::error::Fault;
use crate::store::Store;

/// An answer that took longer says too little about the time.
const LONGEST_WAY: Duration = Duration::from_secs(1);
/// So little is the network's, and no reason to move the clock.
const TOLERATED: Duration = Duration::from_millis(25);
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
    let way = asked.elapsed();
    let shows = Timestamp::from_millis(shown).saturating_add(way / 2);
    if way < longest && apart(shows, clock.now()) > TOLERATED {
        clock.set(shows);
    }
    Ok(())
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
