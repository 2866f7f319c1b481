//! Cells that build on one another: refresh, sign-out, and too many sign-ins.

use std::time::Duration;

use examples_common::testing::{Answer, Contract, Request, challenge, last_of_a_crowd};
use keystile_accounts::{Accounts, NewAccount};
use serde_json::json;

use crate::route;
use crate::rows::{BUSY, EXPIRED, GUARDED, INVALID, LIMITED, LOGGED_OUT, PAIR};
use crate::support::{Blog, NOW, SECRET, credentials, folder, tokens};

pub(crate) fn refresh_challenge(code: &str, description: &str) -> String {
    format!(r#"Bearer error="invalid_token", error_description="{description}", reason="{code}""#)
}

fn exchange(blog: &Blog, refresh_token: &str) -> Answer {
    let body = json!({ "refresh_token": refresh_token }).to_string();
    blog.post("/refresh", None, &body)
}

pub(crate) fn refresh(contract: &mut Contract, blog: &Blog) {
    let mut cell = |case, answer: &Answer, status, body, code, description| {
        let challenge = refresh_challenge(code, description);
        let challenge = Some(challenge.as_str()).filter(|_| status == 401);
        contract.cell("POST /refresh", case, answer, (status, body, challenge));
    };
    let (_, first) = blog.sign_in("mira");
    let answer = exchange(blog, &first);
    let (bearer, second) = tokens(&answer);
    cell("the last refresh token", &answer, 200, PAIR, "", "");
    assert_eq!(blog.get("/timeline", Some(&bearer)).status, 200);
    let answer = exchange(blog, &first);
    assert_eq!(tokens(&answer).1, second, "its successor is unused");
    cell("once more, within the grace", &answer, 200, PAIR, "", "");
    let body = json!({ "refresh_token": second }).to_string();
    let answer = blog.post("/refresh/", None, &body);
    cell(
        "its successor, a trailing slash",
        &answer,
        200,
        PAIR,
        "",
        "",
    );
    let third = tokens(&answer).1;
    let reused = "this refresh token was already used; its session has been ended, sign in again";
    let answer = exchange(blog, &first);
    cell(
        "used, and so was its successor",
        &answer,
        401,
        INVALID,
        "refresh_token_reused",
        reused,
    );
    let ended = "the session of this refresh token has ended; sign in again";
    let answer = exchange(blog, &third);
    cell(
        "its session was ended by that",
        &answer,
        401,
        INVALID,
        "session_ended",
        ended,
    );
    let revoked = challenge("token_revoked");
    let answer = blog.get("/timeline", Some(&bearer));
    assert_eq!(answer.cell(), (401, INVALID, Some(revoked.as_str())));

    let (_, unused) = blog.sign_in("mira");
    blog.clock.advance(Duration::from_secs(31 * 24 * 60 * 60));
    let expired = "this refresh token has expired; sign in again";
    let answer = exchange(blog, &unused);
    cell(
        "a month later",
        &answer,
        401,
        EXPIRED,
        "refresh_token_expired",
        expired,
    );
}

pub(crate) fn sign_out(contract: &mut Contract, blog: &Blog) {
    let (bearer, refresh_token) = blog.sign_in("mira");
    let (other, _) = blog.sign_in("mira");
    let answer = blog.ask("POST", "/logout", &bearer, "");
    contract.cell("POST /logout", "a token", &answer, (200, LOGGED_OUT, None));
    let revoked = challenge("token_revoked");
    let expected = (401, INVALID, Some(revoked.as_str()));
    for &(method, path, json) in GUARDED {
        let answer = blog.ask(method, path, &bearer, json);
        contract.cell(&route(method, path), "signed out", &answer, expected);
    }
    let ended = "the session of this refresh token has ended; sign in again";
    let ended = refresh_challenge("session_ended", ended);
    let answer = exchange(blog, &refresh_token);
    contract.cell(
        "POST /refresh",
        "signed out",
        &answer,
        (401, INVALID, Some(&ended)),
    );
    let answer = blog.ask("POST", "/logout/", &other, "");
    let case = "another session's, a trailing slash";
    contract.cell("POST /logout", case, &answer, (200, LOGGED_OUT, None));
}

pub(crate) fn guessing(contract: &mut Contract, blog: &Blog) {
    let log_in = |password| blog.post("/login", None, &credentials("joey2go", password));
    for _ in 0..10 {
        assert_eq!(log_in("bestpass124").status, 401);
    }
    for (case, password) in [
        ("an eleventh guess", "bestpass124"),
        ("the right one after ten guesses", "bestpass123"),
    ] {
        let answer = log_in(password);
        assert!(answer.header("Retry-After").is_some(), "{answer:?}");
        contract.cell("POST /login", case, &answer, (429, LIMITED, None));
    }
    blog.clock.advance(Duration::from_secs(15 * 60));
    let case = "a quarter of an hour later";
    contract.cell(
        "POST /login",
        case,
        &log_in("bestpass123"),
        (200, PAIR, None),
    );
}

/// More sign-ins at once than can be checked in five seconds. Each is another's, so that no limit on guessing counts.
pub(crate) fn crowd(contract: &mut Contract) {
    let (_folder, file) = folder();
    // About a quarter of a second each.
    let hash = bcrypt::hash("bestpass123", 12).expect("bcrypt");
    let name = |number: usize| format!("user{number}");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let url = format!("sqlite://{}", file.display());
        let opened = Accounts::builder(&url).open().await.expect("the accounts");
        for number in 0..120 {
            let account = NewAccount::username(name(number)).password_hash(&hash);
            opened.import_account(account).await.expect("taken over");
        }
        opened.close().await;
    });
    let blog = Blog::open(&file, SECRET, NOW);
    let wrong: Vec<String> = (0..120)
        .map(|number| credentials(&name(number), "bestpass124"))
        .collect();
    let first = blog.post("/login", None, &wrong[0]);
    assert_eq!(first.status, 401, "now it is known how long one takes");
    let requests = wrong.iter().map(|wrong| Request {
        method: "POST",
        path: "/login",
        authorization: None,
        body: Some(("application/json", wrong.as_bytes())),
    });
    let answer = last_of_a_crowd(blog.address, &requests.collect::<Vec<_>>());
    assert!(answer.header("Retry-After").is_some(), "{answer:?}");
    let case = "more than can be served soon";
    contract.cell("POST /login", case, &answer, (503, BUSY, None));
}
