//! Tokens of one's own: issued, and taken apart to look at them.

use std::time::Duration;

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use keystile::{Claims, Clock, Guard, Principal, Random, SigningKey, take_apart_unverified};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How long a ticket lasts.
const TICKET: Duration = Duration::from_secs(5 * 60);

/// What the routes share.
#[derive(Clone)]
struct Shop {
    guard: Guard,
    key: SigningKey,
    clock: Clock,
}

impl FromRef<Shop> for Guard {
    fn from_ref(shop: &Shop) -> Self {
        shop.guard.clone()
    }
}

/// Claims of our own.
#[derive(Serialize, Deserialize)]
struct Mine {
    film: String,
}

/// A ticket for whoever has a token: a token of another kind, shorter, for one film.
async fn ticket(
    State(shop): State<Shop>,
    caller: Principal,
    film: String,
) -> Result<String, StatusCode> {
    let claims = Claims::lasting(&caller.sub, TICKET, &shop.clock, &Random::system());
    let claims = Claims {
        iss: caller.iss.clone(),
        aud: "cinema".into(),
        ..claims
    };
    let ticket = shop
        .key
        .issue_as("ticket+jwt", &claims.with_extra(Mine { film }));
    ticket.map_err(|_| StatusCode::BAD_REQUEST)
}

/// At the door: takes tickets, and no access tokens.
async fn enter(ticket: Principal<Mine>) -> String {
    format!("{} sees {}", ticket.sub, ticket.extra.film)
}

/// What stands in a token, for whoever looks for a fault. Whoever sent it wrote it: nothing is decided by it.
async fn look(token: String) -> Result<Json<Value>, (StatusCode, &'static str)> {
    let parts = take_apart_unverified(token.trim());
    let parts = parts.map_err(|fault| (StatusCode::BAD_REQUEST, fault.describe()))?;
    Ok(Json(json!({
        "not verified": true,
        "kind": parts.header_member("typ"),
        "subject": parts.claim("sub"),
        "expires": parts.claim("exp"),
    })))
}

/// The routes. `guard` takes access tokens; tickets are signed by `key`, and verified by `door`.
pub fn router(guard: Guard, door: Guard, key: SigningKey, clock: Clock) -> Router {
    let door = Router::new().route("/enter", get(enter)).with_state(door);
    Router::new()
        .route("/ticket", post(ticket))
        .route("/look", post(look))
        .with_state(Shop { guard, key, clock })
        .merge(door)
}
