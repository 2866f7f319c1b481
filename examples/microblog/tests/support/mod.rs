//! A microblog in this process: a temporary file, and a clock that the test turns.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::ops::Deref;
use std::path::{Path, PathBuf};

use examples_common::testing::{Answer, Request, Served};
use keystile::{Claims, Clock, Random, SigningKey, Timestamp};
use microblog::{App, Part};
use serde_json::Value;

/// A secret of these tests' own.
pub(crate) const SECRET: &str = "a secret of the tests, 32 bytes or more";
/// 2026-11-22, 12:00 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_795_348_800);

pub(crate) struct Blog {
    served: Served,
    pub(crate) clock: Clock,
}

impl Blog {
    /// Opens one on `file` under `secret`.
    pub(crate) fn open(file: &Path, secret: &str, now: Timestamp) -> Self {
        let clock = Clock::manual(now);
        let served = Served::start(async {
            let app = App::open(file, secret, clock.clone(), Random::system()).await?;
            Ok(app.router(Part::Both))
        });
        Self { served, clock }
    }

    /// A request with a JSON body, or with none where `json` is empty; without `bearer` where that is empty.
    pub(crate) fn ask(&self, method: &str, path: &str, bearer: &str, json: &str) -> Answer {
        self.send(Request {
            method,
            path,
            authorization: Some(bearer).filter(|it| !it.is_empty()),
            body: Some(("application/json", json.as_bytes())).filter(|_| !json.is_empty()),
        })
    }

    /// Signs up, unless that was done, and in. Returns `Bearer …` and the refresh token.
    pub(crate) fn sign_in(&self, username: &str) -> (String, String) {
        let body = credentials(username, "bestpass123");
        self.ask("POST", "/signup", "", &body);
        tokens(&self.ask("POST", "/login", "", &body))
    }

    pub(crate) fn bearer(&self, username: &str) -> String {
        self.sign_in(username).0
    }

    /// Writes a post and returns its id.
    pub(crate) fn write(&self, bearer: &str, content: &str) -> i64 {
        let body = serde_json::json!({ "content": content }).to_string();
        let answer = self.ask("POST", "/post", bearer, &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        json(&answer)["postid"].as_i64().unwrap()
    }

    /// `POST` or `DELETE` of `/follow`; returns the status.
    pub(crate) fn follow(&self, method: &str, bearer: &str, followee: i64) -> u16 {
        let body = format!(r#"{{"followee":{followee}}}"#);
        self.ask(method, "/follow", bearer, &body).status
    }

    /// The ids of the posts that a page lists, in its order.
    pub(crate) fn ids(&self, path: &str, bearer: &str) -> Vec<i64> {
        let answer = self.ask("GET", path, bearer, "");
        assert_eq!(answer.status, 200, "{answer:?}");
        let posts = json(&answer)["posts"].as_array().unwrap().clone();
        let ids = posts.iter().map(|post| post["postid"].as_i64().unwrap());
        ids.collect()
    }
}

impl Deref for Blog {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.served
    }
}

pub(crate) fn credentials(username: &str, password: &str) -> String {
    format!(r#"{{"username":"{username}","password":"{password}"}}"#)
}

/// A temporary folder and the database's path in it.
pub(crate) fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("microblog.db");
    (folder, file)
}

pub(crate) fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
}

/// `Bearer …` and the refresh token of an answer that is nothing but these and its status.
pub(crate) fn tokens(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    let body = answer.body.strip_prefix(r#"{"status":200,"token":""#);
    let tokens = body
        .and_then(|rest| rest.strip_suffix(r#""}"#))
        .and_then(|rest| rest.split_once(r#"","refresh_token":""#));
    let (token, refresh) = tokens.unwrap_or_else(|| panic!("{answer:?}"));
    (format!("Bearer {token}"), refresh.to_owned())
}

/// `Bearer …`, signed as this program signs, with these claims.
pub(crate) fn signed(secret: &str, mut claims: Value) -> String {
    let key = SigningKey::hs256(secret).unwrap();
    let members = claims.as_object_mut().unwrap();
    let expiry = members.remove("exp").and_then(|it| it.as_i64()).unwrap();
    // `Claims` writes a string; an integer subject stays with the rest.
    let subject = members["sub"].as_str().map(str::to_owned);
    if subject.is_some() {
        members.remove("sub");
    }
    let claims = Claims::new(subject.unwrap_or_default(), expiry).with_extra(claims);
    format!("Bearer {}", key.issue_as("JWT", &claims).unwrap())
}

/// The timelines are what follows and posts make them: nothing is missing, nothing is left over.
pub(crate) fn assert_timelines_agree(file: &Path) {
    let connection = rusqlite::Connection::open(file).unwrap();
    let wanted = "SELECT follower, post.id FROM follow JOIN post ON author = followee WHERE deleted_at IS NULL";
    let there = "SELECT reader, post FROM timeline";
    for (one, other) in [(wanted, there), (there, wanted)] {
        let differing = format!("SELECT count(*) FROM ({one} EXCEPT {other})");
        let count: i64 = connection
            .query_row(&differing, [], |row| row.get(0))
            .unwrap();
        assert_eq!(count, 0, "{one} EXCEPT {other}");
    }
}
