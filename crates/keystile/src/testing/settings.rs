//! What is said of a test issuer before it begins.

use std::time::Duration;

use serde_json::Value;

use crate::{Algorithm, Clock, Expected, KeySet, SigningKey, Trust, header};

/// The key that a test issuer begins with.
#[derive(Clone)]
pub(super) enum Signing {
    Seeded(Algorithm),
    Given(SigningKey),
}

#[derive(Clone)]
pub(super) struct Settings {
    /// What its keys are made from.
    pub(super) name: String,
    pub(super) issuer: String,
    pub(super) audience: Expected,
    pub(super) token_type: String,
    pub(super) required: Vec<(String, Value)>,
    pub(super) lifetime: Duration,
    /// One that stands still, unless said otherwise.
    pub(super) clock: Option<Clock>,
    pub(super) signing: Signing,
}

impl Settings {
    pub(super) fn named(name: &str) -> Self {
        let stands = |symbol: &char| symbol.is_ascii_alphanumeric() || *symbol == '-';
        let name: String = name.chars().filter(stands).collect();
        Self {
            // Nobody can own a name below `.test` (RFC 6761, section 6.2).
            issuer: format!("https://{name}.test"),
            name,
            audience: "https://api.test".into(),
            token_type: header::ACCESS_TOKEN.to_owned(),
            required: Vec::new(),
            lifetime: Duration::from_secs(900),
            clock: None,
            signing: Signing::Seeded(Algorithm::Es256),
        }
    }

    pub(super) fn trust(&self, keys: KeySet) -> Trust {
        Trust {
            issuer: self.issuer.as_str().into(),
            audience: self.audience.clone(),
            token_type: self.token_type.as_str().into(),
            keys,
        }
    }

    /// What `aud` says, where it says anything.
    pub(super) fn written_audience(&self) -> Option<&str> {
        match &self.audience {
            Expected::Exactly(one) => Some(one),
            Expected::AnyOf(some) => some.first().map(String::as_str),
            Expected::Absent | Expected::Unchecked => None,
        }
    }
}
