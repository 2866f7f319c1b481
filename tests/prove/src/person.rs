//! What people do over HTTP, and the tokens they hold.

use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::client::{Answer, Client, Request};
use crate::server::Server;

/// The administrator's name.
pub const ADMINISTRATOR: &str = "root";

/// A password that the default policy accepts.
pub const PASSWORD: &str = "a long walk by the river";

/// What a sign-in or a refresh answers with.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// The session.
    pub session: String,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens of session {}", self.session)
    }
}

impl Tokens {
    /// From an answer that must be a 200.
    pub fn from(answer: Answer, doing: &str) -> anyhow::Result<Self> {
        let answer = answer.expect(200, doing)?;
        Ok(Self {
            access: answer.text("access_token")?,
            refresh: answer.text("refresh_token")?,
            session: answer.text("session_id")?,
        })
    }

    /// The access token's claims, unverified.
    pub fn claims(&self) -> anyhow::Result<Value> {
        let payload = self
            .access
            .split('.')
            .nth(1)
            .context("not a signed token")?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok();
        Ok(serde_json::from_slice(&payload.context("not base64url")?)?)
    }

    /// The account's generation when the access token was signed.
    pub fn generation(&self) -> anyhow::Result<u64> {
        let claims = self.claims()?;
        claims
            .get("gen")
            .and_then(Value::as_u64)
            .context("a token without `gen`")
    }
}

/// `POST /v1/signup`.
pub fn sign_up(name: &str, password: &str) -> Request {
    Request::post("/v1/signup").json(&json!({"username": name, "password": password}))
}

/// `POST /v1/login` with JSON.
pub fn sign_in(name: &str, password: &str) -> Request {
    Request::post("/v1/login").json(&json!({"username": name, "password": password}))
}

/// `POST /v1/refresh`.
pub fn refresh(token: &str) -> Request {
    Request::post("/v1/refresh").json(&json!({"refresh_token": token}))
}

/// `POST /v1/logout` for `this`, `others` or `all` sessions.
pub fn sign_out(access: &str, sessions: &str) -> Request {
    Request::post("/v1/logout")
        .bearer(access)
        .json(&json!({"sessions": sessions}))
}

/// `GET /v1/me`.
pub fn me(access: &str) -> Request {
    Request::get("/v1/me").bearer(access)
}

/// A route for administrators that reads next to nothing.
pub fn administration(access: &str) -> Request {
    Request::get("/v1/admin/accounts?limit=1").bearer(access)
}

/// Sends a request again while the server says that it is busy, as it may on a busy machine; ten minutes at the most.
pub async fn patiently(client: &mut Client, request: &Request) -> anyhow::Result<Answer> {
    for _ in 0..600 {
        let answer = client.send(request).await?;
        if !answer.is_busy() {
            return Ok(answer);
        }
        sleep(Duration::from_secs(1)).await;
    }
    bail!("the server is busy and does not come to rest")
}

/// Signs up; the account's id.
pub async fn new_account(client: &mut Client, name: &str) -> anyhow::Result<String> {
    let answer = patiently(client, &sign_up(name, PASSWORD)).await?;
    answer.expect(201, "signing up")?.text("id")
}

/// Signs in.
pub async fn new_session(
    client: &mut Client,
    name: &str,
    password: &str,
) -> anyhow::Result<Tokens> {
    Tokens::from(
        patiently(client, &sign_in(name, password)).await?,
        "signing in",
    )
}

/// Rotates.
pub async fn rotate(client: &mut Client, token: &str) -> anyhow::Result<Tokens> {
    Tokens::from(client.send(&refresh(token)).await?, "refreshing")
}

/// Makes the administrator by the command line, beside the running server, and signs in.
pub async fn administrator(server: &Server) -> anyhow::Result<Tokens> {
    let arguments = [
        "account",
        "create",
        "--username",
        ADMINISTRATOR,
        "--role",
        "admin",
        "--password-stdin",
    ];
    server
        .run_with_input(&arguments, &format!("{PASSWORD}\n"))
        .await?;
    new_session(&mut server.client(), ADMINISTRATOR, PASSWORD).await
}
