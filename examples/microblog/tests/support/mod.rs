//! A microblog in this process: a temporary file, and a clock that the test turns.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use examples_common::testing::{Answer, Request, send};
use examples_common::{Server, Settings};
use keystile::{Clock, Random, Timestamp};
use microblog::{App, Part};
use serde_json::Value;

/// A secret of these tests' own.
pub(crate) const SECRET: &str = "a secret of the tests, 32 bytes or more";
/// 2026-11-22, 12:00 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_795_348_800);

pub(crate) struct Blog {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Clock,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Blog {
    /// Opens one on `file` under `secret`.
    pub(crate) fn open(file: &Path, secret: &str) -> Self {
        let clock = Clock::manual(NOW);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (server, router) = runtime
            .block_on(async {
                let app = App::open(file, secret, clock.clone(), Random::system()).await?;
                let server = Server::listen(&Settings::from([("PORT", "0")])).await?;
                anyhow::Ok((server, app.router(Part::Both)))
            })
            .unwrap();
        let address = server.address;
        runtime.spawn(server.serve(router));
        Self {
            address,
            clock,
            runtime: Some(runtime),
        }
    }

    pub(crate) fn send(&self, request: Request<'_>) -> Answer {
        send(self.address, request)
    }

    /// A request with a JSON body, or with none where `json` is empty.
    pub(crate) fn ask(&self, method: &str, path: &str, bearer: &str, json: &str) -> Answer {
        self.send(Request {
            method,
            path,
            authorization: Some(bearer).filter(|it| !it.is_empty()),
            body: Some(("application/json", json.as_bytes())).filter(|_| !json.is_empty()),
        })
    }

    pub(crate) fn get(&self, path: &str, bearer: &str) -> Answer {
        self.ask("GET", path, bearer, "")
    }

    /// Signs up, unless that was done, and in. Returns `Bearer …` and the refresh token.
    pub(crate) fn sign_in(&self, username: &str) -> (String, String) {
        let body = format!(r#"{{"username":"{username}","password":"bestpass123"}}"#);
        self.ask("POST", "/signup", "", &body);
        tokens(&self.ask("POST", "/login", "", &body))
    }

    pub(crate) fn bearer(&self, username: &str) -> String {
        self.sign_in(username).0
    }

    /// Writes a post and returns its id.
    pub(crate) fn post(&self, bearer: &str, content: &str) -> i64 {
        let body = serde_json::json!({ "content": content }).to_string();
        let answer = self.ask("POST", "/post", bearer, &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        json(&answer)["postid"].as_i64().unwrap()
    }
}

impl Drop for Blog {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
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

/// The ids of the posts in an answer, in its order.
pub(crate) fn ids(answer: &Answer) -> Vec<i64> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let posts = json(answer)["posts"].as_array().unwrap().clone();
    let ids = posts.iter().map(|post| post["postid"].as_i64().unwrap());
    ids.collect()
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

/// What `WWW-Authenticate` says of a token that is refused for this reason.
pub(crate) fn challenge(code: &str) -> String {
    let reason = keystile::Reason::ALL
        .iter()
        .find(|reason| reason.code() == code)
        .expect(code);
    let described = reason.describe();
    format!(r#"Bearer error="invalid_token", error_description="{described}", reason="{code}""#)
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
