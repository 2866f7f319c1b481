//! Every cell of the contract's table, over real TCP: status, whole body, `WWW-Authenticate`. The table is printed.

mod rows;
mod support;

use std::process::ExitCode;
use std::time::Duration;

use examples_common::testing::{
    Contract, Request, challenge, changed, last_of_a_crowd, send_bytes, tokens_of_the_others,
    unsigned,
};
use keystile_accounts::{ExchangeError, NewAccount, RefreshError};
use rows::{
    ACCESS_REFUSALS, AWAY, BAD_HEADER, BUSY, EXPIRED, LIMITED, NO_JWT, NO_TYPE, NOT_JSON,
    OWNER_REFUSALS, PAIR, PASSWORDS, REFUSALS, REVOKED, Row, SESSIONS, TESTIMONIALS, TOO_LONG,
    USERS,
};
use serde_json::json;
use support::{Bar, NOW, SECRET, folder, import, original, signed, user};

/// What the names in the rows stand for.
type Tokens = Vec<(&'static str, String)>;

fn main() -> ExitCode {
    let mut contract = Contract::of("drink-ratings");
    let (_folder, file) = folder();
    let bar = Bar::open(&file, SECRET, NOW);
    check(&mut contract, &bar, USERS, &Vec::new());
    let tokens = tokens(&bar);
    refusals(&mut contract, &bar, &tokens);
    check(&mut contract, &bar, TESTIMONIALS, &tokens);
    check(&mut contract, &bar, SESSIONS, &tokens);
    check(&mut contract, &bar, PASSWORDS, &tokens);
    bodies(&mut contract, &bar);
    twice(&mut contract, &bar);
    of_the_others(&mut contract, &bar);
    head(&mut contract, &bar);
    guessing(&mut contract, &bar);
    lapse(&mut contract, &bar);
    store_away(&mut contract, &bar, &file);
    drop(bar);
    crowd(&mut contract);
    contract.covers(include_str!("../README.md"));
    contract.finish()
}

/// `caleb` is 1 and `ada` 2.
fn tokens(bar: &Bar) -> Tokens {
    let (now, mine) = (NOW.as_seconds(), |claims| signed(SECRET, &original(claims)));
    let [caleb, caleb_refresh] = bar.sign_in("caleb");
    let [ada, _] = bar.sign_in("ada");
    let [_, refresh] = bar.sign_in("caleb");
    let [_, used] = bar.sign_in("caleb");
    let [stale, _] = support::pair(&bar.refresh(&used));
    let [out, ended] = bar.sign_in("caleb");
    assert_eq!(bar.logout(&out).status, 200);
    let theirs = |more: serde_json::Value| {
        let mut claims = original(more);
        claims["type"] = json!("refresh");
        signed(SECRET, &claims)
    };
    vec![
        ("NAKED", caleb.replace("Bearer ", "")),
        ("LOUD", caleb.replace("Bearer", "BEARER")),
        ("CHANGED", changed(&caleb, 2)),
        (
            "FOREIGN",
            signed(&SECRET.replace('a', "b"), &original(json!({}))),
        ),
        (
            "UNSIGNED",
            format!("Bearer {}", unsigned("JWT", &original(json!({})))),
        ),
        ("EARLY", mine(json!({ "nbf": now + 61 }))),
        ("FUTURE", mine(json!({ "iat": now + 61 }))),
        ("ENDLESS", mine(json!({ "exp": null }))),
        ("SUBJECT", mine(json!({ "sub": { "username": "caleb" } }))),
        ("AUDIENCE", mine(json!({ "aud": "else" }))),
        ("ISSUER", mine(json!({ "iss": "else" }))),
        ("OLD", mine(json!({ "exp": now }))),
        (
            "ANOTHERS",
            mine(json!({ "type": null, "email": "caleb@example.org" })),
        ),
        ("NOBODY", mine(json!({ "sub": "99" }))),
        ("OLDER", mine(json!({ "iat": now - 1 }))),
        (
            "NAMED",
            mine(json!({ "sub": null, "iat": now - 1, "identity": { "username": "caleb" } })),
        ),
        (
            "CASED",
            mine(json!({ "sub": null, "identity": { "username": "Caleb" } })),
        ),
        (
            "CROSSED",
            mine(json!({ "sub": "1", "identity": { "username": "ada" } })),
        ),
        (
            "NAMELESS",
            mine(json!({ "sub": null, "identity": ["caleb"] })),
        ),
        ("ORIGINAL", mine(json!({}))),
        ("NUMBERED", mine(json!({ "sub": 1, "jti": "another" }))),
        (
            "BOASTING",
            mine(json!({ "sub": null, "identity": { "username": "caleb", "role": "admin" } })),
        ),
        ("FRESHLY", mine(json!({ "fresh": true, "jti": "fresh" }))),
        ("NO-ID", mine(json!({ "jti": null }))),
        ("UNKNOWN", format!("Bearer ksr_{}", "A".repeat(43))),
        ("THEIRS", theirs(json!({ "jti": "theirs" }))),
        ("THEIRS-OLD", theirs(json!({ "exp": now }))),
        ("THEIRS-NOBODY", theirs(json!({ "sub": "99" }))),
        ("THEIRS-NO-ID", theirs(json!({ "jti": null }))),
        ("CALEB-REFRESH", caleb_refresh),
        ("CALEB", caleb),
        ("ADA", ada),
        ("REFRESH", refresh),
        ("STALE", stale),
        ("OUT", out),
        ("ENDED", ended),
    ]
}

fn bearer<'t>(tokens: &'t Tokens, name: &'t str) -> &'t str {
    let found = tokens.iter().find(|(one, _)| *one == name);
    found.map_or(name, |(_, bearer)| bearer)
}

/// The route that a path belongs to, as the README writes it.
fn route(method: &str, path: &str) -> String {
    let path = path.trim_end_matches('/');
    let path = match path.strip_prefix("/api/testimonials/") {
        Some(_) => "/api/testimonials/{id}",
        None => path,
    };
    format!("{method} {path}")
}

/// The challenge of this code: a guard's reason, or why a store refused a refresh token.
fn expected(code: &str) -> Option<String> {
    let why = match code {
        "" => return None,
        "refresh_token_unknown" => RefreshError::Unknown.to_string(),
        "session_ended" => RefreshError::Ended.to_string(),
        "refresh_token_expired" => RefreshError::Expired.to_string(),
        "refresh_token_reused" => RefreshError::Reused.to_string(),
        "exchange_used" => ExchangeError::Used.to_string(),
        "exchange_incomplete" => ExchangeError::Incomplete { claim: "jti" }.to_string(),
        code => return Some(challenge(code)),
    };
    Some(format!(
        r#"Bearer error="invalid_token", error_description="{why}", reason="{code}""#
    ))
}

fn check(contract: &mut Contract, bar: &Bar, rows: &[Row], tokens: &Tokens) {
    for &(case, method, path, authorization, json, status, body, code) in rows {
        let authorization = bearer(tokens, authorization);
        let answer = bar.send(Request {
            method,
            path,
            authorization: Some(authorization).filter(|it| !it.is_empty()),
            body: (!json.is_empty()).then_some(("application/json", json.as_bytes())),
        });
        let challenge = expected(code);
        let cell = (status, body, challenge.as_deref());
        contract.cell(&route(method, path), case, &answer, cell);
    }
}

/// Every way to be refused at every route that asks for a token.
fn refusals(contract: &mut Contract, bar: &Bar, tokens: &Tokens) {
    let at = |rows: &[Row], method, path| -> Vec<Row> {
        let rows = rows.iter();
        rows.map(|row| (row.0, method, path, row.3, row.4, row.5, row.6, row.7))
            .collect()
    };
    for (method, path, owned) in [
        ("POST", "/api/testimonials", true),
        ("POST", "/api/testimonials/1", true),
        ("PUT", "/api/testimonials/1", true),
        ("DELETE", "/api/testimonials/1", true),
        ("DELETE", "/api/logout", true),
        ("GET", "/protected", true),
        ("POST", "/api/change_password", false),
    ] {
        check(contract, bar, &at(REFUSALS, method, path), tokens);
        check(contract, bar, &at(ACCESS_REFUSALS, method, path), tokens);
        if owned {
            check(contract, bar, &at(OWNER_REFUSALS, method, path), tokens);
        }
    }
    check(contract, bar, &at(REFUSALS, "POST", "/api/refresh"), tokens);
}

/// What comes as a body, and how.
fn bodies(contract: &mut Contract, bar: &Bar) {
    let [ada, _] = support::pair(&bar.post(
        "/api/login",
        None,
        r#"{"username":"ada","password":"betterpass123"}"#,
    ));
    let long = vec![b' '; 64 * 1024 + 1];
    for (method, path) in [
        ("POST", "/api/create_user"),
        ("POST", "/api/login"),
        ("POST", "/api/change_password"),
        ("POST", "/api/testimonials"),
        ("PUT", "/api/testimonials/3"),
    ] {
        for (case, content_type, body, status, expected) in [
            ("text", "text/plain", &b"{}"[..], 415, NOT_JSON),
            ("no content type", "", b"{}", 415, NOT_JSON),
            ("more than 64 KiB", "application/json", &long, 413, TOO_LONG),
        ] {
            let answer = bar.send(Request {
                method,
                path,
                authorization: Some(&ada),
                body: Some((content_type, body)),
            });
            contract.cell(
                &route(method, path),
                case,
                &answer,
                (status, expected, None),
            );
        }
    }
}

/// Two headers name two callers.
fn twice(contract: &mut Contract, bar: &Bar) {
    let [caleb, refresh] = bar.sign_in("caleb");
    let ambiguous = challenge("credentials_ambiguous");
    for (method, path, bearer) in [
        ("GET", "/protected", caleb),
        ("POST", "/api/refresh", refresh),
    ] {
        let line = format!("Authorization: {bearer}\r\n");
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{line}{line}\r\n");
        let answer = send_bytes(bar.address, head.as_bytes());
        let cell = (422, BAD_HEADER, Some(ambiguous.as_str()));
        contract.cell(&route(method, path), "two headers", &answer, cell);
    }
}

/// Under one secret, another example's token is still none of ours.
fn of_the_others(contract: &mut Contract, bar: &Bar) {
    for (example, token) in tokens_of_the_others("drink-ratings", SECRET, NOW) {
        let (words, code) = match example {
            "quickstart" => (NO_JWT, "token_type_wrong"),
            _ => (NO_TYPE, "token_claim_missing"),
        };
        let (bearer, challenge) = (format!("Bearer {token}"), challenge(code));
        let case = format!("{example}: its token, under this secret");
        for (method, path) in [("GET", "/protected"), ("POST", "/api/refresh")] {
            let answer = bar.bare(method, path, &bearer);
            contract.cell(
                &route(method, path),
                &case,
                &answer,
                (422, words, Some(&challenge)),
            );
        }
    }
}

/// More sign-ins at once than can be checked in five seconds. Each is another's, so that no limit on guessing counts.
fn crowd(contract: &mut Contract) {
    let (_folder, file) = folder();
    // About a quarter of a second each.
    let hash = bcrypt::hash("bestpass123", 12).expect("bcrypt");
    let accounts = (0..120).map(|number| NewAccount::username(format!("user{number}")));
    import(&file, accounts.map(|account| account.password_hash(&hash)));
    let bar = Bar::open(&file, SECRET, NOW);
    let guesses = (0..120).map(|number| user(&format!("user{number}")).replace("best", "worst"));
    let guesses: Vec<String> = guesses.collect();
    let first = bar.post("/api/login", None, &guesses[0]);
    assert_eq!(first.status, 400, "now it is known how long one takes");
    let requests = guesses.iter().map(|guess| Request {
        method: "POST",
        path: "/api/login",
        authorization: None,
        body: Some(("application/json", guess.as_bytes())),
    });
    let answer = last_of_a_crowd(bar.address, &requests.collect::<Vec<_>>());
    assert!(answer.header("Retry-After").is_some(), "{answer:?}");
    contract.cell(
        "POST /api/login",
        "more than can be served soon",
        &answer,
        (503, BUSY, None),
    );
}

/// `HEAD` answers as `GET` does, without the body.
fn head(contract: &mut Contract, bar: &Bar) {
    let [caleb, _] = bar.sign_in("caleb");
    let missing = challenge("token_missing");
    for (path, bearer, status, expected) in [
        ("/protected", caleb.as_str(), 200, None),
        ("/protected", "", 401, Some(missing.as_str())),
        ("/api/testimonials", "", 200, None),
        ("/api/testimonials/3", "", 200, None),
        ("/api/testimonials/9", "", 404, None),
    ] {
        let (get, head) = (
            bar.bare("GET", path, bearer),
            bar.bare("HEAD", path, bearer),
        );
        for name in ["Content-Type", "Content-Length"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
        let case = format!("as GET, {status}");
        contract.cell(&route("HEAD", path), &case, &head, (status, "", expected));
    }
}

fn guessing(contract: &mut Contract, bar: &Bar) {
    let wrong = user("caleb").replace("best", "worst");
    for _ in 0..10 {
        assert_eq!(bar.post("/api/login", None, &wrong).status, 400);
    }
    for (case, body) in [
        ("an eleventh guess", wrong),
        ("the right one after ten guesses", user("caleb")),
    ] {
        let answer = bar.post("/api/login", None, &body);
        assert!(answer.header("Retry-After").is_some(), "{answer:?}");
        contract.cell("POST /api/login", case, &answer, (429, LIMITED, None));
    }
    bar.clock.advance(Duration::from_secs(15 * 60));
    let answer = bar.post("/api/login", None, &user("caleb"));
    contract.cell(
        "POST /api/login",
        "a quarter of an hour later",
        &answer,
        (200, PAIR, None),
    );
}

/// Time passes: the access token lapses, then the refresh token; and one that is used twice ends its session.
fn lapse(contract: &mut Contract, bar: &Bar) {
    let mut cell = |case: &str, answer, status, body, code| {
        let challenge = expected(code);
        contract.cell(
            "POST /api/refresh",
            case,
            &answer,
            (status, body, challenge.as_deref()),
        );
    };
    let [_, stolen] = bar.sign_in("caleb");
    let [_, next] = support::pair(&bar.refresh(&stolen));
    bar.clock.advance(Duration::from_secs(61));
    let code = "refresh_token_reused";
    cell(
        "used before, a minute ago",
        bar.refresh(&stolen),
        401,
        REVOKED,
        code,
    );
    cell(
        "the successor of one used twice",
        bar.refresh(&next),
        401,
        REVOKED,
        "session_ended",
    );
    let [access, refresh] = bar.sign_in("caleb");
    bar.clock.advance(Duration::from_secs(900));
    assert_eq!(bar.who(&access), (401, EXPIRED.to_owned()));
    let [_, refresh] = support::pair(&bar.refresh(&refresh));
    bar.clock.advance(Duration::from_secs(30 * 24 * 60 * 60));
    let code = "refresh_token_expired";
    cell(
        "not used for thirty days",
        bar.refresh(&refresh),
        401,
        EXPIRED,
        code,
    );
}

/// The table is gone from under the program: the log is told why, the caller only when to come again.
fn store_away(contract: &mut Contract, bar: &Bar, file: &std::path::Path) {
    let connection = rusqlite::Connection::open(file).expect("the file");
    connection
        .execute_batch("DROP TABLE testimonial")
        .expect("dropped");
    for path in ["/api/testimonials", "/api/testimonials/3"] {
        let answer = bar.get(path, None);
        assert_eq!(answer.header("Retry-After"), Some("1"));
        contract.cell(
            &route("GET", path),
            "the store is away",
            &answer,
            (503, AWAY, None),
        );
    }
}
