//! What comes out where a request is not served: `{"message"}`, or, for what is wrong with fields, a map.

use std::fmt::Display;
use std::time::Duration;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use examples_common::BodyFault;
use keystile::{Guard, Reason};
use keystile_accounts::{Fault, SignInError, SignUpError};
use serde::Serialize;

use crate::form::Faults;

/// Why a request is not served.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    body: Body,
    header: Option<(HeaderName, HeaderValue)>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Body {
    Message {
        message: &'static str,
    },
    Fields(Faults),
    SignIn {
        status: &'static str,
        message: &'static str,
    },
}

impl Refused {
    /// `{"message": sentence}` under this status.
    pub(crate) fn new(status: StatusCode, message: &'static str) -> Self {
        Self {
            status,
            body: Body::Message { message },
            header: None,
        }
    }

    /// 400 with what is wrong, field by field.
    pub(crate) fn invalid(faults: Faults) -> Self {
        Self::fields(StatusCode::BAD_REQUEST, faults)
    }

    /// 409 with the fields whose values other customers have.
    pub(crate) fn taken(faults: Faults) -> Self {
        Self::fields(StatusCode::CONFLICT, faults)
    }

    fn fields(status: StatusCode, faults: Faults) -> Self {
        Self {
            status,
            body: Body::Fields(faults),
            header: None,
        }
    }

    /// The text's answer to a sign-in that fails: its status and its words, whichever of the two was wrong.
    fn sign_in_failed() -> Self {
        let (status, message) = ("error", "invalid username or password");
        Self {
            status: StatusCode::NOT_FOUND,
            body: Body::SignIn { status, message },
            header: None,
        }
    }

    /// There is no such customer. Only an administrator is told so.
    pub(crate) fn no_such_customer() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Customer not found")
    }

    /// Another's record, or nobody's: the answer is the same.
    pub(crate) fn not_yours() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "Only your own record is yours to see",
        )
    }

    /// The token held when it came, and holds no more.
    pub(crate) fn revoked(guard: &Guard) -> Self {
        let challenge = guard.challenge(&Reason::TokenRevoked.into());
        Self {
            header: challenge.map(|challenge| (WWW_AUTHENTICATE, challenge)),
            ..Self::new(StatusCode::UNAUTHORIZED, "Invalid Token")
        }
    }

    fn later(status: StatusCode, sentence: &'static str, after: Duration) -> Self {
        let seconds = HeaderValue::from(after.as_secs().max(1));
        Self {
            header: Some((RETRY_AFTER, seconds)),
            ..Self::new(status, sentence)
        }
    }

    /// The store failed: the log gets the cause, the caller does not.
    fn fault(cause: impl Display) -> Self {
        eprintln!("the store failed: {cause:#}");
        let sentence = "The store does not answer at present; try again shortly";
        Self::later(
            StatusCode::SERVICE_UNAVAILABLE,
            sentence,
            Duration::from_secs(1),
        )
    }
}

/// What is said of a field that must be one's own.
pub(crate) fn already_taken(field: &str) -> String {
    format!("Another customer has this {field}; choose another.")
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<anyhow::Error> for Refused {
    fn from(error: anyhow::Error) -> Self {
        Self::fault(error)
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::fault(fault)
    }
}

impl From<BodyFault> for Refused {
    fn from(fault: BodyFault) -> Self {
        Self::new(fault.status(), fault.sentence())
    }
}

impl From<SignUpError> for Refused {
    fn from(error: SignUpError) -> Self {
        match error {
            SignUpError::Taken {
                field: field @ ("email" | "username"),
            } => Self::taken(Faults::of(field, already_taken(field))),
            // The form has asked for every broken rule before.
            SignUpError::Invalid { field, message, .. } => {
                Self::invalid(Faults::of(field, message))
            }
            SignUpError::Busy { retry_after } => Self::later(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many sign-ups at once; try again shortly",
                retry_after,
            ),
            other => Self::fault(other),
        }
    }
}

impl From<SignInError> for Refused {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::WrongCredentials => Self::sign_in_failed(),
            SignInError::Limited { retry_after } => Self::later(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many wrong passwords; try again later",
                retry_after,
            ),
            SignInError::Busy { retry_after } => Self::later(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many sign-ins at once; try again shortly",
                retry_after,
            ),
            other => Self::fault(other),
        }
    }
}
