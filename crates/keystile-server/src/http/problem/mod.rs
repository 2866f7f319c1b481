//! The one error mapper: everything that goes wrong becomes `application/problem+json` (RFC 9457).
//!
//! A handler returns a [`Problem`]; the response that it turns into carries it as an extension, and
//! the outermost layer writes the body once the request's id is known. An error answer that came
//! from elsewhere (a method that a route does not know, say) is given a body by its status.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use keystile::Reason;
use keystile_accounts::Fault;
use serde::Serialize;
use utoipa::ToSchema;

mod errors;
mod oauth;

pub(crate) use errors::BASIC;
pub(crate) use oauth::{OAuthError, OAuthErrorBody};

const PROBLEM_JSON: &str = "application/problem+json";

/// What a client is told when something went wrong.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: Cow<'static, str>,
    member: Option<String>,
    retry_after: Option<Duration>,
    challenge: Option<HeaderValue>,
    refused: Option<Reason>,
}

/// The body of every error answer (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// Always `about:blank`: `code` tells problems apart.
    #[serde(rename = "type")]
    kind: &'a str,
    /// The status in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What went wrong, stable: programs may compare it.
    code: &'a str,
    /// What went wrong and what to do, for people.
    detail: &'a str,
    /// The member of the request at fault, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<&'a str>,
    /// The request's id, as in `x-request-id` and in the server's log.
    request_id: &'a str,
}

impl Problem {
    fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Parts {
            status,
            code: code.into(),
            detail: detail.into(),
            member: None,
            retry_after: None,
            challenge: None,
            refused: None,
        }))
    }

    /// 400.
    pub(crate) fn bad_request(
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 404 of something that a path names.
    pub(crate) fn not_found(code: &'static str, detail: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 503 with a time after which to try again.
    pub(crate) fn busy(code: &'static str, detail: &'static str, retry_after: Duration) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(retry_after)
    }

    /// 503: the engine or its store failed. The reason goes to the log, never to the client.
    pub(crate) fn fault(fault: &Fault) -> Self {
        if fault.code() == "store_busy" {
            tracing::warn!(error = %fault, "the store was too busy");
            return Self::busy(
                "store_busy",
                "The server's database has too much to do, and nothing was changed. Try again shortly.",
                Duration::from_secs(1),
            );
        }
        tracing::error!(code = fault.code(), error = %fault, "the engine failed");
        Self::busy(
            "store_unavailable",
            "The server cannot reach its database. Try again shortly.",
            Duration::from_secs(1),
        )
    }

    /// Names the member of the request at fault.
    #[must_use]
    pub(crate) fn member(mut self, member: impl Into<String>) -> Self {
        self.0.member = Some(member.into());
        self
    }

    /// Says when to try again (whole seconds, rounded up; at least one).
    #[must_use]
    pub(crate) fn retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Sets `WWW-Authenticate`.
    #[must_use]
    pub(crate) fn challenge(mut self, challenge: HeaderValue) -> Self {
        self.0.challenge = Some(challenge);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    pub(crate) fn code(&self) -> &str {
        &self.0.code
    }

    /// Why the guard refused, where it did.
    pub(crate) fn refusal(&self) -> Option<Reason> {
        self.0.refused
    }

    /// 400 of what is not an HTTP request.
    pub(crate) fn unreadable() -> Self {
        Self::bad_request("request_malformed", "This is not an HTTP/1.1 request.")
    }

    /// 403 of what nobody may do here.
    pub(crate) fn forbidden(code: &'static str, detail: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 408.
    pub(crate) fn body_too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            "The body did not arrive within 30 seconds.",
        )
    }

    /// 413.
    pub(crate) fn body_too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "A body may have 64 KiB at most.",
        )
    }

    /// 415.
    pub(crate) fn not_json() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content_type_unsupported",
            "Send JSON, unencoded, with Content-Type: application/json.",
        )
    }

    /// 414.
    pub(crate) fn target_too_long() -> Self {
        Self::new(
            StatusCode::URI_TOO_LONG,
            "target_too_long",
            "The request's path and query are too long.",
        )
    }

    /// 431.
    pub(crate) fn headers_too_large() -> Self {
        let detail = "The headers of a request may have 32 KiB at most.";
        Self::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers_too_large",
            detail,
        )
    }

    /// The whole answer as it travels, for a request that never became one; the connection ends with it.
    pub(crate) fn to_wire(&self, request_id: &str) -> Vec<u8> {
        let body = self.body(request_id);
        let status = self.status();
        let mut wire = format!(
            "HTTP/1.1 {} {}\r\ncontent-type: {PROBLEM_JSON}\r\nx-request-id: {request_id}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n",
            status.as_u16(),
            status.canonical_reason().unwrap_or("Error"),
            body.len(),
        )
        .into_bytes();
        wire.extend_from_slice(&body);
        wire
    }

    /// What an error answer means that no handler of ours made.
    fn of_status(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => (
                "route_unknown",
                "There is nothing at this path. See /openapi.json.",
            ),
            StatusCode::METHOD_NOT_ALLOWED => (
                "method_not_allowed",
                "This path does not know this method. See the Allow header.",
            ),
            StatusCode::BAD_REQUEST => (
                "request_malformed",
                "The request cannot be read. See /openapi.json.",
            ),
            _ => (
                "request_refused",
                "The request was refused. See /openapi.json.",
            ),
        };
        Self::new(status, code, detail)
    }

    fn body(&self, request_id: &str) -> Vec<u8> {
        let parts = &self.0;
        let body = ProblemBody {
            kind: "about:blank",
            title: parts.status.canonical_reason().unwrap_or("Error"),
            status: parts.status.as_u16(),
            code: &parts.code,
            detail: &parts.detail,
            member: parts.member.as_deref(),
            request_id,
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        if let Some(after) = self.0.retry_after {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if let Some(challenge) = &self.0.challenge {
            headers.insert(header::WWW_AUTHENTICATE, challenge.clone());
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body of an error answer. Returns the problem, for the log.
pub(crate) fn finish(response: &mut axum::response::Response, request_id: &str) -> Option<Problem> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    if let Some(oauth::Told(problem)) = response.extensions_mut().remove() {
        return Some(problem);
    }
    let problem = response
        .extensions_mut()
        .remove::<Problem>()
        .unwrap_or_else(|| Problem::of_status(status));
    *response.body_mut() = Body::from(problem.body(request_id));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    headers.remove(header::CONTENT_LENGTH);
    Some(problem)
}
