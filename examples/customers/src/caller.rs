//! Who calls. A handler that asks for a [`Caller`] is guarded; the token is checked before it runs.

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use keystile::{Denied, FromCaller, Principal, Reason, Refusal};
use serde::{Deserialize, Serialize};

use crate::App;
use crate::answer::Refused;

/// The claim that this program's tokens carry beside the registered ones. A token without it is not for us.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Role {
    pub(crate) admin: bool,
}

/// A signed-in customer: a handler asks for `Loaded<Caller>`.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) id: i64,
    pub(crate) admin: bool,
    /// For the accounts, which check again when they write.
    pub(crate) acting: keystile_accounts::Caller,
}

impl FromCaller<App> for Caller {
    async fn from_caller(caller: &Principal, _: &Parts, app: &App) -> Result<Self, Denied> {
        let role = caller.verified().extra::<Role>()?;
        // Without a session and a generation nothing could revoke it.
        let acting = keystile_accounts::Caller::from_claims(caller.claims());
        let acting = acting.ok_or(Reason::TokenClaimMissing)?;
        let id = number(&caller.sub).ok_or(Reason::TokenClaimMalformed)?;
        // Where the file was replaced and the secret was not, this number is somebody else's now.
        match app.accounts.standing(&acting).await {
            Ok(Some(_)) => Ok(Self {
                id,
                admin: role.admin,
                acting,
            }),
            Ok(None) => Err(Reason::TokenRevoked.into()),
            Err(fault) => {
                let answer = Refused::from(anyhow::Error::from(fault));
                Err(Denied::answered(Reason::AccessUnknown, answer))
            }
        }
    }
}

/// A customer whom `make-admin` has made an administrator: a handler asks for `Loaded<Admin>`.
#[derive(Debug)]
pub(crate) struct Admin(pub(crate) Caller);

impl FromCaller<App> for Admin {
    async fn from_caller(caller: &Principal, head: &Parts, app: &App) -> Result<Self, Denied> {
        let caller = Caller::from_caller(caller, head, app).await?;
        if caller.admin {
            return Ok(Self(caller));
        }
        Err(Reason::RoleMissing.into())
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
