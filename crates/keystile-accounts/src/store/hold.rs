//! Attempts under way, as both engines count them.
//!
//! An attempt that is let through is held until it is settled. A process that was killed settles nothing, so a hold lapses:
//! time is cut into periods, a counter knows how many were let through in its period and in the one before, and what is
//! older counts no more. An attempt remembers its period, and gives back there; so one that lapsed takes nobody else's place
//! with it, and lost ones go even while others come and go without a pause. A counter whose period lies more than one ahead
//! is from before the clock was set back: its holds count no more either.

use super::Counted;

/// Milliseconds of a period. A hold counts for one at the least and two at the most.
const PERIOD: i64 = 30_000;

/// The longest that an attempt which was never settled counts, in milliseconds.
pub const LONGEST_HOLD: i64 = 2 * PERIOD;

/// The period in which a time lies.
pub(super) fn period(now: i64) -> i64 {
    now.div_euclid(PERIOD)
}

/// A counter's row.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) count: i64,
    pub(super) window_ends_at: i64,
    pub(super) held: i64,
    pub(super) held_before: i64,
    pub(super) period: Option<i64>,
}

impl Row {
    /// What of it counts at a time.
    pub(super) fn at(self, now: i64) -> Counted {
        let lives = self.window_ends_at > now;
        let under_way = match self
            .period
            .map(|period| period.saturating_sub(self::period(now)))
        {
            Some(0 | 1) => self.held.saturating_add(self.held_before),
            Some(-1) => self.held,
            _ => 0,
        };
        Counted {
            count: if lives { self.count.cast_unsigned() } else { 0 },
            under_way: under_way.max(0).cast_unsigned(),
            window_ends_at: if lives { self.window_ends_at } else { now },
        }
    }
}
