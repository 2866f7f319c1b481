//! `/oauth/…`, and a client that calls it.

mod credentials;
mod forms;
mod introspect;
mod metadata;
mod revoke;
mod token;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keystile_accounts::NewClient;
use serde_json::{Value, json};

use crate::actors::{ISSUER, PASSWORD, Server};
use crate::http::{Answer, Request};

pub(crate) const API: &str = "https://api.example";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// A program with credentials of its own.
pub(crate) struct Client<'a> {
    server: &'a Server,
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Server {
    /// A client that reads the feed, and whose tokens may be for an API too.
    pub(crate) async fn client(&self, name: &str) -> Client<'_> {
        let new = NewClient::named(name)
            .scopes(["revocations:read", "posts:read"])
            .audiences([ISSUER, API]);
        self.client_as(new).await
    }

    pub(crate) async fn client_as(&self, new: NewClient) -> Client<'_> {
        let made = self.accounts.create_client(None, new).await;
        let made = made.expect("a client");
        Client {
            server: self,
            secret: made.secret.expose().to_owned(),
            id: made.client.id,
        }
    }
}

impl Client<'_> {
    pub(crate) fn basic(&self) -> String {
        basic(&self.id, &self.secret)
    }

    /// Posts a form by Basic.
    pub(crate) async fn post(&self, target: &str, form: &str) -> Answer {
        self.server
            .send(form_to(target, form).header("authorization", &self.basic()))
            .await
    }

    /// An access token of its own, for the issuer.
    pub(crate) async fn token(&self) -> String {
        self.token_with("").await
    }

    /// One that is asked for with more: `&scope=…`.
    pub(crate) async fn token_with(&self, more: &str) -> String {
        let form = format!("grant_type=client_credentials{more}");
        let answer = self.post("/oauth/token", &form).await.expect(200);
        answer.text("/access_token")
    }

    /// A session of somebody whom this client signs in: access and refresh token.
    pub(crate) async fn session_of(&self, username: &str) -> (String, String) {
        self.session_for(username, ISSUER).await
    }

    /// The same, with an access token for this audience.
    pub(crate) async fn session_for(&self, username: &str, audience: &str) -> (String, String) {
        let body = json!({
            "username": username, "password": PASSWORD, "resource": audience,
            "client_id": self.id, "client_secret": self.secret,
        });
        let answer = self.server.post("/v1/login", &body).await.expect(200);
        (answer.text("/access_token"), answer.text("/refresh_token"))
    }
}

pub(crate) fn basic(id: &str, secret: &str) -> String {
    basic_bytes(format!("{id}:{secret}").as_bytes())
}

pub(crate) fn basic_bytes(bytes: &[u8]) -> String {
    format!("Basic {}", STANDARD.encode(bytes))
}

pub(crate) fn form_to(target: &str, form: &str) -> Request {
    Request::new("POST", target).raw(FORM, form.as_bytes())
}

impl Answer {
    /// The `error` of an OAuth error, after a look at the rest of it.
    #[track_caller]
    pub(crate) fn oauth(&self, status: u16) -> String {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{body}");
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert!(self.header("x-request-id").is_some());
        let challenge = self.header("www-authenticate");
        assert_eq!(challenge.is_some(), status == 401, "{challenge:?}");
        assert!(
            challenge.is_none_or(|text| text.starts_with("Basic ")),
            "{challenge:?}"
        );
        let json = self.json();
        let members: Vec<&String> = json.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["error", "error_description"]);
        let about = self.text("/error_description");
        let allowed = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
        assert!(
            !about.is_empty() && about.chars().all(allowed),
            "RFC 6749, section 5.2: {about}"
        );
        self.text("/error")
    }
}

/// The claims of a token, unverified.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three parts");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload);
    serde_json::from_slice(&bytes.expect("base64url")).expect("JSON")
}
