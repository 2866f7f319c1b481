//! `GET /.well-known/jwks.json`: the public keys (RFC 7517), for anybody who verifies the tokens.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::cached::cached;

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
    cached(&headers, json, app.accounts.key_max_age())
}
