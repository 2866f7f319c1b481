//! Sign-up, sign-in, and the one place that decides who calls.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use examples_common::{BodyFault, Fields};
use keystile::{BasicCredentials, Denied, FromCaller, Loaded, Principal, Reason, Refusal};
use keystile_accounts::{Account, SignIn, SignUp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::App;
use crate::answer::{Refused, strings};

/// The claim that this program's tokens carry beside the registered ones. A token without it is not for us.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Email {
    pub(crate) email: String,
}

/// `POST /users`
pub(crate) async fn sign_up(
    State(app): State<App>,
    body: Result<Fields, BodyFault>,
) -> Result<(StatusCode, Json<Caller>), Refused> {
    let required = "Email and password are required";
    let [email, password] = strings(body, ["email", "password"], required)?;
    let account = app
        .accounts
        .sign_up(SignUp::with_email(email).password(password))
        .await?;
    Ok((StatusCode::CREATED, Json(Caller::try_from(account)?)))
}

/// `GET` and `POST /users/login`: the password travels once, and a token for the day comes back.
pub(crate) async fn sign_in(
    State(app): State<App>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    credentials: Option<BasicCredentials>,
) -> Result<([(HeaderName, &'static str); 1], Json<Value>), Refused> {
    let credentials = credentials.ok_or_else(Refused::sign_in_first)?;
    let request = SignIn::email(credentials.username())
        .password(credentials.password())
        .from(from.ip());
    let signed_in = app.accounts.sign_in(request).await?;
    Ok((
        [(CACHE_CONTROL, "no-store")],
        Json(json!({ "accessToken": signed_in.access_token })),
    ))
}

/// `GET /users`
pub(crate) async fn me(caller: Loaded<Caller>) -> Json<Caller> {
    Json(caller.value)
}

/// Who calls. A handler that asks for `Loaded<Caller>` is guarded; the token is checked before the handler runs.
#[derive(Debug, Serialize)]
pub(crate) struct Caller {
    pub(crate) id: i64,
    email: String,
}

impl FromCaller<App> for Caller {
    async fn from_caller(caller: &Principal, _: &Parts, app: &App) -> Result<Self, Denied> {
        let email = caller.verified().extra::<Email>()?.email;
        let account = match keystile_accounts::Caller::from_claims(caller.claims()) {
            // The session was opened in this file, and lives.
            Some(ours) => app.accounts.standing(&ours).await,
            // The original's tokens name neither a session nor a number: there the address says who it is, to the
            // letter, as two people's could differ in case only.
            None if caller.sub.is_empty() => {
                let found = app.accounts.find_account(&email).await;
                found.map(|it| it.filter(|it| it.email.as_deref() == Some(&*email)))
            }
            None => Ok(None),
        };
        let unknown = |answer: Refused| Denied::answered(Reason::AccessUnknown, answer);
        match account {
            Ok(Some(account)) => Self::try_from(account).map_err(unknown),
            Ok(None) => Err(Reason::TokenRevoked.into()),
            Err(fault) => Err(unknown(Refused::from(anyhow::Error::from(fault)))),
        }
    }
}

impl TryFrom<Account> for Caller {
    type Error = Refused;

    fn try_from(account: Account) -> Result<Self, Refused> {
        let id = account.id.as_str().parse().map_err(anyhow::Error::from)?;
        Ok(Self {
            id,
            email: account.email.unwrap_or_default(),
        })
    }
}

/// The answer to a refused token. The guard adds `WWW-Authenticate` with the reason.
pub(crate) fn refused(refusal: &Refusal, _: &Parts) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let sentence = match refusal.reason() {
        Reason::TokenMissing => "Unauthorized",
        Reason::TokenExpired => "Token has expired",
        Reason::RevocationUnknown => "Whether the token was revoked cannot be told at present",
        _ => "Token is invalid",
    };
    Refused::new(status, sentence).into_response()
}
