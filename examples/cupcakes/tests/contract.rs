//! Every cell of the contract's table, over real TCP: status, whole body, `WWW-Authenticate`. The table is printed.

mod rows;
mod support;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use examples_common::testing::{
    Contract, Request, basic, challenge, changed, last_of_a_crowd, send_bytes,
    tokens_of_the_others, unsigned,
};
use keystile_accounts::NewAccount;
use rows::{
    AWAY, BUSY, CUPCAKES, GUARDED, INVALID, LIMITED, NOT_JSON, Row, SIGN_UP, TOKEN, TOKENS,
    TOO_LONG, UNAUTHORIZED, UNREADABLE, USERS,
};
use serde_json::json;
use support::{BASIC, NOW, SECRET, Shop, folder, import, signed};

/// What the names in the rows stand for.
type People = Vec<(&'static str, String)>;

fn main() -> ExitCode {
    let mut contract = Contract::of("cupcakes");
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    check(&mut contract, &shop, SIGN_UP, &Vec::new());
    let people = people(&shop);
    check(&mut contract, &shop, USERS, &people);
    tokens_that_do_not_hold(&mut contract, &shop, &people);
    check(&mut contract, &shop, CUPCAKES, &people);
    bodies(&mut contract, &shop, &people);
    twice(&mut contract, &shop, &people);
    head(&mut contract, &shop, &people);
    guessing(&mut contract, &shop);
    store_away(&mut contract, &shop, &file);
    drop(shop);
    crowd(&mut contract);
    contract.covers(include_str!("../README.md"));
    contract.finish()
}

fn people(shop: &Shop) -> People {
    let (ada, bob) = (shop.bearer("test@user.com"), shop.bearer("bob@user.com"));
    let (now, later) = (NOW.as_seconds(), NOW.as_seconds() + 60);
    let claims = |sub: &str, exp: i64| json!({ "sub": sub, "email": "test@user.com", "exp": exp });
    vec![
        ("BASIC", BASIC.to_owned()),
        ("LOUD", ada.replace("Bearer", "BEARER")),
        ("CHANGED", changed(&ada, 2)),
        (
            "FOREIGN",
            signed(&SECRET.replace('a', "b"), claims("1", later)),
        ),
        (
            "ANOTHERS",
            signed(SECRET, json!({ "sub": "1", "user": "ada", "exp": later })),
        ),
        ("NOBODY", signed(SECRET, claims("9", later))),
        ("OLD", signed(SECRET, claims("1", now))),
        (
            "UNSIGNED",
            format!("Bearer {}", unsigned("JWT", &claims("1", later))),
        ),
        ("ADA", ada),
        ("BOB", bob),
    ]
}

fn bearer<'p>(people: &'p People, name: &str) -> Option<&'p str> {
    let mut people = people.iter().filter(|(one, _)| *one == name);
    people.next().map(|(_, bearer)| bearer.as_str())
}

/// The route that a path belongs to, as the README writes it.
fn route(method: &str, path: &str) -> String {
    let path = path.split('?').next().unwrap_or(path).trim_end_matches('/');
    let path = match path.strip_prefix("/cupcakes/") {
        Some(_) => "/cupcakes/{id}",
        None => path,
    };
    format!("{method} {path}")
}

fn check(contract: &mut Contract, shop: &Shop, rows: &[Row], people: &People) {
    for &(case, method, path, authorization, json, status, body, code) in rows {
        let authorization = bearer(people, authorization).unwrap_or(authorization);
        let answer = shop.send(Request {
            method,
            path,
            authorization: Some(authorization).filter(|it| !it.is_empty()),
            body: (method == "POST").then_some(("application/json", json.as_bytes())),
        });
        let expected = match code {
            "" => None,
            "Basic" => Some("Basic".to_owned()),
            code => Some(challenge(code)),
        };
        let expected = (status, body, expected.as_deref());
        contract.cell(&route(method, path), case, &answer, expected);
    }
}

/// Each guarded route with each token that does not hold, and with those of the other examples under this secret.
fn tokens_that_do_not_hold(contract: &mut Contract, shop: &Shop, people: &People) {
    for &(method, path, json) in GUARDED {
        let mut cell = |case: &str, authorization: &str, expected: (u16, &str), code| {
            let answer = shop.send(Request {
                method,
                path,
                authorization: Some(authorization).filter(|it| !it.is_empty()),
                body: (method == "POST").then_some(("application/json", json.as_bytes())),
            });
            let (challenge, (status, body)) = (challenge(code), expected);
            let expected = (status, body, Some(challenge.as_str()));
            contract.cell(&route(method, path), case, &answer, expected);
        };
        for &(case, name, status, body, code) in TOKENS {
            let authorization = bearer(people, name).unwrap_or(name);
            cell(case, authorization, (status, body), code);
        }
        for (example, token) in tokens_of_the_others("cupcakes", SECRET, NOW) {
            let code = match example {
                "quickstart" => "token_type_wrong",
                _ => "token_claim_malformed",
            };
            let case = format!("{example}: its token, under this secret");
            cell(&case, &format!("Bearer {token}"), (401, INVALID), code);
        }
    }
}

/// More sign-ins at once than can be checked in five seconds. Each is another's, so that no limit on guessing counts.
fn crowd(contract: &mut Contract) {
    let (_folder, file) = folder();
    // About a quarter of a second each.
    let hash = bcrypt::hash("password123", 12).expect("bcrypt");
    let name = |number: usize| format!("user{number}@user.com");
    import(
        &file,
        (0..120).map(|number| NewAccount::with_email(name(number)).password_hash(&hash)),
    );
    let shop = Shop::open(&file, SECRET, NOW);
    let wrong: Vec<String> = (0..120)
        .map(|number| basic(&name(number), "password124"))
        .collect();
    assert_eq!(
        shop.get("/users/login", Some(&wrong[0])).status,
        401,
        "now it is known how long one takes"
    );
    let requests = wrong.iter().map(|wrong| Request {
        method: "GET",
        path: "/users/login",
        authorization: Some(wrong),
        body: None,
    });
    let answer = last_of_a_crowd(shop.address, &requests.collect::<Vec<_>>());
    assert!(answer.header("Retry-After").is_some(), "{answer:?}");
    contract.cell(
        "GET /users/login",
        "more than can be served soon",
        &answer,
        (503, BUSY, None),
    );
}

/// What comes as a body, and how.
fn bodies(contract: &mut Contract, shop: &Shop, people: &People) {
    let long = vec![b' '; 64 * 1024 + 1];
    for path in ["/users", "/cupcakes"] {
        let route = format!("POST {path}");
        let authorization = bearer(people, "ADA").filter(|_| path == "/cupcakes");
        for (case, content_type, body, status, expected) in [
            ("text", "text/plain", &b"{}"[..], 415, NOT_JSON),
            (
                "a form",
                "application/x-www-form-urlencoded",
                b"email=a",
                415,
                NOT_JSON,
            ),
            ("no content type", "", b"{}", 415, NOT_JSON),
            ("more than 64 KiB", "application/json", &long, 413, TOO_LONG),
        ] {
            let body = Some((content_type, body));
            let request = Request {
                method: "POST",
                path,
                authorization,
                body,
            };
            contract.cell(&route, case, &shop.send(request), (status, expected, None));
        }
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nAuthorization: {}\r\n",
            bearer(people, "ADA").unwrap_or_default()
        );
        let broken = format!("{head}Transfer-Encoding: chunked\r\n\r\nno length\r\n");
        let answer = send_bytes(shop.address, broken.as_bytes());
        contract.cell(
            &route,
            "a broken transfer",
            &answer,
            (400, UNREADABLE, None),
        );
    }
}

/// Two headers name two callers.
fn twice(contract: &mut Contract, shop: &Shop, people: &People) {
    let send = |path: &str, name: &str| {
        let line = format!(
            "Authorization: {}\r\n",
            bearer(people, name).unwrap_or_default()
        );
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{line}{line}\r\n");
        send_bytes(shop.address, head.as_bytes())
    };
    let (tokens, passwords) = (send("/users", "ADA"), send("/users/login", "BASIC"));
    let ambiguous = challenge("credentials_ambiguous");
    contract.cell(
        "GET /users",
        "two headers",
        &tokens,
        (400, INVALID, Some(&ambiguous)),
    );
    contract.cell(
        "GET /users/login",
        "two headers",
        &passwords,
        (401, UNAUTHORIZED, Some("Basic")),
    );
}

/// `HEAD` answers as `GET` does, without the body.
fn head(contract: &mut Contract, shop: &Shop, people: &People) {
    let ada = bearer(people, "ADA");
    shop.post(
        "/cupcakes",
        ada,
        r#"{"flavor":"Lemon","instructions":"Bake it."}"#,
    );
    let missing = challenge("token_missing");
    for (path, authorization, status, expected) in [
        ("/users", ada, 200, None),
        ("/users", None, 401, Some(missing.as_str())),
        ("/users/login", None, 401, Some("Basic")),
        ("/cupcakes", None, 200, None),
        ("/cupcakes/3", None, 200, None),
        ("/cupcakes/4", None, 404, None),
    ] {
        let ask = |method| {
            shop.send(Request {
                method,
                path,
                authorization,
                body: None,
            })
        };
        let (get, head) = (ask("GET"), ask("HEAD"));
        for name in ["Content-Type", "Content-Length"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
        let case = format!("as GET, {status}");
        contract.cell(&route("HEAD", path), &case, &head, (status, "", expected));
    }
}

fn guessing(contract: &mut Contract, shop: &Shop) {
    let (wrong, right) = (
        basic("bob@user.com", "password124"),
        basic("bob@user.com", "password123"),
    );
    for _ in 0..10 {
        assert_eq!(shop.get("/users/login", Some(&wrong)).status, 401);
    }
    for (case, credentials) in [
        ("an eleventh guess", &wrong),
        ("the right one after ten guesses", &right),
    ] {
        let answer = shop.get("/users/login", Some(credentials));
        assert!(answer.header("Retry-After").is_some(), "{answer:?}");
        contract.cell("GET /users/login", case, &answer, (429, LIMITED, None));
    }
    shop.clock.advance(Duration::from_secs(15 * 60));
    let answer = shop.get("/users/login", Some(&right));
    contract.cell(
        "GET /users/login",
        "a quarter of an hour later",
        &answer,
        (200, TOKEN, None),
    );
}

/// The table is gone from under the program: the log is told why, the caller only when to come again.
fn store_away(contract: &mut Contract, shop: &Shop, file: &Path) {
    let connection = rusqlite::Connection::open(file).expect("the file");
    connection
        .execute_batch("DROP TABLE cupcake")
        .expect("dropped");
    let bob = shop.bearer("bob@user.com");
    for (method, path) in [
        ("GET", "/cupcakes"),
        ("GET", "/cupcakes/1"),
        ("POST", "/cupcakes"),
        ("DELETE", "/cupcakes/1"),
    ] {
        let json = br#"{"flavor":"Lemon","instructions":"Bake it."}"#;
        let answer = shop.send(Request {
            method,
            path,
            authorization: Some(&bob),
            body: (method == "POST").then_some(("application/json", json)),
        });
        assert_eq!(answer.header("Retry-After"), Some("1"));
        contract.cell(
            &route(method, path),
            "the store is away",
            &answer,
            (503, AWAY, None),
        );
    }
}
