//! JSON documents that others may keep for a while, and ask for again by their `ETag`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

/// The document, or 304 where the request has it already.
pub(super) fn cached(headers: &HeaderMap, json: String, max_age: Duration) -> Response {
    let tag = entity_tag(&json);
    let max_age = format!("public, max-age={}", max_age.as_secs());
    let caching = [(ETAG, tag.clone()), (CACHE_CONTROL, max_age)];
    if matches(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(CONTENT_TYPE, "application/json")], json).into_response()
}

/// Tells versions of a document apart; nothing secret depends on it.
fn entity_tag(json: &str) -> String {
    let mut hasher = DefaultHasher::new();
    json.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// `If-None-Match` compares weakly (RFC 9110, section 13.1.2).
fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let lines = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let mut given = lines.flat_map(|line| line.split(',')).map(str::trim);
    given.any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}
