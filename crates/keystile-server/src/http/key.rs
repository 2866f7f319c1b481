//! A signing key as clients and commands see it.

use jiff::Timestamp;
use keystile_accounts::{KeySummary, NextStep};
use serde::Serialize;
use utoipa::ToSchema;

use super::rfc3339;

/// A signing key, without its private part.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SigningKey)]
pub struct KeyBody {
    /// Its id: `kid` in the header of the tokens that it signed.
    pub kid: String,
    /// Its one algorithm.
    #[schema(example = "ES256")]
    pub alg: String,
    /// `published`, `signing`, `retired` or `withdrawn`.
    #[schema(example = "signing")]
    pub state: &'static str,
    /// When it was made or imported.
    pub created_at: Timestamp,
    /// When it came into its state.
    pub since: Timestamp,
    /// What becomes of it, and when; null where that is not settled.
    pub next: Option<NextBody>,
}

/// A step in a key's life.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NextStep)]
pub struct NextBody {
    /// `signs`, `retires` or `goes`.
    #[schema(example = "retires")]
    pub step: &'static str,
    /// When.
    pub at: Timestamp,
}

impl From<KeySummary> for KeyBody {
    fn from(key: KeySummary) -> Self {
        Self {
            kid: key.key_id,
            alg: key.algorithm.to_string(),
            state: key.state.as_str(),
            created_at: rfc3339(key.created_at),
            since: rfc3339(key.since),
            next: key.next.map(NextBody::from),
        }
    }
}

impl From<NextStep> for NextBody {
    fn from(next: NextStep) -> Self {
        Self {
            step: next.step.as_str(),
            at: rfc3339(next.at),
        }
    }
}
