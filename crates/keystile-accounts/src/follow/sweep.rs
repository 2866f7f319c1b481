//! Sweeps away what has had its time, by a clock that does not jump forward.

use std::sync::Arc;
use std::time::Duration;

use keystile::Timestamp;
use tokio::time::{MissedTickBehavior, interval};

use super::Followed;
use crate::engine::{Engine, millis};
use crate::error::Fault;
use crate::heard::now;
use crate::limits::MOST_COUNTERS;
use crate::store::Sweep;

pub(super) const SWEEP: Duration = Duration::from_secs(15);
/// Batches in one sweep: the rest waits for the next.
const MOST_BATCHES: u32 = 50;
const KEEP_SESSIONS: Duration = Duration::from_secs(7 * 24 * 3_600);
const KEEP_AUDIT: Duration = Duration::from_secs(400 * 24 * 3_600);

/// The wall clock, but never running at more than twice the speed of time: when somebody sets it forward by an hour and
/// back again, what is revoked in between must not have been forgotten. It catches up if the clock stays where it is.
pub(super) struct Settled {
    pub(super) reached: Timestamp,
}

impl Settled {
    pub(super) fn after(&mut self, elapsed: Duration, wall: Timestamp) -> Timestamp {
        let soonest = self.reached.saturating_add(elapsed.saturating_mul(2));
        self.reached = wall.min(soonest);
        self.reached
    }
}

/// Sweeps again and again, for as long as the engine lives.
pub(super) async fn sweep(engine: Arc<Engine>, followed: Arc<Followed>) {
    let mut ticks = interval(SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut settled, mut last) = (
        Settled {
            reached: engine.now(),
        },
        now(),
    );
    loop {
        ticks.tick().await;
        let elapsed = last.elapsed();
        last += elapsed;
        let due_by = settled.after(elapsed, engine.now());
        if let Err(error) = sweep_once(&engine, &followed, due_by).await {
            tracing::warn!(%error, "the sweep failed; the next one goes on");
        }
    }
}

/// Erases and deletes what has had its time by `due_by`: the time, or less where the clock has just jumped. In small batches
/// between which other writes go on.
pub(crate) async fn sweep_once(
    engine: &Engine,
    followed: &Followed,
    due_by: Timestamp,
) -> Result<(), Fault> {
    followed.revocations.forget_expired(due_by);
    followed.hub.forget_ended(due_by);
    let request = Sweep {
        now: due_by.as_millis(),
        grace: millis(engine.sessions.replay_grace),
        keep_sessions: millis(KEEP_SESSIONS),
        keep_audit: millis(KEEP_AUDIT),
        most_counters: MOST_COUNTERS,
    };
    for _ in 0..MOST_BATCHES {
        if !engine.store.sweep(request).await? {
            break;
        }
    }
    engine.learn_formats().await
}
