//! Every cell of the contract's table, over real TCP against the binary: status, whole body, `WWW-Authenticate`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use examples_common::testing::{
    Answer, Program, Request, Transcript, curl_is_here, run, send_bytes,
};
use keystile::{Claims, Clock, Reason, SigningKey};
use serde_json::{Value, json};

const QUICKSTART: &str = env!("CARGO_BIN_EXE_quickstart");
const SECRET: &str = "a secret of the tests, 32 bytes or more";
const NAMES: [&str; 2] = ["user", "old user"];
const BASIC: &str = "Basic dXNlcjpwYXNzd29yZA==";

const ASK_BASIC: &str = r#"Basic realm="Login Required""#;
const PROTECTED: &str = r#"{"message":"This is only available for people with valid tokens."}"#;
const UNPROTECTED: &str = r#"{"message":"Anyone can view this!"}"#;
const MISSING: &str = r#"{"message":"Token is missing!"}"#;
const ASK_TOKEN: &str = r#"Bearer reason="token_missing""#;
const INVALID: &str = r#"{"message":"Token is invalid!"}"#;
const EXPIRED: &str = r#"{"message":"Token has expired!"}"#;

/// One with two users: `user` with an Argon2id hash that its own command made, and `old user` with bcrypt.
fn start() -> (tempfile::TempDir, Program) {
    let folder = tempfile::tempdir().expect("a folder");
    let (done, line, errors) = run(
        QUICKSTART,
        folder.path(),
        &["hash", NAMES[0]],
        &[],
        "password\n",
    );
    assert!(done, "{errors}");
    let pair = line.split('\'').nth(1).expect("a quoted pair");
    let bcrypt = bcrypt::hash("password123", 4).expect("bcrypt");
    let users = format!("{pair}; {}:{bcrypt};", NAMES[1]);
    let program = Program::start(
        QUICKSTART,
        folder.path(),
        &[],
        &[("SECRET_KEY", SECRET), ("QUICKSTART_USERS", &users)],
    );
    (folder, program)
}

fn get(program: &Program, path: &str, authorization: &str) -> Answer {
    let authorization = Some(authorization).filter(|it| !it.is_empty());
    program.send(Request {
        method: "GET",
        path,
        authorization,
        body: None,
    })
}

fn token(answer: &Answer) -> String {
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

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

fn challenge(code: &str) -> String {
    let reason = Reason::ALL
        .iter()
        .find(|reason| reason.code() == code)
        .expect(code);
    format!(
        r#"Bearer error="invalid_token", error_description="{}", reason="{code}""#,
        reason.describe()
    )
}

/// A token of a program that holds this secret, good for so many seconds from now.
fn signed(secret: &str, typ: &str, lasts: i64, extra: Value) -> String {
    let expiry = Clock::system().now().as_seconds() + lasts;
    let key = SigningKey::hs256(secret).expect("a long secret");
    key.issue_as(typ, &Claims::new("user", expiry).with_extra(extra))
        .expect("a token")
}

#[test]
fn login() {
    let (_folder, program) = start();
    for (name, password) in [(NAMES[0], "password"), (NAMES[1], "password123")] {
        for path in ["/login", "/login/"] {
            token(&get(&program, path, &basic(name, password)));
        }
    }
    token(&get(&program, "/login", &BASIC.replace("Basic", "bAsIc")));
    for authorization in [
        String::new(),
        basic("user", "passwore"),
        basic("user", ""),
        basic("nobody", "password"),
        basic("old user", "password"),
        basic("", "password"),
        "Basic".to_owned(),
        "Basic not base64".to_owned(),
        BASIC.replace("Basic", "Bearer"),
    ] {
        let answer = get(&program, "/login", &authorization);
        assert_eq!(
            answer.cell(),
            (401, "Could not verify!", Some(ASK_BASIC)),
            "{authorization}"
        );
    }
}

#[test]
fn unprotected() {
    let (_folder, program) = start();
    for path in ["/unprotected", "/unprotected/", "/unprotected?token=x"] {
        for authorization in ["", "Bearer x", BASIC] {
            assert_eq!(
                get(&program, path, authorization).cell(),
                (200, UNPROTECTED, None)
            );
        }
    }
}

#[test]
fn protected() {
    let (_folder, program) = start();
    let token = token(&get(&program, "/login", BASIC));
    for path in ["/protected", "/protected/"] {
        assert_eq!(
            get(&program, path, "").cell(),
            (401, MISSING, Some(ASK_TOKEN))
        );
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert_eq!(
                get(&program, path, &format!("{scheme} {token}")).cell(),
                (200, PROTECTED, None)
            );
        }
        let answer = get(&program, &format!("{path}?token={token}"), "");
        assert_eq!(answer.cell(), (200, PROTECTED, None));
        assert_eq!(
            answer.header("Cache-Control"),
            Some("no-store"),
            "a token was in the address"
        );
    }
}

#[test]
fn protected_refuses_every_other_token_and_says_why() {
    let (_folder, program) = start();
    let ours = json!({ "user": "user" });
    assert_eq!(
        get(
            &program,
            "/protected",
            &format!("Bearer {}", signed(SECRET, "at+jwt", 60, ours.clone()))
        )
        .status,
        200
    );
    let none = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#),
        URL_SAFE_NO_PAD.encode(r#"{"sub":"user","user":"user","exp":9999999999}"#)
    );
    let mut changed = signed(SECRET, "at+jwt", 60, ours.clone()).into_bytes();
    let last = changed.len() - 5;
    changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
    let other = SECRET.replace('a', "b");
    for (token, body, code) in [
        ("x".to_owned(), INVALID, "token_malformed"),
        (none, INVALID, "token_algorithm_refused"),
        (
            String::from_utf8(changed).expect("text"),
            INVALID,
            "token_signature_invalid",
        ),
        (
            signed(&other, "at+jwt", 60, ours.clone()),
            INVALID,
            "token_key_unknown",
        ),
        (
            signed(&other, "at+jwt", -60, ours.clone()),
            INVALID,
            "token_key_unknown",
        ),
        (
            signed(SECRET, "at+jwt", -1, ours.clone()),
            EXPIRED,
            "token_expired",
        ),
        // The cupcakes' tokens, under the same secret.
        (
            signed(SECRET, "JWT", 60, json!({ "email": "a@b.c" })),
            INVALID,
            "token_type_wrong",
        ),
        (
            signed(SECRET, "at+jwt", 60, json!({ "email": "a@b.c" })),
            INVALID,
            "token_claim_malformed",
        ),
        (
            signed(SECRET, "at+jwt", 60, json!({ "user": 1 })),
            INVALID,
            "token_claim_malformed",
        ),
    ] {
        let expected = (401, body, Some(challenge(code)));
        for (path, authorization) in [
            ("/protected".to_owned(), format!("Bearer {token}")),
            (format!("/protected?token={token}"), String::new()),
        ] {
            let answer = get(&program, &path, &authorization);
            let (status, body, challenge) = answer.cell();
            assert_eq!(
                (status, body, challenge.map(str::to_owned)),
                expected,
                "{code} {path}"
            );
        }
    }
}

#[test]
fn the_claims_are_the_contract_s_and_each_token_differs() {
    let (_folder, program) = start();
    let (one, other) = (
        token(&get(&program, "/login", BASIC)),
        token(&get(&program, "/login", BASIC)),
    );
    assert_ne!(one, other);
    let payload = URL_SAFE_NO_PAD
        .decode(one.split('.').nth(1).expect("three parts"))
        .expect("base64url");
    let claims: Value = serde_json::from_slice(&payload).expect("JSON");
    let mut names: Vec<_> = claims
        .as_object()
        .expect("an object")
        .keys()
        .cloned()
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["exp", "iat", "jti", "sub", "user"]);
    assert_eq!(
        (&claims["user"], &claims["sub"]),
        (&json!("user"), &json!("user"))
    );
    assert_eq!(
        claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat"),
        30 * 60
    );
}

#[test]
fn no_input_gives_a_500_and_head_answers_as_get() {
    let (_folder, program) = start();
    for path in [
        "/",
        "/login",
        "/protected",
        "/protected?token=",
        "/protected?token=a&token=b",
        "/protected?token=%ff",
        "/unprotected",
    ] {
        for authorization in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Basic Og==",
            "Digest x",
            "Bearer a.b.c",
        ] {
            let get = get(&program, path, authorization);
            assert!(get.status < 500, "{path} {authorization} {get:?}");
            assert!(
                get.status != 401 || get.header("WWW-Authenticate").is_some(),
                "{path} {authorization}"
            );
            let authorization = Some(authorization).filter(|it| !it.is_empty());
            let head = program.send(Request {
                method: "HEAD",
                path,
                authorization,
                body: None,
            });
            assert_eq!(
                (head.status, head.body.as_str()),
                (get.status, ""),
                "{path} {authorization:?}"
            );
            for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
                let answer = program.send(Request {
                    method,
                    path,
                    authorization,
                    body: Some(("text/plain", b"\xff")),
                });
                assert!(
                    answer.status == 405 || answer.status == 404,
                    "{method} {path} {answer:?}"
                );
            }
        }
    }
    let bearer = token(&get(&program, "/login", BASIC));
    let twice = format!(
        "GET /protected?token={bearer} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {bearer}\r\n\r\n"
    );
    let answer = send_bytes(program.address, twice.as_bytes());
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (400, INVALID),
        "two places at once"
    );
}

#[test]
fn the_text_s_calls_answer_as_it_says() {
    if !curl_is_here() {
        return;
    }
    let (_folder, program) = start();
    let text = Transcript::parse(include_str!("text.curl"));
    let [nobody, login, without, in_address, in_header, unprotected] = text.commands() else {
        panic!("six: {text:?}")
    };
    let run =
        |command: &str, token: &str| Transcript::run(command, program.address, &[("TOKEN", token)]);
    assert_eq!(run(nobody, ""), (401, "Could not verify!".to_owned()));
    let (status, body) = run(login, "");
    let token = body
        .strip_prefix(r#"{"token":""#)
        .and_then(|rest| rest.strip_suffix(r#""}"#));
    let token = token.unwrap_or_else(|| panic!("{status} {body}"));
    assert_eq!(run(without, ""), (401, MISSING.to_owned()));
    assert_eq!(run(in_address, token), (200, PROTECTED.to_owned()));
    assert_eq!(run(in_header, token), (200, PROTECTED.to_owned()));
    assert_eq!(run(unprotected, ""), (200, UNPROTECTED.to_owned()));
}
