//! The one place that decides who calls.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use keystile::{Claims, Principal, Reason, Refusal};
use keystile_accounts::{Account, SessionId};
use serde::{Deserialize, Serialize};

use crate::App;
use crate::answer::Refused;

/// The claim that tells the microblog's tokens from those of another program under the same secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Name {
    username: String,
}

impl Name {
    pub(crate) fn of(account: &Account) -> Self {
        Self {
            username: account.username.clone().unwrap_or_default(),
        }
    }
}

/// Who calls. A route that asks for it is guarded.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) id: i64,
    pub(crate) username: String,
    pub(crate) session: SessionId,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let principal = Principal::<Name>::from_request_parts(parts, app)
            .await
            .map_err(axum::response::IntoResponse::into_response)?;
        let refused = |reason| app.guard.answer(&Refusal::from(reason), parts);
        let session =
            session(principal.claims()).ok_or_else(|| refused(Reason::TokenClaimMissing))?;
        let id = principal.sub.parse();
        let id = id.map_err(|_| refused(Reason::TokenClaimMalformed))?;
        // The account is gone, or has another name since (the file was replaced, say): the token is of the past.
        let username = app.board.username(id).await;
        let username = username.map_err(|error| Refused::from(error).into_response())?;
        if username.as_ref() != Some(&principal.extra.username) {
            return Err(refused(Reason::TokenRevoked));
        }
        Ok(Self {
            id,
            username: principal.extra.username.clone(),
            session,
        })
    }
}

/// Every token of ours says when it was issued, its own id, its session and its account's generation.
fn session(claims: &Claims) -> Option<SessionId> {
    let ours = keystile_accounts::Caller::from_claims(claims)?;
    claims.iat.and(claims.jti.as_ref())?;
    Some(ours.session_id)
}

/// The answer to a refused token, in the original's words. The guard adds `WWW-Authenticate` with the reason.
pub(crate) fn refused(refusal: &Refusal, _: &Parts) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let message = match refusal.reason() {
        Reason::TokenMissing => "Authorization header not present",
        Reason::TokenExpired => "Expired token",
        Reason::RevocationUnknown => {
            "Whether the token was revoked cannot be told at present; try again shortly"
        }
        _ => "Invalid token",
    };
    Refused::new(status, message).into_response()
}
