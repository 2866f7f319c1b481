//! `GET /.well-known/jwks.json`: the public keys (RFC 7517), for anybody who verifies the tokens.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;

/// A set of public keys.
#[derive(Serialize, ToSchema)]
#[schema(as = KeySet)]
pub(crate) struct KeySetBody {
    /// The keys, each with `kid` and `alg`.
    keys: Vec<serde_json::Value>,
}

/// The keys that verify this server's access tokens.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "keys", security(()),
    responses(
        (status = 200, description = "The keys.", body = KeySetBody),
        (status = 304, description = "The keys are those that `If-None-Match` names."),
    ),
)]
pub(super) async fn jwks(State(app): State<App>, headers: HeaderMap) -> Response {
    let json = app.accounts.key_set().to_jwks_json();
    let tag = entity_tag(&json);
    let max_age = app.accounts.key_max_age().as_secs();
    let max_age = format!("public, max-age={max_age}");
    let caching = [(ETAG, tag.clone()), (CACHE_CONTROL, max_age)];
    if matches(&headers, &tag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(CONTENT_TYPE, "application/json")], json).into_response()
}

/// Tells versions of the set apart; nothing secret depends on it.
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
