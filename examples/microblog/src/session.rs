//! Signing up, in and out, and the exchange of a refresh token: the part that could be a service of its own.

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderName;
use axum::http::header::CACHE_CONTROL;
use keystile::Loaded;
use keystile_accounts::{Account, SignIn, SignUp, SignedIn, Which};
use serde::Serialize;

use crate::answer::{Message, Refused, Served, done};
use crate::caller::Caller;
use crate::fields::{Body, POST, strings};
use crate::{App, has_a_profile};

type NoStore<T> = ([(HeaderName, &'static str); 1], Served<T>);

/// What a sign-in and a refresh answer.
#[derive(Serialize)]
pub(crate) struct Tokens {
    token: String,
    refresh_token: String,
}

/// `POST /signup`
pub(crate) async fn sign_up(
    State(app): State<App>,
    body: Body,
) -> Result<Served<Message>, Refused> {
    let words = "Invalid parameters";
    let [username, password] = strings(body, ["username", "password"], words)?;
    if !has_a_profile(&username) {
        return Err(Refused::bad_request(
            words,
            "username: this name is one of the microblog's own words; choose another",
        ));
    }
    let request = SignUp::username(username).password(password);
    let account = app.accounts()?.sign_up(request).await?;
    app.board_learns(&account).await?;
    Ok(done("Created user"))
}

/// `POST /login`
pub(crate) async fn sign_in(
    State(app): State<App>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    body: Body,
) -> Result<NoStore<Tokens>, Refused> {
    let [username, password] = strings(body, ["username", "password"], POST)?;
    let request = SignIn::username(username)
        .password(password)
        .from(from.ip());
    let signed_in = app.accounts()?.sign_in(request).await?;
    tokens(&app, signed_in).await
}

/// `POST /refresh`: the old refresh token for a new pair.
pub(crate) async fn refresh(
    State(app): State<App>,
    body: Body,
) -> Result<NoStore<Tokens>, Refused> {
    let [refresh_token] = strings(body, ["refresh_token"], POST)?;
    let signed_in = app.accounts()?.refresh(refresh_token).await?;
    tokens(&app, signed_in).await
}

/// `POST /logout`: the session's refresh token ends here and now, its access tokens wherever they are checked.
pub(crate) async fn sign_out(
    State(app): State<App>,
    caller: Loaded<Caller>,
) -> Result<Served<Message>, Refused> {
    let account = caller.id.to_string().into();
    let session = caller.value.session.context("a token without a session")?;
    app.accounts()?
        .sign_out(&account, &session, Which::This)
        .await
        .map_err(Refused::fault)?;
    Ok(done("Logged out"))
}

async fn tokens(app: &App, signed_in: SignedIn) -> Result<NoStore<Tokens>, Refused> {
    app.board_learns(&signed_in.account).await?;
    let tokens = Tokens {
        refresh_token: signed_in.refresh_token.expose().to_owned(),
        token: signed_in.access_token,
    };
    Ok(([(CACHE_CONTROL, "no-store")], Served(tokens)))
}

impl App {
    /// The board learns the name: at the sign-up, and at each sign-in in case the process died between the two, or the
    /// account was taken over from the original's table. Answers the id.
    pub(crate) async fn board_learns(&self, account: &Account) -> anyhow::Result<i64> {
        let id = account.id.as_str().parse()?;
        let username = account.username.clone().unwrap_or_default();
        self.board.remember(id, username).await?;
        Ok(id)
    }
}
