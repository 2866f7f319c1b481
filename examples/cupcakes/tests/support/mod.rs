//! A shop in this process: a temporary file, and a clock that the test turns.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use cupcakes::App;
use examples_common::testing::{Answer, Request, send};
use examples_common::{Server, Settings};
use keystile::{Clock, Random, Timestamp};

/// A secret of these tests' own.
pub(crate) const SECRET: &str = "a secret of the tests, 32 bytes or more";
/// The hexadecimal digits of a key of these tests' own.
pub(crate) const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// `test@user.com` with `password123`: the text's credentials.
pub(crate) const BASIC: &str = "Basic dGVzdEB1c2VyLmNvbTpwYXNzd29yZDEyMw==";
/// 2026-11-22, 12:00 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_795_348_800);

pub(crate) struct Shop {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Clock,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Shop {
    /// Opens one on `file` under `secret`.
    pub(crate) fn open(file: &Path, secret: &str, now: Timestamp) -> Self {
        let clock = Clock::manual(now);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let server = runtime
            .block_on(async {
                let app = App::open(file, secret, KEY, clock.clone(), Random::system()).await?;
                let server = Server::listen(&Settings::from([("PORT", "0")])).await?;
                anyhow::Ok((server, app.router()))
            })
            .unwrap();
        let (server, router) = server;
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

    pub(crate) fn post(&self, path: &str, authorization: Option<&str>, json: &str) -> Answer {
        let body = Some(("application/json", json.as_bytes()));
        self.send(Request {
            method: "POST",
            path,
            authorization,
            body,
        })
    }

    pub(crate) fn get(&self, path: &str, authorization: Option<&str>) -> Answer {
        self.send(Request {
            method: "GET",
            path,
            authorization,
            body: None,
        })
    }

    /// Signs up, unless that was done, and in. Returns `Bearer …`.
    pub(crate) fn bearer(&self, email: &str) -> String {
        use base64::Engine as _;
        self.post(
            "/users",
            None,
            &format!(r#"{{"email":"{email}","password":"password123"}}"#),
        );
        let basic =
            base64::engine::general_purpose::STANDARD.encode(format!("{email}:password123"));
        format!(
            "Bearer {}",
            token(&self.get("/users/login", Some(&format!("Basic {basic}"))))
        )
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
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
