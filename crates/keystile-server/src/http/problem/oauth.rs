//! What clients are told when something went wrong under `/oauth/`: OAuth's errors (RFC 6749, section 5.2), not problems.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use keystile_accounts::{ClientAuthError, Fault, GrantError, RefreshError, RevokeError};
use serde::Serialize;
use utoipa::ToSchema;

use super::{BASIC, Problem};

/// An error of OAuth's: a problem whose code is the `error`.
#[derive(Debug)]
pub(crate) struct OAuthError(Problem);

/// A problem that was told already, in a body that is not to be replaced: for the log.
#[derive(Clone)]
pub(super) struct Told(pub(super) Problem);

/// The body of error answers under `/oauth/` (RFC 6749, section 5.2).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OAuthError)]
pub(crate) struct OAuthErrorBody {
    /// `invalid_request`, `invalid_client`, `invalid_grant`, `invalid_scope`, `invalid_target`, `unsupported_grant_type` or
    /// `temporarily_unavailable`.
    #[schema(example = "invalid_client")]
    error: String,
    /// What went wrong and what to do, for people.
    error_description: String,
}

impl OAuthError {
    fn bad(error: &'static str, detail: &'static str) -> Self {
        Self(Problem::bad_request(error, detail))
    }

    /// The request itself is wrong.
    pub(crate) fn invalid_request(detail: &'static str) -> Self {
        Self::bad("invalid_request", detail)
    }

    /// The client did not prove who it is. 401 takes a challenge, whichever way was tried.
    pub(crate) fn invalid_client(detail: &'static str) -> Self {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "invalid_client", detail);
        Self(problem.challenge(BASIC))
    }

    /// A kind of grant that is not known here.
    pub(crate) fn unsupported_grant_type() -> Self {
        let detail = "This grant_type is not supported. client_credentials and refresh_token are; a person's password goes to POST /v1/login, with client_id and client_secret beside it.";
        Self::bad("unsupported_grant_type", detail)
    }

    /// A scope that cannot be had.
    pub(crate) fn invalid_scope(detail: &'static str) -> Self {
        Self::bad("invalid_scope", detail)
    }

    /// A resource that cannot be had (RFC 8707, section 2).
    pub(crate) fn invalid_target(detail: &'static str) -> Self {
        Self::bad("invalid_target", detail)
    }

    fn invalid_grant(detail: &'static str) -> Self {
        Self::bad("invalid_grant", detail)
    }

    fn limited(after: Duration) -> Self {
        let detail = "Too many attempts. Wait as long as Retry-After says.";
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self(Problem::new(status, "temporarily_unavailable", detail).retry_after(after))
    }
}

/// What is refused below OAuth: a body that is too large or too slow, a database that does not answer.
impl From<Problem> for OAuthError {
    fn from(mut problem: Problem) -> Self {
        problem.0.code = if problem.status().is_server_error() {
            "temporarily_unavailable".into()
        } else {
            "invalid_request".into()
        };
        Self(problem)
    }
}

impl From<Fault> for OAuthError {
    fn from(fault: Fault) -> Self {
        Problem::fault(&fault).into()
    }
}

impl From<ClientAuthError> for OAuthError {
    fn from(error: ClientAuthError) -> Self {
        let code = error.code();
        match error {
            ClientAuthError::WrongCredentials => {
                Self::invalid_client("The client's id or its secret is wrong.")
            }
            ClientAuthError::Limited { retry_after } => Self::limited(retry_after),
            ClientAuthError::Store(fault) => fault.into(),
            _ => Problem::unforeseen(code).into(),
        }
    }
}

impl From<GrantError> for OAuthError {
    fn from(error: GrantError) -> Self {
        let code = error.code();
        match error {
            GrantError::ScopeRefused => {
                Self::invalid_scope("The client does not have every scope that it asks for.")
            }
            GrantError::ResourceRefused => Self::invalid_target(
                "The client was not given this resource. Name one of its audiences.",
            ),
            GrantError::ResourceNeeded => Self::invalid_target(
                "The client has several audiences. Say which one in the parameter resource.",
            ),
            GrantError::Refresh(error) => error.into(),
            GrantError::Store(fault) => fault.into(),
            _ => Problem::unforeseen(code).into(),
        }
    }
}

impl From<RefreshError> for OAuthError {
    fn from(error: RefreshError) -> Self {
        let code = error.code();
        Self::invalid_grant(match error {
            RefreshError::Store(fault) => return fault.into(),
            RefreshError::Malformed => {
                "This is not a refresh token. Send the one that starts with ksr_."
            }
            RefreshError::Unknown => {
                "This refresh token was not given to this client. One of a sign-in without a client is refreshed at /v1/refresh."
            }
            RefreshError::Reused => {
                "This refresh token was used already, so its session has been ended. Sign in again."
            }
            RefreshError::Ended => "The session of this refresh token has ended. Sign in again.",
            RefreshError::Expired | RefreshError::ExpiredIdle | RefreshError::ExpiredAbsolute => {
                "This refresh token has expired. Sign in again."
            }
            _ => return Problem::unforeseen(code).into(),
        })
    }
}

impl From<RevokeError> for OAuthError {
    fn from(error: RevokeError) -> Self {
        let code = error.code();
        match error {
            // RFC 7009, section 2.1: refused, and told.
            RevokeError::NotYours => {
                Self::invalid_grant("This token was not given to this client.")
            }
            RevokeError::Limited { retry_after } => Self::limited(retry_after),
            RevokeError::Store(fault) => fault.into(),
            _ => Problem::unforeseen(code).into(),
        }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let problem = self.0;
        let body = OAuthErrorBody {
            error: problem.code().to_owned(),
            error_description: speakable(&problem.0.detail),
        };
        let mut response = problem.clone().into_response();
        response.extensions_mut().remove::<Problem>();
        response.extensions_mut().insert(Told(problem));
        let (parts, _) = response.into_parts();
        (parts, Json(body)).into_response()
    }
}

/// RFC 6749, section 5.2: printable ASCII without quotes and backslashes.
fn speakable(text: &str) -> String {
    let allowed = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    let replaced = text.chars().map(|c| if allowed(c) { c } else { '\'' });
    replaced.collect()
}
