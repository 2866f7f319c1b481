//! The members of a JSON object that a request brings, and what may be wrong with it.

use std::fmt;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

/// The longest body that is read, in bytes.
const LONGEST_BODY: usize = 64 * 1024;
/// How long a body may take to come.
const BODY_TIME: Duration = Duration::from_secs(10);

/// The members of the JSON object in the body. `Debug` shows their names only: a value may be a password.
pub struct Fields(Map<String, Value>);

/// Why a body gives no [`Fields`]. An example puts it into its own shape: `fields: Result<Fields, BodyFault>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// The content type is not JSON: 415.
    NotJson,
    /// It is not JSON, or no object: 400.
    NotAnObject,
    /// It is longer than 64 KiB: 413.
    TooLong,
    /// It did not come whole, or not soon enough: 400.
    Unreadable,
}

/// Why a member is not the string that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldFault {
    /// The member of this name is absent, `null` or empty.
    Missing(&'static str),
    /// The member of this name is something else than a string.
    NotAString(&'static str),
}

impl Fields {
    /// Takes the member out, whatever it is.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// Takes a string out, which must not be empty.
    pub fn string(&mut self, name: &'static str) -> Result<String, FieldFault> {
        match self.take(name) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            None | Some(Value::Null | Value::String(_)) => Err(FieldFault::Missing(name)),
            Some(_) => Err(FieldFault::NotAString(name)),
        }
    }

    /// Takes several such strings out. The first fault is told.
    pub fn strings<const N: usize>(
        &mut self,
        names: [&'static str; N],
    ) -> Result<[String; N], FieldFault> {
        let mut strings = [const { String::new() }; N];
        for (string, name) in strings.iter_mut().zip(names) {
            *string = self.string(name)?;
        }
        Ok(strings)
    }

    /// The names of the members that were not taken.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl BodyFault {
    /// The status that answers it.
    pub fn status(self) -> StatusCode {
        match self {
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAnObject | Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }

    /// What is wrong, in words that repeat nothing of what was sent.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NotJson => "Content-Type must be application/json",
            Self::NotAnObject => "The body must be a JSON object",
            Self::TooLong => "The body must not be longer than 64 KiB",
            Self::Unreadable => "The body could not be read",
        }
    }
}

impl IntoResponse for BodyFault {
    fn into_response(self) -> Response {
        (self.status(), self.sentence()).into_response()
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = BodyFault;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, BodyFault> {
        DefaultBodyLimit::max(LONGEST_BODY).apply(&mut request);
        let read = tokio::time::timeout(BODY_TIME, Json::from_request(request, state));
        let Ok(read) = read.await else {
            return Err(BodyFault::Unreadable);
        };
        match read {
            Ok(Json(fields)) => Ok(Self(fields)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(BodyFault::NotJson),
            Err(JsonRejection::JsonSyntaxError(_) | JsonRejection::JsonDataError(_)) => {
                Err(BodyFault::NotAnObject)
            }
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(BodyFault::TooLong)
            }
            Err(_) => Err(BodyFault::Unreadable),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde_json::json;

    use super::*;

    async fn read(content_type: &str, body: impl Into<Body>) -> Result<Fields, BodyFault> {
        let request = Request::builder()
            .header("Content-Type", content_type)
            .body(body.into());
        Fields::from_request(request.expect("a request"), &()).await
    }

    #[tokio::test]
    async fn each_fault_has_its_status() {
        let (json, long) = ("application/json", " ".repeat(LONGEST_BODY + 1));
        for (content_type, body, status) in [
            ("text/plain", "{}", 415),
            ("", "{}", 415),
            (json, "", 400),
            (json, "{", 400),
            (json, "[]", 400),
            (json, "null", 400),
            (json, &long, 413),
        ] {
            let fault = read(content_type, body.to_owned()).await.expect_err(body);
            assert_eq!(fault.status(), status, "{content_type} {body:.9}");
        }
    }

    #[tokio::test]
    async fn members_are_taken_and_never_shown() {
        let body = json!({ "a": "x", "empty": "", "null": null, "n": 1, "rest": true });
        let mut fields = read("application/json; charset=utf-8", body.to_string())
            .await
            .expect("fields");
        assert_eq!(fields.strings(["a"]), Ok(["x".to_owned()]));
        for name in ["a", "empty", "null", "never"] {
            assert_eq!(fields.string(name), Err(FieldFault::Missing(name)));
        }
        assert_eq!(fields.string("n"), Err(FieldFault::NotAString("n")));
        assert_eq!(fields.names().collect::<Vec<_>>(), ["rest"]);
        assert_eq!(format!("{fields:?}"), r#"{"rest"}"#);
    }
}
