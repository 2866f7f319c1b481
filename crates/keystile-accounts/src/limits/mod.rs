//! Limits on guessing passwords.

mod attempt;
mod settings;
mod turn;

pub(crate) use attempt::{Attempts, Guess, NotNow, Subject};
pub use settings::GuessLimits;

/// Counters that are kept; those whose window ends first go first.
pub(crate) const MOST_COUNTERS: u32 = 200_000;
