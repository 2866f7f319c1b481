//! What goes in and what comes out: the strings of a JSON body, and the one shape of every error.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use examples_common::{BodyFault, FieldFault, Fields};
use keystile_accounts::{SignInError, SignUpError};
use serde_json::json;

/// Why a request is not served: a status, a sentence and, where it applies, what to do next.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    member: &'static str,
    sentence: Cow<'static, str>,
    header: Option<(axum::http::HeaderName, HeaderValue)>,
}

impl Refused {
    /// `{"error": sentence}` under this status.
    pub(crate) fn new(status: StatusCode, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            member: "error",
            sentence: sentence.into(),
            header: None,
        }
    }

    /// The original says `message` here, and `error` everywhere else.
    pub(crate) fn no_such_cupcake() -> Self {
        Self {
            member: "message",
            ..Self::new(StatusCode::NOT_FOUND, "Cupcake not found")
        }
    }

    /// Asks for a name and a password (RFC 7617).
    pub(crate) fn sign_in_first() -> Self {
        let challenge = HeaderValue::from_static("Basic");
        Self {
            header: Some((WWW_AUTHENTICATE, challenge)),
            ..Self::new(StatusCode::UNAUTHORIZED, "Unauthorized")
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

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response =
            (self.status, Json(json!({ (self.member): self.sentence }))).into_response();
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

impl From<SignUpError> for Refused {
    fn from(error: SignUpError) -> Self {
        match error {
            SignUpError::Invalid { field, message, .. } => {
                Self::new(StatusCode::BAD_REQUEST, format!("{field}: {message}"))
            }
            SignUpError::Taken { .. } => Self::new(StatusCode::CONFLICT, "User already exists"),
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
            SignInError::WrongCredentials => Self::sign_in_first(),
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

impl From<BodyFault> for Refused {
    fn from(fault: BodyFault) -> Self {
        Self::new(fault.status(), fault.sentence())
    }
}

/// The named members of a body, which must be strings. `required` is the sentence for one that is absent or empty.
pub(crate) fn strings<const N: usize>(
    body: Result<Fields, BodyFault>,
    names: [&'static str; N],
    required: &'static str,
) -> Result<[String; N], Refused> {
    body?.strings(names).map_err(|fault| match fault {
        FieldFault::Missing(_) => Refused::new(StatusCode::BAD_REQUEST, required),
        FieldFault::NotAString(name) => {
            Refused::new(StatusCode::BAD_REQUEST, format!("{name}: must be a string"))
        }
    })
}
