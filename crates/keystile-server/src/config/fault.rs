//! What is wrong with a configuration, and how to mend it.

use std::fmt;

/// One thing that is wrong, with its cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The setting at fault, as it is written in `keystile.toml`, or what else is wrong.
    pub subject: String,
    /// Where the value came from, in words: a file, an environment variable, a flag.
    pub origin: Option<String>,
    /// What is wrong. Never holds a secret's value.
    pub problem: String,
    /// What to do next.
    pub cure: String,
}

impl Fault {
    /// A fault of `subject` without an origin.
    pub fn new(
        subject: impl Into<String>,
        problem: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            subject: subject.into(),
            origin: None,
            problem: problem.into(),
            cure: cure.into(),
        }
    }

    /// States where the value came from.
    #[must_use]
    pub fn from_origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject)?;
        if let Some(origin) = &self.origin {
            write!(f, " ({origin})")?;
        }
        write!(f, ": {}. {}", self.problem, self.cure)
    }
}

/// Everything that is wrong with a configuration, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => write!(f, "the configuration has a fault: {one}"),
            many => {
                write!(f, "the configuration has {} faults:", many.len())?;
                for fault in many {
                    write!(f, "\n  - {fault}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for Faults {}
