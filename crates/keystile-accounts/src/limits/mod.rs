//! Limits on guessing passwords.

mod attempt;
mod counter;
mod line;
mod settings;
mod under_way;

pub(crate) use attempt::{Attempts, Guess, NotNow};
pub(crate) use counter::Subject;
pub use settings::GuessLimits;

/// Counters that are kept; those whose window ends first go first.
pub(crate) const MOST_COUNTERS: u32 = 200_000;
