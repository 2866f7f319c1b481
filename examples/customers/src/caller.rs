//! Who calls. A handler that asks for a [`Caller`] or an [`Admin`] is guarded; the token is checked before it runs.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use keystile::{Principal, Reason, Refusal};
use serde::{Deserialize, Serialize};

use crate::App;
use crate::answer::Refused;

/// The claim that this program's tokens carry beside the registered ones. A token without it is not for us.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Role {
    pub(crate) admin: bool,
}

/// A signed-in customer.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) id: i64,
    pub(crate) admin: bool,
    /// For the accounts, which check again when they write.
    pub(crate) acting: keystile_accounts::Caller,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let principal = Principal::<Role>::from_request_parts(parts, app)
            .await
            .map_err(IntoResponse::into_response)?;
        let not_ours = |reason: Reason| app.guard.answer(&Refusal::from(reason), parts);
        // Without a session and a generation nothing could revoke it.
        let acting = keystile_accounts::Caller::from_claims(principal.claims())
            .ok_or_else(|| not_ours(Reason::TokenClaimMissing))?;
        let id = number(&principal.sub).ok_or_else(|| not_ours(Reason::TokenClaimMalformed))?;
        // Where the file was replaced and the secret was not, this number is somebody else's now.
        let standing = app.accounts.standing(&acting).await;
        if standing
            .map_err(|fault| Refused::from(anyhow::Error::from(fault)).into_response())?
            .is_none()
        {
            return Err(not_ours(Reason::TokenRevoked));
        }
        Ok(Self {
            id,
            admin: principal.extra.admin,
            acting,
        })
    }
}

/// A customer whom `make-admin` has made an administrator.
#[derive(Debug)]
pub(crate) struct Admin(pub(crate) Caller);

impl FromRequestParts<App> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let caller = Caller::from_request_parts(parts, app).await?;
        if caller.admin {
            Ok(Self(caller))
        } else {
            Err(app.guard.answer(&Refusal::from(Reason::RoleMissing), parts))
        }
    }
}

/// A subject: a decimal number, written in one way only.
fn number(subject: &str) -> Option<i64> {
    subject
        .parse()
        .ok()
        .filter(|id: &i64| id.to_string() == subject)
}

/// The answer to a refused token. The guard adds `WWW-Authenticate` with the reason.
pub(crate) fn refused(refusal: &Refusal, _: &Parts) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let sentence = match refusal.reason() {
        Reason::TokenMissing => "Authentication token missing",
        Reason::TokenExpired => "Token has expired",
        Reason::RoleMissing => "Need Admin permissions",
        Reason::RevocationUnknown => "Whether the token was revoked cannot be told at present",
        _ => "Invalid Token",
    };
    Refused::new(status, sentence).into_response()
}
