//! Who is calling.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use keystile::{Guard, Principal, Rejection};
use serde::Deserialize;

/// Claims of the application's own, which its issuer writes beside the others.
#[derive(Debug, Deserialize)]
struct Mine {
    shop: String,
}

/// Whoever has a token.
async fn me(caller: Principal) -> String {
    format!("Hello, {}", caller.sub)
}

/// Whoever has a token with our own claims in it; one without them is refused.
async fn shop(caller: Principal<Mine>) -> String {
    format!("{} of the shop {}", caller.sub, caller.extra.shop)
}

/// Everybody, and by name whoever has a token. A bad one is refused here too.
async fn hello(caller: Option<Principal>) -> String {
    let name = caller.as_ref().map_or("you", |caller| &caller.sub);
    format!("Hello, {name}")
}

/// Looks at the refusal itself.
async fn page(caller: Result<Principal, Rejection>) -> Response {
    match caller {
        Ok(caller) => format!("The page of {}", caller.sub).into_response(),
        Err(rejection) if rejection.refusal().code() == "token_missing" => {
            "Sign in to see your page".into_response()
        }
        Err(rejection) => rejection.into_response(),
    }
}

/// The routes.
pub fn router(guard: Guard) -> Router {
    Router::new()
        .route("/me", get(me))
        .route("/shop", get(shop))
        .route("/hello", get(hello))
        .route("/page", get(page))
        .with_state(guard)
}
