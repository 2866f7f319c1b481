//! The one place that decides who calls.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use keystile::{Claims, Principal, Reason, Refusal};
use keystile_accounts::{Account, Accounts, Caller as Acting, SessionId};
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
    /// None, where people sign in elsewhere.
    pub(crate) session: Option<SessionId>,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let found = match &app.accounts {
            Some(accounts) => ours(accounts, parts, app).await?,
            None => theirs(parts, app).await?,
        };
        found.map_err(|reason| app.guard.answer(&Refusal::from(reason), parts))
    }
}

/// By a token of our own.
async fn ours(
    accounts: &Accounts,
    parts: &mut Parts,
    app: &App,
) -> Result<Result<Caller, Reason>, Response> {
    let principal = Principal::<Name>::from_request_parts(parts, app)
        .await
        .map_err(IntoResponse::into_response)?;
    let Some(acting) = acting(principal.claims()) else {
        return Ok(Err(Reason::TokenClaimMissing));
    };
    let Ok(id) = principal.sub.parse() else {
        return Ok(Err(Reason::TokenClaimMalformed));
    };
    // Where the file was replaced and the secret was not, this number is somebody else's now.
    let standing = accounts.standing(&acting).await;
    let standing = standing.map_err(|fault| Refused::fault(fault).into_response())?;
    if standing.is_none() {
        return Ok(Err(Reason::TokenRevoked));
    }
    Ok(Ok(Caller {
        id,
        username: principal.extra.username.clone(),
        session: Some(acting.session_id),
    }))
}

/// By a Keystile server's token, of a person who signed in there. Whoever comes for the first time gets a profile.
async fn theirs(parts: &mut Parts, app: &App) -> Result<Result<Caller, Reason>, Response> {
    let principal = Principal::<()>::from_request_parts(parts, app)
        .await
        .map_err(IntoResponse::into_response)?;
    let (Some(_), Some(username)) = (&principal.sid, &principal.preferred_username) else {
        return Ok(Err(Reason::TokenClaimMissing));
    };
    let met = app.board.meet(principal.sub.clone(), username.clone());
    let id = met.await;
    Ok(Ok(Caller {
        id: id.map_err(|fault| Refused::fault(fault).into_response())?,
        username: username.clone(),
        session: None,
    }))
}

/// Every token of ours says when it was issued, its own id, its session and its account's generation.
fn acting(claims: &Claims) -> Option<Acting> {
    claims.iat.and(claims.jti.as_ref())?;
    Acting::from_claims(claims)
}

/// The answer to a refused token, in the original's words. The guard adds `WWW-Authenticate` with the reason.
pub(crate) fn refused(refusal: &Refusal, _: &Parts) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let message = match refusal.reason() {
        Reason::TokenMissing => "Authorization header not present",
        Reason::TokenExpired => "Expired token",
        Reason::KeysUnknown => "The sign-in server does not answer at present; try again shortly",
        Reason::RevocationUnknown => {
            "Whether the token was revoked cannot be told at present; try again shortly"
        }
        _ => "Invalid token",
    };
    Refused::new(status, message).into_response()
}

#[cfg(test)]
mod tests {
    use examples_common::testing::Served;
    use keystile::{Claims, Clock, Random, SigningKey, Timestamp};
    use serde_json::json;

    use super::*;
    use crate::Part;

    const SECRET: &str = "a secret of the tests, 32 bytes or more";

    /// Who cannot hear of sign-outs lets nobody in, and says that it is not the caller's fault.
    #[test]
    fn without_the_store_s_word_on_sign_outs_nobody_is_let_in() {
        let now = Timestamp::from_seconds(1_795_348_800);
        let folder = tempfile::tempdir().unwrap();
        let served = Served::start(async {
            let file = folder.path().join("microblog.db");
            let app = App::open(&file, SECRET, Clock::manual(now), Random::system()).await?;
            app.accounts()?.close().await;
            Ok(app.router(Part::App))
        });
        let claims = Claims::new("1", now.as_seconds() + 60).with_extra(json!({ "username": "a" }));
        let key = SigningKey::hs256(SECRET).unwrap();
        let bearer = format!("Bearer {}", key.issue_as("JWT", &claims).unwrap());
        let answer = served.get("/timeline", Some(&bearer));
        let body = r#"{"status":503,"message":"Whether the token was revoked cannot be told at present; try again shortly"}"#;
        assert_eq!(answer.cell(), (503, body, None));
        assert_eq!(answer.header("Retry-After"), Some("1"));
    }
}
