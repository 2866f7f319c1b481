//! No input gives a 500, and every 401 says how to do better.

mod support;

use std::fmt::Write as _;

use examples_common::testing::{Program, Request, basic};
use support::{BASIC, KEY, NOW, SECRET, Shop, folder, token};

const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE",
];

const PATHS: [&str; 17] = [
    "/",
    "/users",
    "/users//",
    "/users/login",
    "/users/login/x",
    "/cupcakes",
    "/cupcakes/",
    "/cupcakes?flavor=%00",
    "/cupcakes?flavor=%ff",
    "/cupcakes?flavor[]=a",
    "/cupcakes?flavor=%F0%9F%A7%81&x",
    "/cupcakes/0",
    "/cupcakes/9223372036854775807",
    "/cupcakes/9223372036854775808",
    "/cupcakes/%00",
    "/cupcakes/1%2F2",
    "/cupcakes/1;DROP",
];

const AUTHORIZATIONS: [&str; 12] = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer a.b.c",
    "Bearer ..",
    "Bearer e30.e30.e30",
    "Bearer a b",
    "Bearer\ta",
    "Token abc",
    "Basic Og==",
    "Basic /////w==",
    "Digest x=y",
];

const BODIES: [(&str, &[u8]); 12] = [
    ("application/json", b""),
    ("application/json", b"null"),
    (
        "application/json",
        b"{\"email\":\"\\ud800\",\"password\":\"12345678\"}",
    ),
    (
        "application/json",
        b"{\"email\":\"a\\u0000@b.c\",\"password\":\"short\"}",
    ),
    (
        "application/json",
        b"{\"flavor\":\"\\u0000\",\"instructions\":\"\\u0000\"}",
    ),
    ("application/json", b"{\"email\":1e999,\"password\":true}"),
    ("application/json", b"\xff\xfe"),
    ("application/json; charset=utf-16", b"{}"),
    ("application/vnd.x+json", b"{\"email\":{},\"password\":[]}"),
    ("text/html", b"<p>"),
    ("multipart/form-data; boundary=x", b"--x--"),
    ("é", b"{}"),
];

#[test]
fn no_input_gives_a_500() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    let bearer = shop.bearer("test@user.com");
    let authorizations = AUTHORIZATIONS.iter().copied().chain([bearer.as_str()]);
    let mut refused = 0;
    for authorization in authorizations {
        for method in METHODS {
            for path in PATHS {
                let bodies = if method == "POST" {
                    &BODIES[..]
                } else {
                    &BODIES[..1]
                };
                for &body in bodies {
                    let authorization = Some(authorization).filter(|it| !it.is_empty());
                    let request = Request {
                        method,
                        path,
                        authorization,
                        body: Some(body),
                    };
                    let answer = shop.send(request);
                    assert!(answer.status < 500, "{request:?} {answer:?}");
                    assert!(
                        !answer.body.contains("12345678"),
                        "the password comes back: {request:?} {answer:?}"
                    );
                    if answer.status == 401 {
                        refused += 1;
                        assert!(
                            answer.header("WWW-Authenticate").is_some(),
                            "{request:?} {answer:?}"
                        );
                    }
                    if answer.status >= 400 && method != "HEAD" {
                        let body: serde_json::Value =
                            serde_json::from_str(&answer.body).expect("JSON");
                        assert_eq!(
                            body.as_object().map(serde_json::Map::len),
                            Some(1),
                            "{request:?} {answer:?}"
                        );
                    }
                }
            }
        }
    }
    assert!(
        refused > 500,
        "only {refused} requests were refused with 401"
    );
}

#[test]
fn no_password_and_no_token_is_printed_or_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let environment = [("TOKEN_SECRET", SECRET), ("ENCRYPTION_KEY", KEY)];
    let program = Program::start(
        env!("CARGO_BIN_EXE_cupcakes"),
        folder.path(),
        &[],
        &environment,
    );
    let sign_up = r#"{"email":"test@user.com","password":"password123"}"#;
    let mut answered = program.post("/users", None, sign_up).body;
    let bearer = format!(
        "Bearer {}",
        token(&program.get("/users/login", Some(BASIC)))
    );
    let guess = basic("test@user.com", "a-wrong-guess");
    for body in [
        sign_up,
        r#"{"email":"a","password":"password123"}"#,
        r#"{"email":1,"password":"password123"}"#,
        r#"["password123""#,
    ] {
        answered += &program.post("/users", None, body).body;
        answered += &program.post("/cupcakes", Some(&bearer), body).body;
    }
    for authorization in [&guess, &bearer, &format!("{bearer}x")] {
        for path in ["/users", "/users/login", "/cupcakes", "/cupcakes/1", "/no"] {
            let answer = program.get(path, Some(authorization));
            let _ = write!(answered, "{:?}{}", answer.headers, answer.body);
        }
    }
    let (well, printed) = program.stop();
    assert!(well, "{printed}");
    for secret in [
        "password123",
        "a-wrong-guess",
        &guess[6..],
        &BASIC[6..],
        &bearer[7..],
        SECRET,
        KEY,
    ] {
        assert!(!answered.contains(secret), "{secret} in {answered}");
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}
