//! What goes out: each body says its status, which is the answer's own.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use axum::Json;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use keystile_accounts::{RefreshError, SignInError, SignUpError};
use serde::Serialize;

#[derive(Serialize)]
struct Body<T> {
    status: u16,
    #[serde(flatten)]
    rest: T,
}

/// `{"status":200, …}`
#[derive(Debug)]
pub(crate) struct Served<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Served<T> {
    fn into_response(self) -> Response {
        let body = Body {
            status: StatusCode::OK.as_u16(),
            rest: self.0,
        };
        Json(body).into_response()
    }
}

/// A sentence and, where the original's words leave it open, what to do.
#[derive(Debug, Serialize)]
pub(crate) struct Message {
    message: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'static, str>>,
}

/// `{"status":200,"message": …}`
pub(crate) fn done(message: impl Into<Cow<'static, str>>) -> Served<Message> {
    Served(Message {
        message: message.into(),
        detail: None,
    })
}

/// Why a request is not served: a status, a message and, where it applies, what to do next.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    message: Cow<'static, str>,
    next: Next,
}

#[derive(Debug)]
enum Next {
    Nothing,
    Detail(Cow<'static, str>),
    /// A `WWW-Authenticate`.
    SignIn(String),
    RetryAfter(Duration),
}

impl Refused {
    pub(crate) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            message: message.into(),
            next: Next::Nothing,
        }
    }

    /// 400 in the original's words, and the rule that was broken.
    pub(crate) fn bad_request(message: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            next: Next::Detail(detail.into()),
            ..Self::new(StatusCode::BAD_REQUEST, message)
        }
    }

    pub(crate) fn no_such_user() -> Self {
        Self::new(StatusCode::NOT_FOUND, "No such user")
    }

    pub(crate) fn no_such_post() -> Self {
        Self::new(StatusCode::NOT_FOUND, "No such post")
    }

    fn unauthorized(message: &'static str, challenge: String) -> Self {
        Self {
            next: Next::SignIn(challenge),
            ..Self::new(StatusCode::UNAUTHORIZED, message)
        }
    }

    fn later(status: StatusCode, message: &'static str, after: Duration) -> Self {
        Self {
            next: Next::RetryAfter(after),
            ..Self::new(status, message)
        }
    }

    /// The store failed: the log gets the cause, the caller does not.
    pub(crate) fn fault(cause: impl Display) -> Self {
        eprintln!("the store failed: {cause:#}");
        Self::later(
            StatusCode::SERVICE_UNAVAILABLE,
            "The store does not answer at present; try again shortly",
            Duration::from_secs(1),
        )
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        let mut detail = None;
        match self.next {
            Next::Nothing => {}
            Next::Detail(rule) => detail = Some(rule),
            Next::SignIn(challenge) => {
                let challenge = HeaderValue::try_from(challenge);
                let challenge = challenge.unwrap_or(HeaderValue::from_static("Bearer"));
                headers.insert(WWW_AUTHENTICATE, challenge);
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
            Next::RetryAfter(after) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
            }
        }
        let body = Body {
            status: self.status.as_u16(),
            rest: Message {
                message: self.message,
                detail,
            },
        };
        (self.status, headers, Json(body)).into_response()
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
            SignUpError::Invalid { .. } => {
                Self::bad_request("Invalid parameters", error.to_string())
            }
            SignUpError::Taken { .. } => Self::new(StatusCode::CONFLICT, "Username unavailable"),
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
            SignInError::WrongCredentials => {
                let challenge = format!(r#"Bearer reason="{}""#, error.code());
                Self::unauthorized("Wrong username or password", challenge)
            }
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

impl From<RefreshError> for Refused {
    fn from(error: RefreshError) -> Self {
        let message = match error {
            RefreshError::Expired | RefreshError::ExpiredIdle | RefreshError::ExpiredAbsolute => {
                "Expired token"
            }
            RefreshError::Malformed
            | RefreshError::Unknown
            | RefreshError::Reused
            | RefreshError::Ended => "Invalid token",
            other => return Self::fault(other),
        };
        let challenge = format!(
            r#"Bearer error="invalid_token", error_description="{error}", reason="{}""#,
            error.code()
        );
        Self::unauthorized(message, challenge)
    }
}
