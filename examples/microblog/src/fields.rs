//! What a body says, and the microblog's own words for one that does not say it.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::answer::Refused;

/// The original's words for a bad body, by method.
pub(crate) const POST: &str = "Invalid POST body";
pub(crate) const DELETE: &str = "Invalid DELETE body";

/// A body as it was sent; a route asks it for its object, with its own words for anything else.
#[derive(Debug)]
pub(crate) struct Sent(Result<Map<String, Value>, JsonRejection>);

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let body = Json::from_request(request, state).await;
        Ok(Self(body.map(|Json(members)| members)))
    }
}

impl Sent {
    pub(crate) fn object(self, words: &'static str) -> Result<Fields, Refused> {
        // The parser's own words would repeat what was sent, a password perhaps.
        match self.0 {
            Ok(members) => Ok(Fields(members)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(Refused::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Content-Type must be application/json",
            )),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Refused::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "The body must not be longer than 64 KiB",
                ))
            }
            Err(_) => Err(Refused::bad_request(words, "send a JSON object")),
        }
    }
}

/// The members of a JSON object.
#[derive(Debug)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// The named members, which must be strings that are not empty.
    pub(crate) fn texts<const N: usize>(
        mut self,
        names: [&str; N],
        words: &'static str,
    ) -> Result<[String; N], Refused> {
        let mut texts = [const { String::new() }; N];
        for (text, name) in texts.iter_mut().zip(names) {
            *text = match self.0.remove(name) {
                Some(Value::String(found)) if !found.is_empty() => found,
                _ => return Err(Refused::bad_request(words, format!("{name}: send a string"))),
            };
        }
        Ok(texts)
    }

    /// The named member, which must be a whole number.
    pub(crate) fn integer(&self, name: &str, words: &'static str) -> Result<i64, Refused> {
        let number = self.0.get(name).and_then(Value::as_i64);
        number.ok_or_else(|| Refused::bad_request(words, format!("{name}: send a whole number")))
    }
}
