//! A refusal as an HTTP answer: RFC 6750, section 3; RFC 9457; RFC 9470.

use std::fmt::Write;
use std::sync::Arc;

use axum_core::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::{Guard, Reason, Refusal};

type Answer = dyn Fn(&Refusal, &Parts) -> Response + Send + Sync;

/// How refusals are answered.
#[derive(Clone, Default)]
pub(crate) struct Answers(Option<Arc<Answer>>);

impl Guard {
    /// Answers refusals in the application's own shape: status and body are the closure's.
    ///
    /// `WWW-Authenticate`, `Retry-After` and `Cache-Control: no-store` are added where RFC 6750 and RFC 9110 want them
    /// and the answer does not have them.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use axum::{Json, http::StatusCode, response::IntoResponse};
    /// use keystile::{Guard, Reason};
    ///
    /// let guard = Guard::hs256([7; 32])?.refusals(|refusal, _request| {
    ///     let message = match refusal.reason() {
    ///         Reason::TokenMissing => "Token is missing!",
    ///         Reason::TokenExpired => "Token has expired!",
    ///         _ => "Token is invalid!",
    ///     };
    ///     (StatusCode::UNAUTHORIZED, Json(serde_json::json!({ "message": message }))).into_response()
    /// });
    /// # }
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    #[must_use]
    pub fn refusals(
        self,
        answer: impl Fn(&Refusal, &Parts) -> Response + Send + Sync + 'static,
    ) -> Self {
        self.with(|settings| settings.answers = Answers(Some(Arc::new(answer))))
    }

    /// The value of `WWW-Authenticate` for a refusal: `Bearer` with the reason's code, and, where RFC 6750 wants them,
    /// `error`, `error_description`, `scope` and `max_age`. `None` where the fault is not the caller's.
    pub fn challenge(&self, refusal: &Refusal) -> Option<HeaderValue> {
        let reason = refusal.reason();
        if reason.status() >= 500 {
            return None;
        }
        let mut text = String::with_capacity(192);
        text.push_str("Bearer ");
        if let Some(realm) = &self.settings().realm {
            parameter(&mut text, "realm", realm);
        }
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
        let mut text = String::with_capacity(192);
        text.push_str("Bearer ");
        if let Some(realm) = &self.settings().realm {
            parameter(&mut text, "realm", realm);
        }
        parameter(&mut text, "error", "invalid_token");
        parameter(&mut text, "error_description", description);
        parameter(&mut text, "reason", code);
        text.truncate(text.len() - 2);
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
    }

    /// The answer to a refusal, as the extractors and the layer give it.
    pub fn answer(&self, refusal: &Refusal, request: &Parts) -> Response {
        let mut response = match &self.settings().answers.0 {
            Some(answer) => answer(refusal, request),
            None => problem(refusal),
        };
        // The answer to HEAD keeps its body here: axum and hyper leave it out and state its true length (RFC 9110,
        // section 8.6, forbids any other).
        self.complete(refusal, response.headers_mut());
        response
    }

    fn complete(&self, refusal: &Refusal, headers: &mut HeaderMap) {
        if !headers.contains_key(WWW_AUTHENTICATE)
            && let Some(challenge) = self.challenge(refusal)
        {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if refusal.status() == 503 && !headers.contains_key(RETRY_AFTER) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
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

fn problem(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let mut body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": refusal.code(),
        "detail": refusal.describe(),
    });
    if let Some(claim) = refusal.claim() {
        body["claim"] = claim.into();
    }
    if let Some(needed) = refusal.needed() {
        body["needed"] = needed.into();
    }
    let kind = HeaderValue::from_static("application/problem+json");
    (status, [(CONTENT_TYPE, kind)], body.to_string()).into_response()
}

/// Why an extractor refused, with the guard's answer to it. Take `Result<Principal, Rejection>` to decide yourself.
#[derive(Debug)]
pub struct Rejection(Box<(Refusal, Response)>);

impl Rejection {
    pub(crate) fn new(guard: &Guard, refusal: Refusal, request: &Parts) -> Self {
        let response = guard.answer(&refusal, request);
        Self(Box::new((refusal, response)))
    }

    /// Why.
    pub fn refusal(&self) -> &Refusal {
        &self.0.0
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.0.1
    }
}
