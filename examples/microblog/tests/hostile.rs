//! No input gives a 500, every 401 says how to do better, and no secret comes back.

mod support;

use std::fmt::Write as _;

use examples_common::testing::{Program, Request};
use support::{Blog, NOW, SECRET, credentials, folder, tokens};

const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE",
];

const PATHS: [&str; 22] = [
    "/",
    "//",
    "/signup",
    "/login/",
    "/refresh",
    "/post",
    "/post?postid=1",
    "/post?postid=",
    "/post?postid=%00",
    "/post?postid[]=1",
    "/post?postid=-9223372036854775808",
    "/post?postid=9223372036854775808",
    "/follow",
    "/timeline?before=-1&limit=100",
    "/timeline?before=1e3",
    "/timeline?limit=4294967296",
    "/timeline?%ff=%ff",
    "/joey2go?limit=x",
    "/%",
    "/..%2f..%2fetc",
    "/joey2go'%20OR%201=1--",
    "/%F0%9F%A7%81",
];

const AUTHORIZATIONS: [&str; 9] = [
    "",
    "Bearer",
    "Bearer a.b.c",
    "Bearer ..",
    "Bearer e30.e30.e30",
    "Bearer a b",
    "Bearer\ta",
    "Basic Og==",
    "Digest x=y",
];

const BODIES: [(&str, &[u8]); 13] = [
    ("application/json", b""),
    ("application/json", b"null"),
    (
        "application/json",
        b"{\"username\":\"\\ud800\",\"password\":\"12345678\"}",
    ),
    (
        "application/json",
        b"{\"username\":\"a\\u0000\",\"password\":\"12345678\"}",
    ),
    (
        "application/json",
        b"{\"username\":1e999,\"password\":true}",
    ),
    ("application/json", b"{\"content\":\"\\u0000\"}"),
    ("application/json", b"{\"followee\":9223372036854775807}"),
    ("application/json", b"{\"followee\":18446744073709551615}"),
    ("application/json", b"{\"refresh_token\":\"ksr_\\u0000\"}"),
    ("application/json", b"\xff\xfe"),
    (
        "application/vnd.x+json",
        b"{\"username\":{},\"content\":[]}",
    ),
    ("multipart/form-data; boundary=x", b"--x--"),
    ("é", b"{}"),
];

#[test]
fn no_input_gives_a_500() {
    let (_folder, file) = folder();
    let blog = Blog::open(&file, SECRET, NOW);
    let bearer = blog.bearer("joey2go");
    let authorizations = AUTHORIZATIONS.iter().copied().chain([bearer.as_str()]);
    let mut refused = 0;
    for authorization in authorizations {
        for method in METHODS {
            for path in PATHS {
                let writes = method == "POST" || method == "DELETE";
                let bodies = if writes { &BODIES[..] } else { &BODIES[..1] };
                for &body in bodies {
                    let authorization = Some(authorization).filter(|it| !it.is_empty());
                    let request = Request {
                        method,
                        path,
                        authorization,
                        body: Some(body),
                    };
                    refused += usize::from(try_one(&blog, request));
                }
            }
        }
    }
    assert!(refused > 500, "only {refused} requests were refused");
}

/// Whether it was refused with 401.
fn try_one(blog: &Blog, request: Request<'_>) -> bool {
    let answer = blog.send(request);
    assert!(answer.status < 500, "{request:?} {answer:?}");
    let repeats = answer.body.contains("12345678");
    assert!(!repeats, "the password comes back: {request:?} {answer:?}");
    let challenged = answer.header("WWW-Authenticate").is_some();
    assert!(challenged || answer.status != 401, "{request:?} {answer:?}");
    if request.method != "HEAD" {
        let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(body["status"], answer.status, "{request:?} {answer:?}");
    }
    answer.status == 401
}

#[test]
fn no_password_and_no_token_is_printed_or_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let environment = [("JWT_SIGNING_KEY", SECRET)];
    let program = env!("CARGO_BIN_EXE_microblog");
    let program = Program::start(program, folder.path(), &[], &environment);
    let right = credentials("joey2go", "bestpass123");
    let guess = credentials("joey2go", "a-wrong-guess");
    let mut answered = program.post("/signup", None, &right).body;
    let (bearer, refresh_token) = tokens(&program.post("/login", None, &right));
    let exchange = format!(r#"{{"refresh_token":"{refresh_token}x"}}"#);
    for body in [&right, &guess, &exchange, &"[\"bestpass123\"".to_owned()] {
        for path in ["/signup", "/post", "/follow", "/refresh"] {
            answered += &program.post(path, Some(&bearer), body).body;
        }
    }
    answered += &program.post("/login", None, &guess).body;
    for authorization in [&bearer, &format!("{bearer}x")] {
        for path in ["/timeline", "/joey2go", "/login", "/no/where"] {
            let answer = program.get(path, Some(authorization));
            let _ = write!(answered, "{:?}{}", answer.headers, answer.body);
        }
    }
    let (well, printed) = program.stop();
    assert!(well, "{printed}");
    for secret in [
        "bestpass123",
        "a-wrong-guess",
        &refresh_token,
        &bearer[7..],
        SECRET,
    ] {
        assert!(!answered.contains(secret), "{secret} in {answered}");
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}
