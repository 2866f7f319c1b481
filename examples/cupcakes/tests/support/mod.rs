//! A shop in this process: a temporary file, and a clock that the test turns.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::ops::Deref;
use std::path::{Path, PathBuf};

use cupcakes::App;
use examples_common::testing::{Answer, Served, basic};
use keystile::{Claims, Clock, Random, SigningKey, Timestamp};
use keystile_accounts::{Accounts, NewAccount};
use serde_json::Value;

/// A secret of these tests' own.
pub(crate) const SECRET: &str = "a secret of the tests, 32 bytes or more";
/// The hexadecimal digits of a key of these tests' own.
pub(crate) const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// `test@user.com` with `password123`: the text's credentials.
pub(crate) const BASIC: &str = "Basic dGVzdEB1c2VyLmNvbTpwYXNzd29yZDEyMw==";
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
            let app = App::open(file, secret, KEY, clock.clone(), Random::system()).await?;
            Ok(app.router())
        });
        Self { served, clock }
    }

    /// Signs up, unless that was done, and in. Returns `Bearer …`.
    pub(crate) fn bearer(&self, email: &str) -> String {
        let body = format!(r#"{{"email":"{email}","password":"password123"}}"#);
        self.post("/users", None, &body);
        let answer = self.get("/users/login", Some(&basic(email, "password123")));
        format!("Bearer {}", token(&answer))
    }
}

impl Deref for Shop {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.served
    }
}

/// A temporary folder and the database's path in it.
pub(crate) fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cupcakes.db");
    (folder, file)
}

/// The token of a sign-in's answer, which must be the whole body.
pub(crate) fn token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    let token = answer
        .body
        .strip_prefix(r#"{"accessToken":""#)
        .and_then(|rest| rest.strip_suffix(r#""}"#));
    token.unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// `Bearer …`, signed as this program signs, with these claims.
pub(crate) fn signed(secret: &str, claims: Value) -> String {
    let key = SigningKey::hs256(secret).expect("a long secret");
    let expiry = claims["exp"].as_i64().expect("exp");
    let mut rest = claims;
    let subject = rest["sub"].as_str().unwrap_or_default().to_owned();
    let members = rest.as_object_mut().expect("an object");
    members.remove("exp");
    members.remove("sub");
    let token = key
        .issue_as("JWT", &Claims::new(subject, expiry).with_extra(rest))
        .expect("a token");
    format!("Bearer {token}")
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
