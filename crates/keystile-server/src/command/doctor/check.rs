//! One finding, and its cure.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Right,
    Notice,
    Wrong,
}

#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) subject: &'static str,
    pub(super) state: State,
    pub(super) finding: String,
    pub(super) cure: Option<String>,
}

impl Check {
    pub(super) fn right(subject: &'static str, finding: impl Into<String>) -> Self {
        Self {
            subject,
            state: State::Right,
            finding: finding.into(),
            cure: None,
        }
    }

    pub(super) fn notice(
        subject: &'static str,
        finding: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            subject,
            state: State::Notice,
            finding: finding.into(),
            cure: Some(cure.into()),
        }
    }

    pub(super) fn wrong(
        subject: &'static str,
        finding: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            subject,
            state: State::Wrong,
            finding: finding.into(),
            cure: Some(cure.into()),
        }
    }
}
