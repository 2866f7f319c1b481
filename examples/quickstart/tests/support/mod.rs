//! The program, started with two users: `user` with an Argon2id hash that its own command made, `old user` with bcrypt.

#![allow(dead_code, reason = "each test file uses a part of it")]

use examples_common::testing::{Answer, Program, Request, run};
use keystile::{Claims, Clock, SigningKey};
use serde_json::Value;

pub(crate) const QUICKSTART: &str = env!("CARGO_BIN_EXE_quickstart");
pub(crate) const SECRET: &str = "a secret of the tests, 32 bytes or more";
/// `user` with `password`.
pub(crate) const BASIC: &str = "Basic dXNlcjpwYXNzd29yZA==";

pub(crate) fn start() -> (tempfile::TempDir, Program) {
    start_with("")
}

/// With these users beside the two.
pub(crate) fn start_with(more: &str) -> (tempfile::TempDir, Program) {
    let folder = tempfile::tempdir().expect("a folder");
    let words = ["hash", "user"];
    let (done, line, errors) = run(QUICKSTART, folder.path(), &words, &[], "password\n");
    assert!(done, "{errors}");
    let pair = line.split('\'').nth(1).expect("a quoted pair");
    let bcrypt = bcrypt::hash("password123", 4).expect("bcrypt");
    let users = format!("{pair}; old user:{bcrypt};{more}");
    let environment = [("SECRET_KEY", SECRET), ("QUICKSTART_USERS", &users)];
    let program = Program::start(QUICKSTART, folder.path(), &[], &environment);
    (folder, program)
}

pub(crate) fn get(program: &Program, path: &str, authorization: &str) -> Answer {
    program.send(Request {
        method: "GET",
        path,
        authorization: Some(authorization).filter(|it| !it.is_empty()),
        body: None,
    })
}

/// The token of a sign-in's answer, which must be the whole body.
pub(crate) fn token(answer: &Answer) -> String {
    assert_eq!(
        (answer.status, answer.header("Cache-Control")),
        (200, Some("no-store")),
        "{answer:?}"
    );
    let token = answer
        .body
        .strip_prefix(r#"{"token":""#)
        .and_then(|rest| rest.strip_suffix(r#""}"#));
    token.unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// A token of a program that holds this secret, good for so many seconds from now.
pub(crate) fn signed(secret: &str, typ: &str, lasts: i64, extra: Value) -> String {
    let expiry = Clock::system().now().as_seconds() + lasts;
    let key = SigningKey::hs256(secret).expect("a long secret");
    key.issue_as(typ, &Claims::new("user", expiry).with_extra(extra))
        .expect("a token")
}
