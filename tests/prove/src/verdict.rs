//! How a proof ends: one line with figures, and whether the promise holds.

use std::fmt;

use crate::engine::Engine;

/// What a proof found.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The proof's name, as on the command line, and the engine where it is one's.
    pub name: String,
    /// The figures, in one line.
    pub figures: String,
    broken: Vec<String>,
    broken_count: usize,
}

/// Broken promises that are told in full; the others are only counted.
const MOST_TOLD: usize = 10;

impl Verdict {
    /// Of the proof with this name on that engine; so far everything holds.
    pub fn of(name: &str, engine: Engine) -> Self {
        Self::named(format!("{name} on {engine}"))
    }

    /// Of the proof with this name; so far everything holds.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Notes a broken promise.
    pub fn broken(&mut self, what: impl Into<String>) {
        self.broken_count += 1;
        if self.broken.len() < MOST_TOLD {
            self.broken.push(what.into());
        }
    }

    /// Notes a broken promise unless `holds`.
    pub fn check(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.broken(otherwise());
        }
    }

    /// Whether every promise held.
    pub fn holds(&self) -> bool {
        self.broken_count == 0
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for broken in &self.broken {
            writeln!(f, "  BROKEN: {broken}")?;
        }
        let word = if self.holds() { "HOLDS" } else { "FAILS" };
        write!(f, "{word}  {}: {}", self.name, self.figures)?;
        if !self.holds() {
            write!(f, "; {} broken", self.broken_count)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_broken_promise_fails_the_proof() {
        let mut verdict = Verdict::of("walk", Engine::Sqlite);
        verdict.check(true, || unreachable!());
        assert!(verdict.holds());
        verdict.check(false, || "no answer".to_owned());
        assert!(!verdict.holds());
        assert_eq!(
            verdict.to_string(),
            "  BROKEN: no answer\nFAILS  walk on sqlite: ; 1 broken"
        );
    }
}
