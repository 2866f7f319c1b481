//! What goes in and what comes out: the strings of a JSON body, and `{"error"}` for all that is not about a token.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use axum::Json;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use examples_common::{BodyFault, FieldFault, Fields};
use keystile_accounts::{CallerError, SignInError, SignUpError, SignedIn};
use serde_json::{Value, json};

/// Two tokens, for their owner alone.
pub(crate) type Pair = ([(HeaderName, &'static str); 1], Json<Value>);

pub(crate) fn pair(signed_in: &SignedIn) -> Pair {
    let tokens = json!({
        "access_token": signed_in.access_token,
        "refresh_token": signed_in.refresh_token.expose(),
    });
    ([(CACHE_CONTROL, "no-store")], Json(tokens))
}

/// Why a request is not served: a status, a sentence and, where it applies, when to come again.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    sentence: Cow<'static, str>,
    retry_after: Option<Duration>,
}

impl Refused {
    /// `{"error": sentence}` under this status.
    pub(crate) fn new(status: StatusCode, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            sentence: sentence.into(),
            retry_after: None,
        }
    }

    pub(crate) fn bad(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }

    fn later(status: StatusCode, sentence: &'static str, after: Duration) -> Self {
        Self {
            retry_after: Some(after),
            ..Self::new(status, sentence)
        }
    }

    fn limited(after: Duration) -> Self {
        let sentence = "too many wrong passwords; try again later";
        Self::later(StatusCode::TOO_MANY_REQUESTS, sentence, after)
    }

    fn busy(after: Duration) -> Self {
        let sentence = "too many passwords at once; try again shortly";
        Self::later(StatusCode::SERVICE_UNAVAILABLE, sentence, after)
    }

    /// The store failed: the log gets the cause, the caller does not.
    pub(crate) fn fault(cause: impl Display) -> Self {
        eprintln!("the store failed: {cause:#}");
        let sentence = "the store does not answer at present; try again shortly";
        Self::later(
            StatusCode::SERVICE_UNAVAILABLE,
            sentence,
            Duration::from_secs(1),
        )
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({ "error": self.sentence }))).into_response();
        if let Some(after) = self.retry_after {
            let seconds = HeaderValue::from(after.as_secs().max(1));
            response.headers_mut().insert(RETRY_AFTER, seconds);
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
            SignUpError::Invalid { field, message, .. } => Self::bad(format!("{field}: {message}")),
            SignUpError::Taken { .. } => Self::new(StatusCode::CONFLICT, "username already taken"),
            SignUpError::Busy { retry_after } => Self::busy(retry_after),
            other => Self::fault(other),
        }
    }
}

impl From<SignInError> for Refused {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::WrongCredentials => Self::bad("invalid username or password"),
            SignInError::Limited { retry_after } => Self::limited(retry_after),
            SignInError::Busy { retry_after } => Self::busy(retry_after),
            other => Self::fault(other),
        }
    }
}

impl From<CallerError> for Refused {
    fn from(error: CallerError) -> Self {
        match error {
            CallerError::WrongPassword => Self::bad("current_password: it is wrong"),
            CallerError::Invalid { message, .. } => Self::bad(format!("new_password: {message}")),
            CallerError::Limited { retry_after } => Self::limited(retry_after),
            CallerError::Busy { retry_after } => Self::busy(retry_after),
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
        FieldFault::Missing(_) => Refused::bad(required),
        FieldFault::NotAString(name) => Refused::bad(format!("{name}: must be a string")),
    })
}
