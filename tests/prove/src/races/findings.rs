//! What the races of one kind showed: a row of the table.

use std::fmt;
use std::time::Duration;

use crate::client::Answer;
use crate::engine::Engine;
use crate::figures::{Millis, Times};
use crate::verdict::Verdict;

/// The table's head, as wide as its rows.
pub(super) const HEAD: &str = "  kind                             engine   rounds survivors signed-out faults  void \
deadlocks    served  refused after    longest wait";

/// A row.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) kind: String,
    pub(super) engine: Engine,
    pub(super) rounds: usize,
    /// Tokens, refresh or access, that worked when they must not; chains beyond the one.
    pub(super) survivors: usize,
    /// Sessions that ended though nothing asked for it.
    pub(super) honest_sign_outs: usize,
    /// Answers of 500 and above, acts that failed, and losers that were answered otherwise than they must be.
    pub(super) faults: usize,
    /// Races that were not run, which a busy machine brings about: the server said 503 with `Retry-After` to one of the
    /// two, or a command waited for the database for too long.
    pub(super) void: usize,
    /// Waits in a circle that PostgreSQL broke; `None` where there can be none.
    pub(super) deadlocks: Option<i64>,
    /// Races whose rival got tokens.
    pub(super) served: usize,
    /// Time from the act's answer until the last access token was refused.
    pub(super) felt: Times,
    /// From letting go to the last answer.
    pub(super) longest_wait: Duration,
}

impl Findings {
    pub(super) fn of(kind: String, engine: Engine) -> Self {
        Self {
            kind,
            engine,
            rounds: 0,
            survivors: 0,
            honest_sign_outs: 0,
            faults: 0,
            void: 0,
            deadlocks: None,
            served: 0,
            felt: Times::default(),
            longest_wait: Duration::ZERO,
        }
    }

    pub(super) fn survivor(&mut self, verdict: &mut Verdict, what: impl Into<String>) {
        self.survivors += 1;
        verdict.broken(what);
    }

    pub(super) fn fault(&mut self, verdict: &mut Verdict, what: impl Into<String>) {
        self.faults += 1;
        verdict.broken(what);
    }

    pub(super) fn honest_sign_out(&mut self, verdict: &mut Verdict, what: impl Into<String>) {
        self.honest_sign_outs += 1;
        verdict.broken(what);
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deadlocks = self
            .deadlocks
            .map_or("-".to_owned(), |some| some.to_string());
        let felt = if self.felt.is_empty() {
            "-".to_owned()
        } else {
            Millis(self.felt.longest()).to_string()
        };
        write!(
            f,
            "  {:<32} {:<8} {:>6} {:>9} {:>10} {:>6} {:>5} {deadlocks:>9} {:>9} {felt:>14} {:>15}",
            self.kind,
            self.engine,
            self.rounds,
            self.survivors,
            self.honest_sign_outs,
            self.faults,
            self.void,
            self.served,
            Millis(self.longest_wait).to_string(),
        )
    }
}

/// Whether an answer is the server's own fault.
pub(super) fn is_fault(answer: &Answer) -> bool {
    answer.status >= 500 && !answer.is_busy()
}
