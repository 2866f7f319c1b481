//! The program in this process: a temporary file, and a clock that the test turns.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use customers::App;
use examples_common::testing::{Answer, Request, Served, send};
use keystile::{Claims, Clock, Random, SigningKey, Timestamp};
use serde_json::{Value, json};

/// A secret of these tests' own.
pub(crate) const SECRET: &str = "a secret of the tests, 32 bytes or more";
pub(crate) const PASSWORD: &str = "bestpass123";
/// 2026-11-22, 12:00 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_795_348_800);

pub(crate) struct Shop {
    served: Served,
    pub(crate) clock: Clock,
}

impl Shop {
    /// Opens one on `file` under `secret`.
    pub(crate) fn open(file: &Path, secret: &str, now: Timestamp) -> Self {
        let clock = Clock::manual(now);
        let served = Served::start(async {
            let app = App::open(file, secret, clock.clone(), Random::system()).await?;
            Ok(app.router())
        });
        Self { served, clock }
    }

    pub(crate) fn delete(&self, path: &str, authorization: Option<&str>) -> Answer {
        self.send(Request {
            method: "DELETE",
            path,
            authorization,
            body: None,
        })
    }

    /// Signs up, which must succeed. Returns the id.
    pub(crate) fn sign_up(&self, username: &str) -> i64 {
        let answer = post(self.address, "/customers/", &person(username));
        assert_eq!(answer.status, 201, "{answer:?}");
        serde_json::from_str::<Value>(&answer.body).unwrap()["id"]
            .as_i64()
            .unwrap()
    }

    /// Signs in. Returns `Bearer …`.
    pub(crate) fn bearer(&self, username: &str) -> String {
        format!("Bearer {}", token(&sign_in(self.address, username)))
    }

    /// Makes an administrator as the command does, and signs in. Returns `Bearer …`.
    pub(crate) fn make_admin(&self, file: &Path, username: &str) -> String {
        let made = customers::make_admin(file, SECRET, username, self.clock.clone());
        runtime().block_on(made).unwrap();
        self.bearer(username)
    }

    /// Ids and usernames, as an administrator or anybody else sees them.
    pub(crate) fn listed(&self, bearer: &str) -> Vec<(i64, String)> {
        let answer = self.get("/customers/?per_page=100", Some(bearer));
        assert_eq!(answer.status, 200, "{answer:?}");
        let customers: Vec<Value> = serde_json::from_str(&answer.body).unwrap();
        let listed = customers.iter().map(|it| {
            (
                it["id"].as_i64().unwrap(),
                it["username"].as_str().unwrap().to_owned(),
            )
        });
        listed.collect()
    }
}

impl Deref for Shop {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.served
    }
}

/// A runtime for what a test does in the place of a command.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

/// What `username` signs up with.
pub(crate) fn person(username: &str) -> Value {
    json!({
        "name": format!("{username} the customer"),
        "email": format!("{username}@example.org"),
        "phone": "+44 20 7946 0018",
        "username": username,
        "password": PASSWORD,
    })
}

pub(crate) fn post(address: SocketAddr, path: &str, json: &Value) -> Answer {
    let json = json.to_string();
    let body = Some(("application/json", json.as_bytes()));
    send(
        address,
        Request {
            method: "POST",
            path,
            authorization: None,
            body,
        },
    )
}

pub(crate) fn sign_in(address: SocketAddr, username: &str) -> Answer {
    let credentials = json!({ "email": format!("{username}@example.org"), "password": PASSWORD });
    post(address, "/customers/login", &credentials)
}

/// A temporary folder and the database's path in it.
pub(crate) fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("customers.db");
    (folder, file)
}

/// The token of a sign-in's answer, which must be the whole body.
pub(crate) fn token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    let token = answer
        .body
        .strip_prefix(r#"{"status":"success","message":"successfully logged in","token":""#)
        .and_then(|rest| rest.strip_suffix(r#""}"#));
    token.unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// `Bearer …`, signed as this program signs, with these claims.
pub(crate) fn signed(secret: &str, claims: &Value) -> String {
    let key = SigningKey::hs256(secret).expect("a long secret");
    let mut rest = claims.clone();
    let members = rest.as_object_mut().expect("an object");
    let expiry = members
        .remove("exp")
        .and_then(|exp| exp.as_i64())
        .expect("exp");
    let subject = members
        .remove("sub")
        .and_then(|sub| sub.as_str().map(str::to_owned));
    let claims = Claims::new(subject.unwrap_or_default(), expiry).with_extra(rest);
    format!("Bearer {}", key.issue_as("JWT", &claims).expect("a token"))
}
