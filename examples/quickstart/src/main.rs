//! Quickstart: `/login` gives a token, `/protected` asks for one, `/unprotected` does not.
//!
//! `cargo run -p quickstart -- --demo` needs nothing; README.md says how to start it with users of your own.

#![forbid(unsafe_code)]

mod setup;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use examples_common::EitherPath as _;
use keystile::{
    BasicCredentials, Claims, Clock, Expected, Guard, Principal, Random, Reason, Refusal,
    SigningKey,
};
use keystile_accounts::{PasswordError, Passwords};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

#[tokio::main]
async fn main() -> Result<()> {
    setup::run().await
}

#[derive(Clone)]
struct App {
    guard: Guard,
    key: SigningKey,
    passwords: Arc<Passwords>,
}

/// The claim that makes a token ours: the guard refuses one without it.
#[derive(Serialize, Deserialize)]
struct User {
    user: String,
}

impl FromRef<App> for Guard {
    fn from_ref(app: &App) -> Self {
        app.guard.clone()
    }
}

fn router(secret: &str, passwords: Passwords) -> Result<Router> {
    // The text's tokens name no issuer and no audience. What makes a token ours is our claim, `User`.
    let guard = Guard::hs256(secret)?
        .issuer(Expected::Unchecked)
        .audience(Expected::Unchecked)
        .token_from_query("token")
        .refusals(refused);
    let app = App {
        guard,
        key: SigningKey::hs256(secret)?,
        passwords: Arc::new(passwords),
    };
    Ok(Router::new()
        .either("/login", get(login))
        .either("/protected", get(protected))
        .either("/unprotected", get(unprotected))
        .fallback(async || (StatusCode::NOT_FOUND, message("Not found")))
        .method_not_allowed_fallback(async || {
            (
                StatusCode::METHOD_NOT_ALLOWED,
                message("Method not allowed"),
            )
        })
        .with_state(app))
}

async fn login(State(app): State<App>, credentials: Option<BasicCredentials>) -> Response {
    let Some(credentials) = credentials else {
        return could_not_verify();
    };
    let user = credentials.username();
    match app.passwords.verify(user, credentials.password()).await {
        Ok(true) => {}
        Ok(false) => return could_not_verify(),
        Err(PasswordError::Busy { retry_after }) => return later(retry_after),
        Err(_) => return later(Duration::ZERO),
    }
    let claims = Claims::lasting(user, HALF_AN_HOUR, &Clock::system(), &Random::system());
    let claims = claims.with_extra(User {
        user: user.to_owned(),
    });
    match app.key.issue(&claims) {
        Ok(token) => {
            let kept = [(CACHE_CONTROL, "no-store")];
            (kept, Json(json!({ "token": token }))).into_response()
        }
        Err(_) => later(Duration::ZERO),
    }
}

fn later(after: Duration) -> Response {
    let seconds = [(RETRY_AFTER, after.as_secs().max(1).to_string())];
    let text = message("Too many people sign in just now; try again shortly");
    (StatusCode::SERVICE_UNAVAILABLE, seconds, text).into_response()
}

fn could_not_verify() -> Response {
    let challenge = [(WWW_AUTHENTICATE, r#"Basic realm="Login Required""#)];
    (StatusCode::UNAUTHORIZED, challenge, "Could not verify!").into_response()
}

async fn protected(_: Principal<User>) -> Response {
    // The token may have stood in the address: nothing on the way may keep the answer.
    let kept = [(CACHE_CONTROL, "no-store")];
    let text = message("This is only available for people with valid tokens.");
    (kept, text).into_response()
}

async fn unprotected() -> Json<Value> {
    message("Anyone can view this!")
}

/// The guard adds `WWW-Authenticate` with the reason.
fn refused(refusal: &Refusal, _: &Parts) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let text = match refusal.reason() {
        Reason::TokenMissing => "Token is missing!",
        Reason::TokenExpired => "Token has expired!",
        _ => "Token is invalid!",
    };
    (status, message(text)).into_response()
}

fn message(text: &str) -> Json<Value> {
    Json(json!({ "message": text }))
}
