//! What a route asks beyond a token: roles, scopes, a recent sign-in, and a rule of one's own.

use axum::Router;
use axum::routing::{delete, get, post};
use keystile::{Any, Fresh, Guard, Reason, Refusal, Require, Requirement, Timestamp, Verified};
use serde::Deserialize;

keystile::role!(Admin = "admin");
keystile::role!(Baker = "baker");
keystile::scope!(Read = "cakes:read");

/// A rule of our own, by a claim of our own.
struct OfTheNorth;

#[derive(Deserialize)]
struct Mine {
    shop: String,
}

impl Requirement for OfTheNorth {
    fn check(token: &Verified, _now: Timestamp) -> Result<(), Refusal> {
        match token.extra::<Mine>()?.shop.as_str() {
            "north" => Ok(()),
            _ => Err(Refusal::lacking(Reason::RoleMissing, "shop north")),
        }
    }
}

/// Whose token has the scope.
async fn list(caller: Require<Read>) -> String {
    format!("the cakes, for {}", caller.sub)
}

/// One of two roles is enough.
async fn bake(_: Require<Any<(Admin, Baker)>>) -> &'static str {
    "baked"
}

/// An administrator, and signed in within the last five minutes.
async fn wipe(_: Require<(Admin, Fresh<300>)>) -> &'static str {
    "wiped"
}

async fn north(_: Require<OfTheNorth>) -> &'static str {
    "the northern oven"
}

/// The routes.
pub fn router(guard: Guard) -> Router {
    Router::new()
        .route("/cakes", get(list))
        .route("/cakes", post(bake))
        .route("/cakes", delete(wipe))
        .route("/north", get(north))
        .with_state(guard)
}
