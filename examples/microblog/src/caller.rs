//! The one place that decides who calls.

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use keystile::{Claims, Denied, FromCaller, Principal, Reason, Refusal};
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

/// Who calls. A route that asks for `Loaded<Caller>` is guarded.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) id: i64,
    pub(crate) username: String,
    /// None, where people sign in elsewhere.
    pub(crate) session: Option<SessionId>,
}

impl FromCaller<App> for Caller {
    async fn from_caller(caller: &Principal, _: &Parts, app: &App) -> Result<Self, Denied> {
        match &app.accounts {
            Some(accounts) => ours(accounts, caller).await,
            None => theirs(caller, app).await,
        }
    }
}

/// By a token of our own.
async fn ours(accounts: &Accounts, caller: &Principal) -> Result<Caller, Denied> {
    let name = caller.verified().extra::<Name>()?;
    let acting = acting(caller.claims()).ok_or(Reason::TokenClaimMissing)?;
    let id = caller
        .sub
        .parse()
        .map_err(|_| Reason::TokenClaimMalformed)?;
    // Where the file was replaced and the secret was not, this number is somebody else's now.
    let standing = accounts.standing(&acting).await.map_err(unknown)?;
    standing.ok_or(Reason::TokenRevoked)?;
    Ok(Caller {
        id,
        username: name.username,
        session: Some(acting.session_id),
    })
}

/// By a Keystile server's token, of a person who signed in there. Whoever comes for the first time gets a profile.
async fn theirs(caller: &Principal, app: &App) -> Result<Caller, Denied> {
    let (Some(_), Some(username)) = (&caller.sid, &caller.preferred_username) else {
        return Err(Reason::TokenClaimMissing.into());
    };
    let met = app.board.meet(caller.sub.clone(), username.clone());
    Ok(Caller {
        id: met.await.map_err(unknown)?,
        username: username.clone(),
        session: None,
    })
}

/// Who calls could not be looked up.
fn unknown(fault: impl std::fmt::Display) -> Denied {
    Denied::answered(Reason::AccessUnknown, Refused::fault(fault))
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
