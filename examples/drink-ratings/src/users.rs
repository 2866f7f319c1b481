//! Sign-up, sign-in, and what one does with one's own tokens.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use examples_common::{BodyFault, Fields};
use keystile::{BearerToken, FreshMark, Loaded, Reason, Require};
use keystile_accounts::{
    CallerError, Exchange, ExchangeError, RefreshError, SignIn, SignUp, SignedIn, Which,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::App;
use crate::answer::{Pair, Refused, pair, strings};
use crate::tokens::{Identity, Named, Owner};

/// The text's column holds so many characters.
const LONGEST_USERNAME: usize = 30;
const REQUIRED: &str = "username and password data required";

/// `POST /api/create_user`
pub(crate) async fn create(
    State(app): State<App>,
    body: Result<Fields, BodyFault>,
) -> Result<(StatusCode, Json<Value>), Refused> {
    let [username, password] = strings(body, ["username", "password"], REQUIRED)?;
    if username.chars().count() > LONGEST_USERNAME {
        return Err(Refused::bad("username: use at most 30 characters"));
    }
    let new = SignUp::username(username).password(password);
    let account = app.accounts.sign_up(new).await?;
    let id: i64 = account.id.as_str().parse().map_err(anyhow::Error::from)?;
    let user = json!({ "id": id, "username": account.username });
    Ok((StatusCode::CREATED, Json(user)))
}

/// `POST /api/login`: a fresh access token, and a refresh token.
pub(crate) async fn login(
    State(app): State<App>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    body: Result<Fields, BodyFault>,
) -> Result<Pair, Refused> {
    let [username, password] = strings(body, ["username", "password"], REQUIRED)?;
    let request = SignIn::username(username)
        .password(password)
        .from(from.ip());
    Ok(pair(&app.accounts.sign_in(request).await?))
}

/// `POST /api/refresh`: a refresh token of ours for its successor, or, once, one that the extension library made for a
/// session here.
pub(crate) async fn refresh(
    State(app): State<App>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    token: BearerToken,
    request: Parts,
) -> Result<Pair, Response> {
    let signed_in = if token.is_refresh_token() {
        let refreshed = app.accounts.refresh(&token).await;
        refreshed.map_err(|error| app.not_refreshed(error))?
    } else {
        app.exchange(&token, from, &request).await?
    };
    Ok(pair(&signed_in))
}

impl App {
    async fn exchange(
        &self,
        token: &BearerToken,
        from: SocketAddr,
        request: &Parts,
    ) -> Result<SignedIn, Response> {
        let refused = |refusal| self.guard.answer(&refusal, request);
        let verified = self.originals.verify(token.expose()).map_err(refused)?;
        let named: Named = verified.extra().map_err(refused)?;
        let owner = self.owner(verified.claims(), &named).await;
        let owner = owner.map_err(Refused::into_response)?;
        let owner = owner.ok_or_else(|| refused(Reason::TokenRevoked.into()))?;
        let exchange = Exchange::of(&verified).account(owner.id).from(from.ip());
        let exchanged = self.accounts.exchange(exchange).await;
        exchanged.map_err(|error| self.not_exchanged(error))
    }

    /// A token that nobody here knows was signed by nobody here: that is how a changed secret is told.
    fn not_refreshed(&self, error: RefreshError) -> Response {
        let (status, words) = match error {
            RefreshError::Store(fault) => return Refused::fault(fault).into_response(),
            RefreshError::Expired | RefreshError::ExpiredIdle | RefreshError::ExpiredAbsolute => {
                (StatusCode::UNAUTHORIZED, "Token has expired")
            }
            RefreshError::Unknown => {
                let words = "Signature verification failed";
                (StatusCode::UNPROCESSABLE_ENTITY, words)
            }
            _ => (StatusCode::UNAUTHORIZED, "Token has been revoked"),
        };
        self.challenged(status, words, error.code(), &error.to_string())
    }

    fn not_exchanged(&self, error: ExchangeError) -> Response {
        let (status, words) = match error {
            ExchangeError::Store(fault) => return Refused::fault(fault).into_response(),
            ExchangeError::Expired => (StatusCode::UNAUTHORIZED, "Token has expired"),
            ExchangeError::Incomplete { .. } => {
                let words = Reason::TokenClaimMissing.describe();
                (StatusCode::UNPROCESSABLE_ENTITY, words)
            }
            _ => (StatusCode::UNAUTHORIZED, "Token has been revoked"),
        };
        self.challenged(status, words, error.code(), &error.to_string())
    }

    fn challenged(&self, status: StatusCode, words: &str, code: &str, why: &str) -> Response {
        let challenge = [(WWW_AUTHENTICATE, self.guard.challenge_with(code, why))];
        (status, challenge, Json(json!({ "msg": words }))).into_response()
    }
}

/// `DELETE /api/logout`: the session ends, and with it every token of it. One that the extension library made has no
/// session here: it is revoked by its own id.
pub(crate) async fn logout(
    State(app): State<App>,
    caller: Loaded<Owner>,
) -> Result<Json<Value>, Refused> {
    let (Owner(account), token) = (caller.value, caller.caller);
    let ended = match (&token.sid, &token.jti) {
        (Some(session), _) => {
            let session = session.as_str().into();
            let ended = app.accounts.sign_out(&account.id, &session, Which::This);
            ended.await.map(|_| ())
        }
        (None, Some(id)) => app.accounts.revoke_token(id, token.expires_at()).await,
        (None, None) => return Err(Refused::bad("a token without `jti` cannot be revoked")),
    };
    ended.map_err(Refused::fault)?;
    Ok(Json(json!({ "msg": "Successfully logged out" })))
}

/// `POST /api/change_password`: only with a token for which the password was given, and with the password.
pub(crate) async fn change_password(
    State(app): State<App>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    token: Require<FreshMark>,
    request: Parts,
    body: Result<Fields, BodyFault>,
) -> Result<Pair, Response> {
    let refused = |reason: Reason| app.guard.answer(&reason.into(), &request);
    // The extension library's own token is fresh of a sign-in that nobody here has seen.
    let caller = keystile_accounts::Caller::from_claims(token.claims())
        .ok_or_else(|| refused(Reason::NotFresh))?
        .from(from.ip());
    let required = "current_password and new_password data required";
    let [current, new] = strings(body, ["current_password", "new_password"], required)
        .map_err(Refused::into_response)?;
    match app.accounts.change_password(&caller, &current, &new).await {
        Ok(signed_in) => Ok(pair(&signed_in)),
        Err(CallerError::Stale) => Err(refused(Reason::TokenRevoked)),
        Err(error) => Err(Refused::from(error).into_response()),
    }
}

/// `GET /protected`
pub(crate) async fn protected(caller: Loaded<Owner>) -> Json<LoggedIn> {
    let logged_in_as = Identity::from(&caller.0);
    Json(LoggedIn { logged_in_as })
}

#[derive(Debug, Serialize)]
pub(crate) struct LoggedIn {
    logged_in_as: Identity,
}
