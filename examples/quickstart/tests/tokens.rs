//! The tokens: what they say, that others read them, and that nothing sent along gives a 500.

mod support;

use std::fmt::Write as _;

use examples_common::testing::{
    Program, Python, Request, assert_kind, basic, decoded, decoded_by_pyjwt, fastest,
};
use serde_json::json;
use support::{BASIC, QUICKSTART, SECRET, get, start, token};

#[test]
fn the_claims_are_the_contract_s_and_each_token_differs() {
    let (_folder, program) = start();
    let sign_in = || token(&get(&program, "/login", BASIC));
    let (one, other) = (sign_in(), sign_in());
    assert_ne!(one, other);
    assert_eq!(decoded(&one, 0)["alg"], "HS256");
    assert_kind("quickstart", &one);
    let claims = decoded(&one, 1);
    assert_eq!(
        (&claims["user"], &claims["sub"]),
        (&json!("user"), &json!("user"))
    );
    let time = |name: &str| claims[name].as_i64().expect(name);
    assert_eq!(time("exp") - time("iat"), 30 * 60);
}

#[test]
fn pyjwt_decodes_them() {
    let Some(python) = Python::found() else {
        return;
    };
    let (_folder, program) = start();
    let token = token(&get(&program, "/login", BASIC));
    let claims = decoded_by_pyjwt(&python, &token, SECRET);
    assert_eq!(claims["user"], "user");
}

#[test]
fn an_unknown_user_costs_the_work_of_a_wrong_password() {
    // One user: with hashes of several costs, an unknown name costs what one of them does.
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(QUICKSTART, folder.path(), &["--demo"], &[]);
    let [known, unknown] = ["user", "nobody"].map(|name| basic(name, "password124"));
    let ask = |credentials: &str| assert_eq!(get(&program, "/login", credentials).status, 401);
    let [known, unknown] = fastest([&|| ask(&known), &|| ask(&unknown)]);
    assert!(unknown > known / 3, "known {known:?}, unknown {unknown:?}");
}

#[test]
fn no_password_and_no_token_is_printed_or_answered() {
    let (_folder, program) = start();
    let bearer = format!("Bearer {}", token(&get(&program, "/login", BASIC)));
    let guess = basic("user", "a-wrong-guess");
    let mut answered = String::new();
    for authorization in [BASIC, &guess, &bearer, &format!("{bearer}x")] {
        for path in [
            "/login",
            "/protected",
            "/protected?token=x.y.z",
            "/unprotected",
            "/no",
        ] {
            let answer = get(&program, path, authorization);
            let _ = write!(answered, "{:?}{}", answer.headers, answer.body);
        }
    }
    let (well, printed) = program.stop();
    assert!(well, "{printed}");
    for secret in [
        "a-wrong-guess",
        &guess[6..],
        &BASIC[6..],
        &bearer[7..],
        SECRET,
    ] {
        assert!(!answered.contains(secret), "{secret} in {answered}");
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

#[test]
fn no_input_gives_a_500() {
    let (_folder, program) = start();
    for path in [
        "/",
        "/login",
        "/protected",
        "/protected?token=",
        "/protected?token=a&token=b",
        "/protected?token=%ff",
        "/protected?%74oken=x",
        "/unprotected",
    ] {
        for authorization in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a.b.c",
            "Basic Og==",
            "Basic /////w==",
            "Digest x",
        ] {
            for method in [
                "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE",
            ] {
                let answer = program.send(Request {
                    method,
                    path,
                    authorization: Some(authorization).filter(|it| !it.is_empty()),
                    body: Some(("text/plain", b"\xff")),
                });
                let said = format!("{method} {path} {authorization} {answer:?}");
                assert!(answer.status < 500, "{said}");
                assert!(
                    answer.status != 401 || answer.header("WWW-Authenticate").is_some(),
                    "{said}"
                );
            }
        }
    }
}
