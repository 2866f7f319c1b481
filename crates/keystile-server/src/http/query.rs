//! Query strings, read strictly.

use axum::extract::{FromRequestParts, Query as Inner};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::cursor::Cursors;
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

/// How many rows of a list are asked for, and from where on.
pub(crate) fn page(
    cursors: &Cursors,
    limit: Option<u32>,
    cursor: Option<&str>,
) -> Result<(u32, Option<i64>), Problem> {
    let limit = limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        let detail = "limit must be from 1 to 200.";
        return Err(Problem::bad_request("query_invalid", detail).member("limit"));
    }
    let after = cursor.map(|cursor| cursors.read(cursor)).transpose()?;
    Ok((limit, after))
}
