//! Query strings, read strictly.

use axum::extract::{FromRequestParts, Query as Inner};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// The query of a request.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Inner::try_from_uri(&parts.uri).map(|Inner(query)| Self(query)).map_err(|_| {
            let detail = "A query parameter is unknown, stands twice or has a wrong value. See /openapi.json.";
            Problem::bad_request("query_invalid", detail)
        })
    }
}
