//! Every cell of the contract's table, over real TCP: status, whole body, `WWW-Authenticate`. The table is printed.

#[path = "contract/rows.rs"]
mod rows;
#[path = "contract/sessions.rs"]
mod sessions;
mod support;

use std::path::Path;
use std::process::ExitCode;

use examples_common::testing::{
    Contract, Request, challenge, changed, decoded, send_bytes, tokens_of_the_others, unsigned,
};
use rows::{
    AWAY, BAD_HEADER, DELETIONS, FOLLOWS, GUARDED, INVALID, NOT_JSON, POSTS, Row, SIGN_IN, SIGN_UP,
    TOKENS, TOO_LONG,
};
use serde_json::json;
use sessions::{crowd, guessing, refresh, refresh_challenge, sign_out};
use support::{Blog, NOW, SECRET, credentials, folder, signed, tokens};

/// What the names in the rows stand for.
type People = Vec<(&'static str, String)>;

fn main() -> ExitCode {
    let mut contract = Contract::of("microblog");
    let (_folder, file) = folder();
    let blog = Blog::open(&file, SECRET, NOW);
    check(&mut contract, &blog, SIGN_UP, &Vec::new());
    check(&mut contract, &blog, SIGN_IN, &Vec::new());
    let people = people(&blog);
    tokens_that_do_not_hold(&mut contract, &blog, &people);
    check(&mut contract, &blog, POSTS, &people);
    check(&mut contract, &blog, FOLLOWS, &people);
    check(&mut contract, &blog, DELETIONS, &people);
    long_content(&mut contract, &blog, &people);
    bodies(&mut contract, &blog, &people);
    twice(&mut contract, &blog, &people);
    head(&mut contract, &blog, &people);
    refresh(&mut contract, &blog);
    sign_out(&mut contract, &blog);
    guessing(&mut contract, &blog);
    store_away(&mut contract, &blog, &file);
    drop(blog);
    crowd(&mut contract);
    contract.covers(include_str!("../README.md"));
    contract.finish()
}

fn people(blog: &Blog) -> People {
    let joey = blog.bearer("joey2go");
    let (now, later) = (NOW.as_seconds(), NOW.as_seconds() + 60);
    let mut whole = decoded(joey.trim_start_matches("Bearer "), 1);
    whole["exp"] = later.into();
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = whole.clone();
        claims[name] = value;
        signed(SECRET, claims)
    };
    let without = |name: &str| {
        let mut claims = whole.clone();
        claims.as_object_mut().expect("an object").remove(name);
        signed(SECRET, claims)
    };
    vec![
        ("LOUD", joey.replace("Bearer", "BEARER")),
        ("UNSCHEMED", joey.replace("Bearer ", "")),
        ("CHANGED", changed(&joey, 2)),
        ("UNSIGNED", format!("Bearer {}", unsigned("JWT", &whole))),
        ("FOREIGN", signed(&SECRET.replace('a', "b"), whole.clone())),
        ("OLD", with("exp", now.into())),
        ("INTEGER", with("sub", 1.into())),
        ("NAMELESS", without("username")),
        ("IDLESS", without("jti")),
        ("TIMELESS", without("iat")),
        ("SESSIONLESS", without("sid")),
        ("NOBODY", with("sub", "99".into())),
        (
            "ENDED",
            with("sid", "0190c8a0-0000-7000-8000-0123456789ab".into()),
        ),
        ("WHOLE", signed(SECRET, whole.clone())),
        ("MIRA", blog.bearer("mira")),
        (
            "SOL",
            tokens(&blog.post("/login", None, &credentials("sol", "eight888"))).0,
        ),
        ("JOEY", joey),
    ]
}

fn bearer<'p>(people: &'p People, name: &'p str) -> &'p str {
    let mut people = people.iter().filter(|(one, _)| *one == name);
    people.next().map_or(name, |(_, bearer)| bearer)
}

/// The route that a path belongs to, as the README writes it.
fn route(method: &str, path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = path.trim_end_matches('/');
    let known = [
        "/signup",
        "/login",
        "/refresh",
        "/logout",
        "/post",
        "/follow",
        "/timeline",
    ];
    match path {
        "/post" if method != "POST" && query.contains("postid") => {
            format!("{method} /post?postid=")
        }
        path if known.contains(&path) => format!("{method} {path}"),
        _ => format!("{method} /{{username}}"),
    }
}

/// The whole value of `WWW-Authenticate` for a code, or for a value that is written out.
fn expected_challenge(code: &str) -> Option<String> {
    match code {
        "" => None,
        whole if whole.starts_with("Bearer ") => Some(whole.to_owned()),
        "refresh_token_malformed" => Some(refresh_challenge(
            code,
            "this is not a refresh token; send the one that starts with ksr_",
        )),
        "refresh_token_unknown" => Some(refresh_challenge(
            code,
            "this refresh token is not known; sign in again",
        )),
        code => Some(challenge(code)),
    }
}

fn check(contract: &mut Contract, blog: &Blog, rows: &[Row], people: &People) {
    for &(case, method, path, authorization, json, status, body, code) in rows {
        let authorization = Some(bearer(people, authorization)).filter(|it| !it.is_empty());
        let answer = blog.send(Request {
            method,
            path,
            authorization,
            body: (method != "GET").then_some(("application/json", json.as_bytes())),
        });
        let challenge = expected_challenge(code);
        let expected = (status, body, challenge.as_deref());
        contract.cell(&route(method, path), case, &answer, expected);
    }
}

/// Each guarded route with each token that does not hold, and with those of the other examples under this secret.
fn tokens_that_do_not_hold(contract: &mut Contract, blog: &Blog, people: &People) {
    for &(method, path, json) in GUARDED {
        let route = route(method, path);
        for &(case, authorization, status, body, code) in TOKENS {
            let answer = blog.ask(method, path, bearer(people, authorization), json);
            let challenge = challenge(code);
            contract.cell(&route, case, &answer, (status, body, Some(&challenge)));
        }
        for (example, token) in tokens_of_the_others("microblog", SECRET, NOW) {
            let code = match example {
                "quickstart" => "token_type_wrong",
                _ => "token_claim_malformed",
            };
            let answer = blog.ask(method, path, &format!("Bearer {token}"), json);
            let case = format!("{example}: its token, under this secret");
            contract.cell(
                &route,
                &case,
                &answer,
                (401, INVALID, Some(&challenge(code))),
            );
        }
    }
    // They were refused for what they lack, and for nothing else.
    let answer = blog.get("/timeline", Some(bearer(people, "WHOLE")));
    let expected = (200, r#"{"status":200,"posts":[],"before":null}"#, None);
    contract.cell(
        "GET /timeline",
        "a token with all its claims",
        &answer,
        expected,
    );
}

fn long_content(contract: &mut Contract, blog: &Blog, people: &People) {
    let joey = bearer(people, "JOEY");
    let too_long = r#"{"status":400,"message":"Invalid POST body","detail":"content: use at most 1000 characters"}"#;
    let created = r#"{"status":200,"message":"Created post","postid":«id»}"#;
    for (case, length, expected) in [
        (
            "a thousand characters of four bytes",
            1_000,
            (200, created, None),
        ),
        ("one more", 1_001, (400, too_long, None)),
    ] {
        let body = json!({ "content": "🦀".repeat(length) }).to_string();
        let answer = blog.post("/post", Some(joey), &body);
        contract.cell("POST /post", case, &answer, expected);
    }
}

/// What comes as a body, and how.
fn bodies(contract: &mut Contract, blog: &Blog, people: &People) {
    let long = vec![b' '; 64 * 1024 + 1];
    for (method, path, words) in [
        ("POST", "/signup", "Invalid parameters"),
        ("POST", "/login", "Invalid POST body"),
        ("POST", "/refresh", "Invalid POST body"),
        ("POST", "/post", "Invalid POST body"),
        ("POST", "/follow", "Invalid POST body"),
        ("DELETE", "/follow", "Invalid DELETE body"),
    ] {
        let route = route(method, path);
        let authorization = Some(bearer(people, "JOEY"));
        for (case, content_type, body, status, expected) in [
            ("text", "text/plain", &b"{}"[..], 415, NOT_JSON),
            (
                "a form",
                "application/x-www-form-urlencoded",
                b"username=a",
                415,
                NOT_JSON,
            ),
            ("no content type", "", b"{}", 415, NOT_JSON),
            ("more than 64 KiB", "application/json", &long, 413, TOO_LONG),
        ] {
            let body = Some((content_type, body));
            let answer = blog.send(Request {
                method,
                path,
                authorization,
                body,
            });
            contract.cell(&route, case, &answer, (status, expected, None));
        }
        let broken = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Authorization: {}\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n",
            bearer(people, "JOEY")
        );
        let answer = send_bytes(blog.address, broken.as_bytes());
        let expected = format!(
            r#"{{"status":400,"message":"{words}","detail":"The body could not be read"}}"#
        );
        contract.cell(&route, "a broken transfer", &answer, (400, &expected, None));
    }
}

/// Two headers name two callers.
fn twice(contract: &mut Contract, blog: &Blog, people: &People) {
    let line = format!("Authorization: {}\r\n", bearer(people, "JOEY"));
    let head =
        format!("GET /timeline HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{line}{line}\r\n");
    let answer = send_bytes(blog.address, head.as_bytes());
    let ambiguous = challenge("credentials_ambiguous");
    contract.cell(
        "GET /timeline",
        "two headers",
        &answer,
        (400, BAD_HEADER, Some(&ambiguous)),
    );
}

/// `HEAD` answers as `GET` does, without the body.
fn head(contract: &mut Contract, blog: &Blog, people: &People) {
    let missing = challenge("token_missing");
    for (path, name, status, expected) in [
        ("/post?postid=2", "", 200, None),
        ("/post?postid=1", "", 404, None),
        ("/post", "", 400, None),
        ("/timeline", "MIRA", 200, None),
        ("/timeline", "", 401, Some(missing.as_str())),
        ("/mira", "", 200, None),
        ("/nobody", "", 404, None),
    ] {
        let ask = |method| blog.ask(method, path, bearer(people, name), "");
        let (get, head) = (ask("GET"), ask("HEAD"));
        for name in ["Content-Type", "Content-Length"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
        let case = format!("as GET, {status}");
        contract.cell(&route("HEAD", path), &case, &head, (status, "", expected));
    }
}

/// The table is gone from under the program: the log is told why, the caller only when to come again.
fn store_away(contract: &mut Contract, blog: &Blog, file: &Path) {
    let bearer = blog.bearer("joey2go");
    let connection = rusqlite::Connection::open(file).expect("the file");
    connection
        .execute_batch("PRAGMA foreign_keys = OFF; DROP TABLE post; DROP TABLE follow;")
        .expect("dropped");
    for (method, path, json) in [
        ("POST", "/post", r#"{"content":"x"}"#),
        ("GET", "/post?postid=2", ""),
        ("DELETE", "/post?postid=2", ""),
        ("POST", "/follow", r#"{"followee":2}"#),
        ("DELETE", "/follow", r#"{"followee":2}"#),
        ("GET", "/timeline", ""),
        ("GET", "/mira", ""),
    ] {
        let answer = blog.ask(method, path, &bearer, json);
        assert_eq!(answer.header("Retry-After"), Some("1"), "{answer:?}");
        let case = "the store is away";
        contract.cell(&route(method, path), case, &answer, (503, AWAY, None));
    }
}
