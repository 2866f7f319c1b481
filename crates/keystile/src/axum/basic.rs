//! A name and a password, as an extractor.

use std::convert::Infallible;
use std::future::{Future, ready};

use axum_core::extract::OptionalFromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::BasicCredentials;

impl<S: Sync> OptionalFromRequestParts<S> for BasicCredentials {
    type Rejection = Infallible;

    fn from_request_parts(
        parts: &mut Parts,
        _state: &S,
    ) -> impl Future<Output = Result<Option<Self>, Infallible>> + Send {
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        // Two headers name two callers: neither is taken.
        let only = values.next().filter(|_| values.next().is_none());
        let text = only.and_then(|value| value.to_str().ok());
        ready(Ok(text.and_then(Self::parse)))
    }
}
