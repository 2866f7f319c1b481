//! Who calls: a person who is signed in, or an administrator, by the public guard.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use keystile::{Principal, Reason, Refusal, Require};
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
        let principal = Principal::<()>::from_request_parts(parts, app)
            .await
            .map_err(IntoResponse::into_response)?;
        let Some(caller) = Caller::from_claims(&principal) else {
            return Err(app
                .guard
                .answer(&Refusal::new(Reason::TokenClaimMissing), parts));
        };
        let Ok(peer) = Peer::from_request_parts(parts, app).await;
        Ok(Self(caller.from(peer.address)))
    }
}

impl FromRequestParts<App> for Administrator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        Require::<Admin>::from_request_parts(parts, app)
            .await
            .map_err(IntoResponse::into_response)?;
        let Person(caller) = Person::from_request_parts(parts, app).await?;
        Ok(Self(caller))
    }
}

/// The account behind a good token is gone: what a revoked token answers.
pub(crate) fn gone(app: &App) -> Problem {
    Problem::refused_by(&app.guard, Reason::TokenRevoked)
}
