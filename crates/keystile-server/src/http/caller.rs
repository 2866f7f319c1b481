//! Who calls: a person who is signed in, or an administrator, by the public guard.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use keystile::{Claims, Principal, Reason, Refusal, Require};
use keystile_accounts::Caller;

use super::App;
use super::peer::Peer;
use super::problem::Problem;

keystile::role!(pub(crate) Admin = "admin");

/// Somebody who is signed in. Every write checks them again in its own transaction.
#[derive(Debug)]
pub(crate) struct Person(pub(crate) Caller);

/// Somebody who is signed in and has the role `admin`.
#[derive(Debug)]
pub(crate) struct Administrator(pub(crate) Caller);

impl FromRequestParts<App> for Person {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let principal = Principal::<()>::from_request_parts(parts, app).await;
        let principal = principal.map_err(IntoResponse::into_response)?;
        caller(&principal, parts, app).await.map(Self)
    }
}

impl FromRequestParts<App> for Administrator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let required = Require::<Admin>::from_request_parts(parts, app).await;
        let required = required.map_err(IntoResponse::into_response)?;
        caller(&required, parts, app).await.map(Self)
    }
}

/// Who speaks by these claims, and from where.
async fn caller(claims: &Claims, parts: &mut Parts, app: &App) -> Result<Caller, Response> {
    let Some(caller) = Caller::from_claims(claims) else {
        let refusal = Refusal::new(Reason::TokenClaimMissing);
        return Err(app.guard.answer(&refusal, parts));
    };
    let Ok(peer) = Peer::from_request_parts(parts, app).await;
    Ok(caller.from(peer.address))
}

/// The account behind a good token is gone: what a revoked token answers.
pub(crate) fn gone(app: &App) -> Problem {
    Problem::refused_by(&app.guard, Reason::TokenRevoked)
}
