//! One's own resource: what the path names is the caller's, or somebody else's.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use keystile::{Guard, Own};

keystile::role!(Admin = "admin");

/// Nobody's but one's own.
async fn diary(own: Own<Path<String>>) -> String {
    format!("the diary of {}", own.caller.sub)
}

/// One's own, and everybody's for administrators.
async fn orders(own: Own<Path<String>, Admin>) -> String {
    format!("the orders of {}, for {}", *own.path, own.caller.sub)
}

/// The routes.
pub fn router(guard: Guard) -> Router {
    Router::new()
        .route("/users/{id}/diary", get(diary))
        .route("/users/{id}/orders", get(orders))
        .with_state(guard)
}
