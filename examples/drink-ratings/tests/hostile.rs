//! No input gives a 500, another person's data or a session that was not earned; and every 401 says how to do better.

mod support;

use std::time::Duration;

use examples_common::testing::{Request, unsigned};
use serde_json::{Value, json};
use support::{Bar, NOW, PASSWORD, SECRET, folder, original, pair, signed};

const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE",
];

const PATHS: [&str; 16] = [
    "/",
    "/protected",
    "/protected?jwt=x",
    "/api/create_user",
    "/api/login//",
    "/api/login",
    "/api/refresh",
    "/api/refresh/x",
    "/api/logout",
    "/api/change_password",
    "/api/testimonials",
    "/api/testimonials/0",
    "/api/testimonials/9223372036854775808",
    "/api/testimonials/%00",
    "/api/testimonials/1%2F2",
    "/api/testimonials/1;DROP",
];

const BODIES: [(&str, &[u8]); 10] = [
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
        b"{\"name\":\"\\u0000\",\"testimonial\":\"\\u0000\"}",
    ),
    (
        "application/json",
        b"{\"username\":1e999,\"password\":true}",
    ),
    (
        "application/json",
        b"{\"current_password\":\"12345678\",\"new_password\":\"12345678\"}",
    ),
    ("application/json", b"\xff\xfe"),
    (
        "application/vnd.x+json",
        b"{\"username\":{},\"password\":[]}",
    ),
    ("é", b"{}"),
];

fn authorizations(bar: &Bar) -> Vec<String> {
    let [access, refresh] = bar.bearers("caleb");
    let claims = |more: Value| signed(SECRET, &original(more));
    let fixed = [
        "",
        " ",
        "Bearer",
        "Bearer a.b.c",
        "Bearer e30.e30.e30",
        "Bearer\ta",
        "Basic Og==",
        "é",
    ];
    let fixed = fixed.map(str::to_owned).into_iter();
    let made = [
        access,
        refresh,
        format!("Bearer {}", "a".repeat(16 * 1024 + 1)),
        format!("Bearer {}", ".".repeat(10_000)),
        format!("Bearer ksr_{}", "A".repeat(20_000)),
        claims(json!({ "exp": 9.3e18 })),
        claims(json!({ "exp": -1 })),
        claims(json!({ "iat": -9_007_199_254_740_992_i64 })),
        claims(json!({ "sub": "'; DROP TABLE account; --" })),
        claims(json!({ "sub": -1 })),
        claims(json!({ "sub": i64::MIN })),
        claims(json!({ "sub": "\u{0}" })),
        claims(json!({ "sub": null, "identity": "caleb" })),
        claims(json!({ "sub": null, "identity": { "username": "\u{0}" } })),
        claims(json!({ "sub": null, "identity": { "username": "caleb@example.org" } })),
        claims(json!({ "sub": "", "identity": { "username": ["caleb"] } })),
        claims(json!({ "type": "refresh", "jti": "x".repeat(9_000) })),
        claims(json!({ "type": "refresh", "exp": 9_007_199_254_740_991_i64 })),
        claims(json!({ "type": ["access"] })),
        claims(json!({ "fresh": "yes", "jti": "fresh" })),
        claims(json!({ "sid": "s", "gen": 0 })),
        claims(json!({ "sid": 7 })),
    ];
    fixed.chain(made).collect()
}

#[test]
fn no_input_gives_a_500() {
    let (_folder, file) = folder();
    let bar = Bar::open(&file, SECRET, NOW);
    let mut refused = 0;
    for authorization in authorizations(&bar) {
        for method in METHODS {
            for path in PATHS {
                let bodies = if method == "POST" {
                    &BODIES[..]
                } else {
                    &BODIES[..1]
                };
                for &body in bodies {
                    let request = Request {
                        method,
                        path,
                        authorization: Some(authorization.as_str()).filter(|it| !it.is_empty()),
                        body: Some(body),
                    };
                    refused += u32::from(answered(&bar, request));
                }
            }
        }
    }
    assert!(
        refused > 500,
        "only {refused} requests were refused with 401"
    );
}

/// Sends it; whether it was refused with 401.
fn answered(bar: &Bar, request: Request<'_>) -> bool {
    let answer = bar.send(request);
    assert!(answer.status < 500, "{request:?} {answer:?}");
    assert!(
        !answer.body.contains("12345678"),
        "a password comes back: {request:?} {answer:?}"
    );
    if answer.status == 401 {
        assert!(
            answer.header("WWW-Authenticate").is_some(),
            "{request:?} {answer:?}"
        );
    }
    // Hyper itself answers to a header that is no HTTP, without a body.
    if answer.status >= 400 && request.method != "HEAD" && !answer.body.is_empty() {
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        let members = body.as_object().map(serde_json::Map::len);
        assert_eq!(members, Some(1), "{request:?} {answer:?}");
    }
    answer.status == 401
}

/// Tokens that another program under the same secret makes, as the other examples' claims are.
#[test]
fn another_example_s_token_is_refused_under_the_same_secret() {
    let (_folder, file) = folder();
    let bar = Bar::open(&file, SECRET, NOW);
    bar.sign_up("caleb");
    let (iat, exp) = (NOW.as_seconds(), NOW.as_seconds() + 900);
    for claims in [
        json!({ "sub": "1", "email": "caleb@example.org", "iat": iat, "exp": exp, "jti": "a", "sid": "s", "gen": 0 }),
        json!({ "sub": "1", "iat": iat, "exp": exp, "jti": "a", "sid": "s", "gen": 0 }),
        json!({ "sub": "caleb", "user": "caleb", "iat": iat, "exp": exp, "jti": "a" }),
        json!({ "sub": "1", "admin": true, "iat": iat, "exp": exp, "jti": "a", "sid": "s", "gen": 0 }),
        json!({ "sub": "1", "type": "Access", "iat": iat, "exp": exp, "jti": "a" }),
        json!({ "sub": "1", "type": true, "iat": iat, "exp": exp, "jti": "a" }),
    ] {
        for secret in [SECRET, "another secret of the tests, 32 bytes or more"] {
            let token = signed(secret, &claims);
            assert_eq!(bar.who(&token).0, 422, "{claims}");
            assert_eq!(bar.refresh(&token).status, 422, "{claims}");
        }
        let unsigned = format!("Bearer {}", unsigned("JWT", &claims));
        assert_eq!(
            (bar.who(&unsigned).0, bar.refresh(&unsigned).status),
            (422, 422)
        );
    }
}

/// A refresh token of the original's, once used by one, is used for all; and none comes from what is none.
#[test]
fn one_exchange_for_one_id_whoever_it_names() {
    let (_folder, file) = folder();
    let bar = Bar::open(&file, SECRET, NOW);
    for name in ["caleb", "ada"] {
        bar.sign_up(name);
    }
    let refresh = |more: Value| {
        let mut claims = original(json!({ "type": "refresh" }));
        for (name, value) in more.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        bar.refresh(&signed(SECRET, &claims))
    };
    assert_eq!(refresh(json!({})).status, 200);
    for same_id in [
        json!({}),
        json!({ "sub": "2" }),
        json!({ "exp": NOW.as_seconds() + 9_000 }),
    ] {
        let answer = refresh(same_id);
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (401, r#"{"msg":"Token has been revoked"}"#)
        );
    }
    let ours = [
        json!({ "jti": "a", "sid": "s" }),
        json!({ "jti": "a", "gen": 0 }),
    ];
    for claims in ours {
        assert_eq!(
            refresh(claims).status,
            401,
            "a session is not what they open"
        );
    }
    let early = json!({ "jti": "a", "iat": NOW.as_seconds() - 1 });
    assert_eq!(refresh(early).status, 401, "older than the account");
    assert_eq!(
        refresh(json!({ "jti": "a" })).status,
        200,
        "no refusal used it up"
    );
}

/// Whatever ends all sessions of an account ends what the original gave out for it.
#[test]
fn a_changed_password_ends_the_original_s_tokens_too() {
    let (_folder, file) = folder();
    let bar = Bar::open(&file, SECRET, NOW);
    let [access, _] = bar.bearers("caleb");
    let theirs = signed(
        SECRET,
        &original(json!({ "exp": NOW.as_seconds() + 604_800 })),
    );
    let refresh = signed(
        SECRET,
        &original(json!({ "type": "refresh", "exp": NOW.as_seconds() + 604_800 })),
    );
    assert_eq!(bar.who(&theirs).0, 200);
    let body = json!({ "current_password": PASSWORD, "new_password": "betterpass123" });
    bar.clock.advance(Duration::from_secs(1));
    let [access, _] = pair(&bar.post("/api/change_password", Some(&access), &body.to_string()));
    assert_eq!(bar.who(&access).0, 200);
    for day in 0..7 {
        assert_eq!(bar.who(&theirs).0, 401, "day {day}");
        assert_eq!(bar.refresh(&refresh).status, 401, "day {day}");
        bar.clock.advance(Duration::from_secs(86_399));
    }
}

/// The file was replaced and the secret was not: whoever is number 1 now is not who was.
#[test]
fn a_token_of_another_file_under_the_same_secret_is_nobody_s() {
    let (_folder, file) = folder();
    let bar = Bar::open(&file, SECRET, NOW);
    let [access, refresh] = bar.bearers("caleb");
    drop(bar);
    let (_folder, file) = folder();
    let bar = Bar::open(&file, SECRET, NOW);
    assert_eq!(bar.sign_up("eve").body, r#"{"id":1,"username":"eve"}"#);
    let revoked = r#"{"msg":"Token has been revoked"}"#.to_owned();
    assert_eq!(bar.who(&access), (401, revoked.clone()));
    let change = json!({ "current_password": PASSWORD, "new_password": "betterpass123" });
    let answer = bar.post("/api/change_password", Some(&access), &change.to_string());
    assert_eq!((answer.status, answer.body), (401, revoked));
    assert_eq!(bar.logout(&access).status, 401);
    assert_eq!(bar.refresh(&refresh).status, 422);
    bar.sign_in("eve");
}
