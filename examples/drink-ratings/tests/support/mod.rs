//! The example in this process: a temporary file, and a clock that the test turns.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::ops::Deref;
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use drink_ratings::{App, Lifetimes};
use examples_common::testing::{Answer, Request, Served};
use keystile::{Clock, Random, Timestamp};
use keystile_accounts::{Accounts, NewAccount};
use serde_json::{Value, json};

/// A secret of these tests' own.
pub(crate) const SECRET: &str = "a secret of the tests, 32 bytes or more";
/// 2026-11-22, 12:00 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_795_348_800);
/// The text's password, as far as it has one.
pub(crate) const PASSWORD: &str = "bestpass123";

pub(crate) struct Bar {
    served: Served,
    pub(crate) clock: Clock,
}

impl Bar {
    pub(crate) fn open(file: &Path, secret: &str, now: Timestamp) -> Self {
        Self::with(file, secret, now, Lifetimes::default())
    }

    pub(crate) fn with(file: &Path, secret: &str, now: Timestamp, lifetimes: Lifetimes) -> Self {
        let clock = Clock::manual(now);
        Self::by(file, secret, lifetimes, clock)
    }

    pub(crate) fn by(file: &Path, secret: &str, lifetimes: Lifetimes, clock: Clock) -> Self {
        let served = Served::start(async {
            let random = Random::system();
            let app = App::open(file, secret, lifetimes, clock.clone(), random).await?;
            Ok(app.router())
        });
        Self { served, clock }
    }

    pub(crate) fn sign_up(&self, name: &str) -> Answer {
        self.post("/api/create_user", None, &user(name))
    }

    /// Signs in. Returns the access token and the refresh token, each behind `Bearer`.
    pub(crate) fn sign_in(&self, name: &str) -> [String; 2] {
        pair(&self.post("/api/login", None, &user(name)))
    }

    /// Signs up, unless that was done, and in.
    pub(crate) fn bearers(&self, name: &str) -> [String; 2] {
        self.sign_up(name);
        self.sign_in(name)
    }

    pub(crate) fn refresh(&self, bearer: &str) -> Answer {
        self.bare("POST", "/api/refresh", bearer)
    }

    pub(crate) fn logout(&self, bearer: &str) -> Answer {
        self.bare("DELETE", "/api/logout", bearer)
    }

    /// A request without a body.
    pub(crate) fn bare(&self, method: &str, path: &str, bearer: &str) -> Answer {
        self.send(Request {
            method,
            path,
            authorization: Some(bearer).filter(|it| !it.is_empty()),
            body: None,
        })
    }

    /// What `/protected` says: status and body.
    pub(crate) fn who(&self, bearer: &str) -> (u16, String) {
        let answer = self.get("/protected", Some(bearer));
        (answer.status, answer.body)
    }
}

impl Deref for Bar {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.served
    }
}

/// A temporary folder and the database's path in it.
pub(crate) fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("drink-ratings.db");
    (folder, file)
}

pub(crate) fn user(name: &str) -> String {
    json!({ "username": name, "password": PASSWORD }).to_string()
}

/// The two tokens of an answer, which must be its whole body, each behind `Bearer`.
pub(crate) fn pair(answer: &Answer) -> [String; 2] {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(2));
    ["access_token", "refresh_token"]
        .map(|name| format!("Bearer {}", body[name].as_str().expect(name)))
}

/// What the extension library writes into an access token, at `NOW`, for somebody with this number.
pub(crate) fn original(more: Value) -> Value {
    let now = NOW.as_seconds();
    let mut claims = json!({
        "fresh": false, "iat": now, "jti": "0b5f0bdc-8f7b-4f2e-9d0e-0c5a5b0d3c55", "type": "access",
        "sub": "1", "nbf": now, "exp": now + 900,
    });
    let (Value::Object(more), Some(all)) = (more, claims.as_object_mut()) else {
        panic!("an object")
    };
    for (name, value) in more {
        match value {
            Value::Null => drop(all.remove(&name)),
            value => drop(all.insert(name, value)),
        }
    }
    claims
}

/// `Bearer …` with these claims, signed under this secret as PyJWT does, without a word of this project's code.
pub(crate) fn signed(secret: &str, claims: &Value) -> String {
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    let [header, claims] = [header, &claims.to_string()].map(|json| URL_SAFE_NO_PAD.encode(json));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hmac::sign(&key, format!("{header}.{claims}").as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(signature);
    format!("Bearer {header}.{claims}.{signature}")
}

/// Takes accounts over into a file that nobody has opened.
pub(crate) fn import(file: &Path, accounts: impl Iterator<Item = NewAccount>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let url = format!("sqlite://{}", file.display());
        let opened = Accounts::builder(&url).open().await.expect("the accounts");
        for account in accounts {
            opened.import_account(account).await.expect("taken over");
        }
        opened.close().await;
    });
}
