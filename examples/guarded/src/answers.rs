//! Refusals in the application's own words.

use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router, http::StatusCode};
use keystile::{Guard, Principal, Reason};
use serde_json::json;

/// The guard, with one place for all its answers. The challenge that RFC 6750 asks for is added to each.
fn in_our_words(guard: Guard) -> Guard {
    guard.refusals(|refusal, request| {
        let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::UNAUTHORIZED);
        let message = match refusal.reason() {
            Reason::TokenMissing => "Please sign in.",
            Reason::TokenExpired | Reason::TokenRevoked => "Please sign in again.",
            _ if refusal.status() >= 500 => "Please try again in a moment.",
            _ => "This token is not for us.",
        };
        if request.uri.path().starts_with("/pages/") {
            return (status, message).into_response();
        }
        let body = json!({ "message": message, "reason": refusal.code() });
        (status, Json(body)).into_response()
    })
}

/// The routes.
pub fn router(guard: Guard) -> Router {
    let me = async |caller: Principal| format!("Hello, {}", caller.sub);
    Router::new()
        .route("/me", get(me))
        .route("/pages/me", get(me))
        .with_state(in_our_words(guard))
}
