//! What each error of the engine and of the guard means over HTTP.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use keystile::{Guard, Reason, Refusal};
use keystile_accounts::{
    AdminError, CallerError, ClientAuthError, Fault, RefreshError, SignInError, SignUpError,
};

use super::Problem;

/// The challenge of answers about JSON credentials: a Basic one would make browsers ask by themselves.
const BEARER: HeaderValue = HeaderValue::from_static("Bearer realm=\"keystile\"");
/// The challenge of answers about Basic credentials (RFC 7617).
pub(crate) const BASIC: HeaderValue =
    HeaderValue::from_static("Basic realm=\"keystile\", charset=\"UTF-8\"");
/// The challenge when the token was good once (RFC 6750, section 3.1).
const BEARER_INVALID: HeaderValue =
    HeaderValue::from_static("Bearer realm=\"keystile\", error=\"invalid_token\"");

impl Problem {
    /// A refusal of ours where no extractor made it, with the guard's challenge.
    pub(crate) fn refused_by(guard: &Guard, reason: Reason) -> Self {
        let refusal = Refusal::new(reason);
        let problem = Self::refused(&refusal);
        match guard.challenge(&refusal) {
            Some(challenge) => problem.challenge(challenge),
            None => problem,
        }
    }

    /// What the guard refused; the guard adds its challenge itself.
    pub(crate) fn refused(refusal: &Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::UNAUTHORIZED);
        let mut problem = Self::new(status, refusal.code(), refusal.describe());
        problem.0.refused = Some(refusal.reason());
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return problem.retry_after(Duration::from_secs(1));
        }
        problem
    }

    fn invalid(field: &'static str, code: &'static str, message: &str) -> Self {
        Self::bad_request(code, format!("{field}: {message}")).member(field)
    }

    fn taken(code: &'static str, field: &'static str) -> Self {
        let detail = format!("Another account has this {field}. Choose another.");
        Self::new(StatusCode::CONFLICT, code, detail).member(field)
    }

    pub(crate) fn taken_by_client() -> Self {
        let detail = "Another client has this name. Choose another.";
        Self::new(StatusCode::CONFLICT, "name_taken", detail).member("name")
    }

    fn hashing_busy(after: Duration) -> Self {
        Self::busy(
            "busy",
            "Too many passwords are being checked just now. Try again shortly.",
            after,
        )
    }

    fn limited(after: Duration) -> Self {
        let detail = "Too many attempts. Wait as long as Retry-After says.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "limited", detail).retry_after(after)
    }

    fn stale(code: &'static str) -> Self {
        let detail = "The sign-in behind this request is no longer good. Refresh the token or sign in again.";
        Self::new(StatusCode::UNAUTHORIZED, code, detail).challenge(BEARER_INVALID)
    }

    /// An error that this version of the engine does not have yet.
    pub(super) fn unforeseen(code: &'static str) -> Self {
        tracing::error!(code, "an error without a mapping");
        Self::busy(
            "store_unavailable",
            "The server could not do this. Try again shortly.",
            Duration::from_secs(1),
        )
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::fault(&fault)
    }
}

impl From<SignUpError> for Problem {
    fn from(error: SignUpError) -> Self {
        let code = error.code();
        match error {
            SignUpError::Invalid { field, message, .. } => Self::invalid(field, code, &message),
            SignUpError::Taken { field } => Self::taken(code, field),
            SignUpError::Busy { retry_after } => Self::hashing_busy(retry_after),
            SignUpError::Store(fault) => Self::fault(&fault),
            _ => Self::unforeseen(code),
        }
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        let code = error.code();
        match error {
            SignInError::WrongCredentials => Self::new(
                StatusCode::UNAUTHORIZED,
                code,
                "The name or the password is wrong.",
            )
            .challenge(BEARER),
            SignInError::ResourceRefused => Self::bad_request(
                code,
                "The token cannot be for this resource. Name one of the client's audiences; without a client, leave it out.",
            )
            .member("resource"),
            SignInError::ResourceNeeded => Self::bad_request(
                code,
                "The client has several audiences. Say which one as the resource.",
            )
            .member("resource"),
            SignInError::Limited { retry_after } => Self::limited(retry_after),
            SignInError::Busy { retry_after } => Self::hashing_busy(retry_after),
            SignInError::Store(fault) => Self::fault(&fault),
            _ => Self::unforeseen(code),
        }
    }
}

impl From<ClientAuthError> for Problem {
    fn from(error: ClientAuthError) -> Self {
        let code = error.code();
        match error {
            ClientAuthError::WrongCredentials => {
                let detail = "The client's id or its secret is wrong.";
                Self::new(StatusCode::UNAUTHORIZED, code, detail).challenge(BEARER)
            }
            ClientAuthError::Limited { retry_after } => Self::limited(retry_after),
            ClientAuthError::Store(fault) => Self::fault(&fault),
            _ => Self::unforeseen(code),
        }
    }
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        let code = error.code();
        let detail = match error {
            RefreshError::Store(fault) => return Self::fault(&fault),
            RefreshError::Malformed => {
                "This is not a refresh token. Send the one that starts with ksr_."
            }
            RefreshError::Unknown => {
                "This refresh token is not known here. Sign in again; one that a client was given is refreshed at /oauth/token."
            }
            RefreshError::Reused => {
                "This refresh token was used already, so its session has been ended. Sign in again."
            }
            RefreshError::Ended => "The session of this refresh token has ended. Sign in again.",
            RefreshError::Expired => "This refresh token has expired. Sign in again.",
            RefreshError::ExpiredIdle => {
                "The session of this refresh token was idle for too long. Sign in again."
            }
            RefreshError::ExpiredAbsolute => {
                "The session of this refresh token has reached its longest life. Sign in again."
            }
            _ => return Self::unforeseen(code),
        };
        Self::new(StatusCode::UNAUTHORIZED, code, detail).challenge(BEARER_INVALID)
    }
}

impl From<CallerError> for Problem {
    fn from(error: CallerError) -> Self {
        let code = error.code();
        match error {
            CallerError::Stale => Self::stale(code),
            CallerError::WrongPassword => Self::new(
                StatusCode::FORBIDDEN,
                code,
                "The current password is wrong.",
            ),
            CallerError::PasswordNeeded => {
                let detail = "This change needs the current password in current_password.";
                Self::bad_request(code, detail).member("current_password")
            }
            CallerError::NotFound => {
                Self::not_found("session_unknown", "There is no such session.")
            }
            CallerError::Invalid { field, message, .. } => Self::invalid(field, code, &message),
            CallerError::Taken { field } => Self::taken(code, field),
            CallerError::Limited { retry_after } => Self::limited(retry_after),
            CallerError::Busy { retry_after } => Self::hashing_busy(retry_after),
            CallerError::Store(fault) => Self::fault(&fault),
            _ => Self::unforeseen(code),
        }
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let code = error.code();
        match error {
            AdminError::Stale => Self::stale(code),
            AdminError::NotFound { .. } => {
                Self::not_found("account_unknown", "There is no such account.")
            }
            AdminError::Invalid { field, message, .. } => Self::invalid(field, code, &message),
            AdminError::Taken { field } => Self::taken(code, field),
            AdminError::Busy { retry_after } => Self::hashing_busy(retry_after),
            AdminError::Store(fault) => Self::fault(&fault),
            _ => Self::unforeseen(code),
        }
    }
}
