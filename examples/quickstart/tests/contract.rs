//! Every cell of the contract's table, over real TCP against the binary: status, whole body, `WWW-Authenticate`. The
//! table is printed.

mod support;

use std::process::ExitCode;

use examples_common::testing::{
    Contract, Program, Request, basic, challenge, changed, last_of_a_crowd, send_bytes,
    tokens_of_the_others, unsigned,
};
use keystile::Clock;
use serde_json::json;
use support::{BASIC, SECRET, get, signed, start, start_with, token};

const TOKEN: &str = r#"{"token":"«jwt»"}"#;
const COULD_NOT_VERIFY: &str = "Could not verify!";
const ASK_BASIC: &str = r#"Basic realm="Login Required""#;
const PROTECTED: &str = r#"{"message":"This is only available for people with valid tokens."}"#;
const UNPROTECTED: &str = r#"{"message":"Anyone can view this!"}"#;
const MISSING: &str = r#"{"message":"Token is missing!"}"#;
const INVALID: &str = r#"{"message":"Token is invalid!"}"#;
const EXPIRED: &str = r#"{"message":"Token has expired!"}"#;
const BUSY: &str = r#"{"message":"Too many people sign in just now; try again shortly"}"#;
const NOT_FOUND: &str = r#"{"message":"Not found"}"#;
const NOT_ALLOWED: &str = r#"{"message":"Method not allowed"}"#;

fn main() -> ExitCode {
    let mut contract = Contract::of("quickstart");
    let (_folder, program) = start();
    login(&mut contract, &program);
    unprotected(&mut contract, &program);
    protected(&mut contract, &program);
    refused(&mut contract, &program);
    of_the_others(&mut contract, &program);
    ambiguous(&mut contract, &program);
    other_methods(&mut contract, &program);
    drop(program);
    crowd(&mut contract);
    contract.covers(include_str!("../README.md"));
    contract.finish()
}

fn login(contract: &mut Contract, program: &Program) {
    let old = basic("old user", "password123");
    let loud = BASIC.replace("Basic", "bAsIc");
    for (case, path, authorization) in [
        ("a name and its password", "/login", BASIC),
        ("a trailing slash", "/login/", BASIC),
        ("the scheme in another case", "/login", &loud),
        ("a hash that bcrypt made", "/login", &old),
    ] {
        let answer = get(program, path, authorization);
        assert_eq!(answer.header("Cache-Control"), Some("no-store"));
        contract.cell("GET /login", case, &answer, (200, TOKEN, None));
    }
    for (case, authorization) in [
        ("no credentials", String::new()),
        ("a wrong password", basic("user", "passwore")),
        ("an empty password", basic("user", "")),
        ("an unknown user", basic("nobody", "password")),
        ("another user's password", basic("old user", "password")),
        ("an empty name", basic("", "password")),
        ("a scheme and nothing else", "Basic".to_owned()),
        ("not base64", "Basic not base64".to_owned()),
        ("another scheme", BASIC.replace("Basic", "Bearer")),
    ] {
        let answer = get(program, "/login", &authorization);
        let expected = (401, COULD_NOT_VERIFY, Some(ASK_BASIC));
        contract.cell("GET /login", case, &answer, expected);
    }
}

fn unprotected(contract: &mut Contract, program: &Program) {
    for (case, path, authorization) in [
        ("nothing", "/unprotected", ""),
        ("a trailing slash", "/unprotected/", ""),
        ("a token that is none", "/unprotected", "Bearer x"),
        (
            "a token that is none, in the address",
            "/unprotected?token=x",
            "",
        ),
        ("a password", "/unprotected", BASIC),
    ] {
        let answer = get(program, path, authorization);
        contract.cell("GET /unprotected", case, &answer, (200, UNPROTECTED, None));
    }
}

fn protected(contract: &mut Contract, program: &Program) {
    let token = token(&get(program, "/login", BASIC));
    let bearer = format!("Bearer {token}");
    let in_address = format!("/protected?token={token}");
    let in_address_slash = format!("/protected/?token={token}");
    for (case, path, authorization) in [
        ("a token", "/protected", bearer.as_str()),
        ("a token, a trailing slash", "/protected/", &bearer),
        (
            "the scheme in another case",
            "/protected",
            &bearer.replace("Bearer", "bEARER"),
        ),
        ("a token in the address", &in_address, ""),
        (
            "a token in the address, a trailing slash",
            &in_address_slash,
            "",
        ),
    ] {
        let answer = get(program, path, authorization);
        // The token was in the address, perhaps: nothing on the way may keep the answer.
        assert_eq!(answer.header("Cache-Control"), Some("no-store"));
        contract.cell("GET /protected", case, &answer, (200, PROTECTED, None));
    }
    let ask = challenge("token_missing");
    for (case, path, authorization) in [
        ("no token", "/protected", ""),
        ("no token, a trailing slash", "/protected/", ""),
        ("another scheme", "/protected", BASIC),
        ("another parameter", "/protected?tokens=x", ""),
    ] {
        let answer = get(program, path, authorization);
        contract.cell("GET /protected", case, &answer, (401, MISSING, Some(&ask)));
    }
}

/// Each token that is none of ours, in the header and in the address.
fn refused(contract: &mut Contract, program: &Program) {
    let ours = json!({ "user": "user" });
    let good = signed(SECRET, "at+jwt", 60, ours.clone());
    let other = SECRET.replace('a', "b");
    for (case, token, body, code) in [
        ("no JWT", "x".to_owned(), INVALID, "token_malformed"),
        (
            "no signature",
            unsigned(
                "at+jwt",
                &json!({ "sub": "user", "user": "user", "exp": i64::MAX }),
            ),
            INVALID,
            "token_algorithm_refused",
        ),
        (
            "one changed character",
            changed(&good, 2),
            INVALID,
            "token_signature_invalid",
        ),
        (
            "another name written in",
            changed(&good, 1),
            INVALID,
            "token_signature_invalid",
        ),
        (
            "signed under another secret",
            signed(&other, "at+jwt", 60, ours.clone()),
            INVALID,
            "token_key_unknown",
        ),
        (
            "that, and expired",
            signed(&other, "at+jwt", -60, ours.clone()),
            INVALID,
            "token_key_unknown",
        ),
        (
            "expired",
            signed(SECRET, "at+jwt", -1, ours),
            EXPIRED,
            "token_expired",
        ),
        (
            "without our claim",
            signed(SECRET, "at+jwt", 60, json!({ "email": "a@b.c" })),
            INVALID,
            "token_claim_malformed",
        ),
        (
            "our claim as a number",
            signed(SECRET, "at+jwt", 60, json!({ "user": 1 })),
            INVALID,
            "token_claim_malformed",
        ),
    ] {
        let ask = challenge(code);
        let expected = (401, body, Some(ask.as_str()));
        let answer = get(program, "/protected", &format!("Bearer {token}"));
        contract.cell("GET /protected", case, &answer, expected);
        let answer = get(program, &format!("/protected?token={token}"), "");
        contract.cell("GET /protected?token=", case, &answer, expected);
    }
}

/// Under one secret, another example's token is still none of ours.
fn of_the_others(contract: &mut Contract, program: &Program) {
    let now = Clock::system().now();
    for (example, token) in tokens_of_the_others("quickstart", SECRET, now) {
        let ask = challenge("token_type_wrong");
        let answer = get(program, "/protected", &format!("Bearer {token}"));
        let case = format!("{example}: its token, under this secret");
        contract.cell("GET /protected", &case, &answer, (401, INVALID, Some(&ask)));
    }
}

/// More sign-ins at once than can be checked in five seconds.
fn crowd(contract: &mut Contract) {
    // About a quarter of a second each.
    let hash = bcrypt::hash("password123", 12).expect("bcrypt");
    let (_folder, program) = start_with(&format!("slow user:{hash}"));
    let slow = basic("slow user", "password124");
    assert_eq!(
        get(&program, "/login", &slow).status,
        401,
        "now it is known how long one takes"
    );
    let request = Request {
        method: "GET",
        path: "/login",
        authorization: Some(&slow),
        body: None,
    };
    let answer = last_of_a_crowd(program.address, &[request; 120]);
    let wait: u64 = answer
        .header("Retry-After")
        .expect("when to come again")
        .parse()
        .expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    contract.cell(
        "GET /login",
        "more than can be served soon",
        &answer,
        (503, BUSY, None),
    );
}

/// What could be two callers, or cannot be read.
fn ambiguous(contract: &mut Contract, program: &Program) {
    let token = token(&get(program, "/login", BASIC));
    let (twice, unreadable) = (
        challenge("credentials_ambiguous"),
        challenge("authorization_malformed"),
    );
    let bearer = format!("Bearer {token}");
    let both = get(program, &format!("/protected?token={token}"), &bearer);
    let two = get(
        program,
        &format!("/protected?token={token}&token={token}"),
        "",
    );
    let headers = format!(
        "GET /protected HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {bearer}\r\nAuthorization: {bearer}\r\n\r\n"
    );
    let headers = send_bytes(program.address, headers.as_bytes());
    let empty = get(program, "/protected", "Bearer");
    for (case, answer, ask) in [
        ("in the header and in the address", both, &twice),
        ("twice in the address", two, &twice),
        ("two headers", headers, &twice),
        ("a scheme and nothing else", empty, &unreadable),
    ] {
        contract.cell("GET /protected", case, &answer, (400, INVALID, Some(ask)));
    }
}

/// `HEAD` answers as `GET` does, without the body; nothing else is served.
fn other_methods(contract: &mut Contract, program: &Program) {
    let bearer = format!("Bearer {}", token(&get(program, "/login", BASIC)));
    let ask = challenge("token_missing");
    let send = |method: &str, path: &str, authorization: Option<&str>| {
        program.send(Request {
            method,
            path,
            authorization,
            body: None,
        })
    };
    for (path, authorization, status, expected) in [
        ("/login", Some(BASIC), 200, None),
        ("/login", None, 401, Some(ASK_BASIC)),
        ("/protected", Some(bearer.as_str()), 200, None),
        ("/protected", None, 401, Some(ask.as_str())),
        ("/unprotected", None, 200, None),
    ] {
        let case = format!("as GET, {status}");
        let answer = send("HEAD", path, authorization);
        contract.cell(
            &format!("HEAD {path}"),
            &case,
            &answer,
            (status, "", expected),
        );
    }
    for path in ["/login", "/protected", "/unprotected"] {
        let answer = send("POST", path, Some(&bearer));
        assert_eq!(answer.header("Allow"), Some("GET,HEAD"));
        contract.cell(
            &format!("POST {path}"),
            "no such method",
            &answer,
            (405, NOT_ALLOWED, None),
        );
    }
    let answer = send("GET", "/nowhere", Some(&bearer));
    contract.cell(
        "GET /nowhere",
        "no such route",
        &answer,
        (404, NOT_FOUND, None),
    );
}
