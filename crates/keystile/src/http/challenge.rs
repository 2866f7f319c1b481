//! The challenge of a refusal: RFC 6750, section 3; RFC 9470; RFC 9728, section 5.1.

use std::fmt::Write;

use http::HeaderValue;

use crate::{Guard, Reason, Refusal};

impl Guard {
    /// The value of `WWW-Authenticate` for a refusal: `Bearer`, or the scheme that this guard reads, with the reason's code, and, where RFC 6750 wants them,
    /// `error`, `error_description`, `scope` and `max_age`, and `resource_metadata` where [`resource`](Self::resource) was said. `None` where the fault is not the caller's.
    pub fn challenge(&self, refusal: &Refusal) -> Option<HeaderValue> {
        let reason = refusal.reason();
        if reason.status() >= 500 {
            return None;
        }
        let mut text = self.begin_challenge();
        if let Some(error) = reason.oauth_error() {
            parameter(&mut text, "error", error);
            parameter(&mut text, "error_description", reason.describe());
        }
        if let (Reason::ScopeMissing, Some(scope)) = (reason, refusal.needed()) {
            parameter(&mut text, "scope", scope);
        }
        if let Some(seconds) = refusal.max_age() {
            let _ = write!(text, "max_age=\"{seconds}\", ");
        }
        let _ = write!(text, "reason=\"{}\"", reason.code());
        HeaderValue::try_from(text).ok()
    }

    /// The value of `WWW-Authenticate` where a token was refused by somebody else than this guard: a refresh token by
    /// its store, say. It names `invalid_token`, the stable code that was given and the description.
    pub fn challenge_with(&self, code: &str, description: &str) -> HeaderValue {
        let mut text = self.begin_challenge();
        parameter(&mut text, "error", "invalid_token");
        parameter(&mut text, "error_description", description);
        parameter(&mut text, "reason", code);
        text.truncate(text.len() - 2);
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
    }

    /// The scheme, and what every challenge says of this guard.
    fn begin_challenge(&self) -> String {
        let settings = self.settings();
        let mut text = String::with_capacity(256);
        text.push_str(settings.places.scheme());
        text.push(' ');
        if let Some(realm) = &settings.realm {
            parameter(&mut text, "realm", realm);
        }
        if let Some(url) = &settings.answers.metadata {
            parameter(&mut text, "resource_metadata", url);
        }
        text
    }
}

/// Appends `name="value", `, leaving out what a quoted string of RFC 6750, section 3 may not have.
fn parameter(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str("=\"");
    text.extend(
        value
            .chars()
            .filter(|symbol| matches!(symbol, ' '..='~') && !matches!(symbol, '"' | '\\')),
    );
    text.push_str("\", ");
}
