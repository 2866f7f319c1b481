//! What the text asks its reader to see: which token passes and which does not, and what is in one.

mod support;

use examples_common::testing::{
    Python, assert_kind, basic, challenge, changed, decoded, decoded_by_pyjwt, fastest, unsigned,
};
use keystile::Clock;
use serde_json::{Value, json};
use support::{BASIC, NOW, SECRET, Shop, folder, signed, token};

const HOUR: i64 = 60 * 60;
const UNAUTHORIZED: &str = r#"{"error":"Unauthorized"}"#;
const ASK_TOKEN: &str = r#"Bearer reason="token_missing""#;
const INVALID: &str = r#"{"error":"Token is invalid"}"#;
const EXPIRED: &str = r#"{"error":"Token has expired"}"#;

/// The secret, the token and the account that the text prints. The token expired on 2024-01-04 at 15:03:55 UTC.
const TEXT_SECRET: &str = "5325d132e0ddb67229a796ecaeaa5a17e44632304369d00be222170ec9006bcd";
const TEXT_TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJlbWFpbCI6InRlc3RAdXNlci5jb20iLCJleHAiOjE3MDQzODA2MzV9.JMUvA3toHf8R0mNz65bQZwUdMTrDkzInHwJ0B7eRdMs";
const TEXT_EXPIRY: i64 = 1_704_380_635;

#[test]
fn no_token_fails_the_token_works_one_changed_character_fails() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    let bearer = shop.bearer("test@user.com");
    assert_eq!(
        shop.get("/users", None).cell(),
        (401, UNAUTHORIZED, Some(ASK_TOKEN))
    );
    let me = r#"{"id":1,"email":"test@user.com"}"#;
    assert_eq!(shop.get("/users", Some(&bearer)).cell(), (200, me, None));
    for scheme in ["bearer", "BEARER", "bEaReR"] {
        let bearer = bearer.replace("Bearer", scheme);
        assert_eq!(
            shop.get("/users", Some(&bearer)).cell(),
            (200, me, None),
            "{scheme}"
        );
    }
    for part in [1, 2] {
        let answer = shop.get("/users", Some(&changed(&bearer, part)));
        let expected = challenge("token_signature_invalid");
        assert_eq!(
            answer.cell(),
            (401, INVALID, Some(expected.as_str())),
            "part {part}"
        );
    }
    let answer = shop.get("/users", Some(&changed(&bearer, 0)));
    assert_eq!((answer.status, answer.body.as_str()), (401, INVALID));
}

#[test]
fn a_token_for_another_program_or_another_secret_fails() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    let bearer = shop.bearer("test@user.com");
    shop.bearer("bob@user.com");
    let ours = decoded(&bearer, 1);
    assert_eq!(
        shop.get("/users", Some(&signed(SECRET, ours.clone())))
            .status,
        200
    );
    let with = |name: &str, value: Value| {
        let mut claims = ours.clone();
        claims[name] = value;
        claims
    };
    let exp = NOW.as_seconds() + HOUR;
    let original = json!({ "email": "test@user.com", "exp": exp });
    assert_eq!(
        shop.get("/users", Some(&signed(SECRET, original))).status,
        200
    );
    for (bearer, code) in [
        (
            signed(&SECRET.replace('a', "b"), ours.clone()),
            "token_key_unknown",
        ),
        (
            format!("Bearer {}", unsigned("JWT", &ours)),
            "token_algorithm_refused",
        ),
        (
            signed(SECRET, json!({ "sub": "1", "user": "ada", "exp": exp })),
            "token_claim_malformed",
        ),
        (
            signed(SECRET, with("email", json!(1))),
            "token_claim_malformed",
        ),
        // Its session is another's, ended, or of another file.
        (signed(SECRET, with("sub", json!("2"))), "token_revoked"),
        (signed(SECRET, with("sub", json!("x"))), "token_revoked"),
        (signed(SECRET, with("gen", json!(7))), "token_revoked"),
        (
            signed(
                SECRET,
                with("sid", json!("0190c8a0-0000-7000-8000-0123456789ab")),
            ),
            "token_revoked",
        ),
        (
            signed(
                SECRET,
                json!({ "sub": "1", "email": "test@user.com", "exp": exp }),
            ),
            "token_revoked",
        ),
        (
            signed(SECRET, json!({ "email": "TEST@user.com", "exp": exp })),
            "token_revoked",
        ),
        (
            signed(SECRET, json!({ "email": "nobody@user.com", "exp": exp })),
            "token_revoked",
        ),
        ("Bearer x".to_owned(), "token_malformed"),
    ] {
        for request in [
            ("GET", "/users"),
            ("POST", "/cupcakes"),
            ("DELETE", "/cupcakes/1"),
        ] {
            let answer = shop.send(examples_common::testing::Request {
                method: request.0,
                path: request.1,
                authorization: Some(&bearer),
                body: None,
            });
            let expected = challenge(code);
            assert_eq!(
                answer.cell(),
                (401, INVALID, Some(expected.as_str())),
                "{code} {request:?}"
            );
        }
    }
}

#[test]
fn where_the_file_was_replaced_number_one_is_somebody_else() {
    let (_folder, file) = folder();
    let bearer = Shop::open(&file, SECRET, NOW).bearer("test@user.com");
    let (_other_folder, other_file) = folder();
    let shop = Shop::open(&other_file, SECRET, NOW);
    shop.bearer("bob@user.com");
    let revoked = challenge("token_revoked");
    assert_eq!(
        shop.get("/users", Some(&bearer)).cell(),
        (401, INVALID, Some(revoked.as_str()))
    );
}

#[test]
fn each_sign_in_gives_another_token_that_lasts_a_day() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    shop.bearer("test@user.com");
    let sign_in = || token(&shop.get("/users/login", Some(BASIC)));
    let (one, other) = (sign_in(), sign_in());
    assert_ne!(one, other, "the clock stands still, and yet they differ");

    assert_eq!(one.split('.').count(), 3);
    let header = decoded(&one, 0);
    assert_eq!(
        (&header["alg"], &header["typ"]),
        (&json!("HS256"), &json!("JWT"))
    );
    let claims = decoded(&one, 1);
    let now = NOW.as_seconds();
    assert_eq!(claims["sub"], "1");
    assert_eq!(claims["email"], "test@user.com");
    assert_eq!(
        (&claims["iat"], &claims["exp"]),
        (&json!(now), &json!(now + 24 * HOUR))
    );
    assert_kind("cupcakes", &one);

    let bearer = format!("Bearer {one}");
    shop.clock
        .advance(std::time::Duration::from_secs(24 * 60 * 60 - 1));
    assert_eq!(shop.get("/users", Some(&bearer)).status, 200);
    shop.clock.advance(std::time::Duration::from_secs(1));
    let expected = challenge("token_expired");
    assert_eq!(
        shop.get("/users", Some(&bearer)).cell(),
        (401, EXPIRED, Some(expected.as_str()))
    );
}

#[test]
fn the_text_s_token_verifies_under_its_secret_while_it_lasted() {
    let (_folder, file) = folder();
    let shop = Shop::open(
        &file,
        TEXT_SECRET,
        keystile::Timestamp::from_seconds(TEXT_EXPIRY - HOUR),
    );
    let bearer = format!("Bearer {TEXT_TOKEN}");
    let revoked = challenge("token_revoked");
    assert_eq!(
        shop.get("/users", Some(&bearer)).cell(),
        (401, INVALID, Some(revoked.as_str())),
        "no such user yet"
    );
    shop.bearer("test@user.com");
    assert_eq!(
        shop.get("/users", Some(&bearer)).cell(),
        (200, r#"{"id":1,"email":"test@user.com"}"#, None)
    );
    let cupcake = shop.post(
        "/cupcakes",
        Some(&bearer),
        r#"{"flavor":"Lemon","instructions":"Bake it."}"#,
    );
    assert_eq!(cupcake.status, 201);
    shop.clock.set(Clock::system().now());
    let expired = challenge("token_expired");
    assert_eq!(
        shop.get("/users", Some(&bearer)).cell(),
        (401, EXPIRED, Some(expired.as_str()))
    );
}

#[test]
fn a_changed_secret_logs_everyone_out_and_loses_nothing_else() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    let bearer = shop.bearer("test@user.com");
    drop(shop);
    let shop = Shop::open(&file, SECRET, NOW);
    assert_eq!(
        shop.get("/users", Some(&bearer)).status,
        200,
        "a restart logs nobody out"
    );
    drop(shop);
    let shop = Shop::open(&file, &SECRET.replace('a', "b"), NOW);
    let expected = challenge("token_key_unknown");
    assert_eq!(
        shop.get("/users", Some(&bearer)).cell(),
        (401, INVALID, Some(expected.as_str()))
    );
    let bearer = format!("Bearer {}", token(&shop.get("/users/login", Some(BASIC))));
    assert_eq!(shop.get("/users", Some(&bearer)).status, 200);
}

#[test]
fn pyjwt_decodes_them() {
    let Some(python) = Python::found() else {
        return;
    };
    let (_folder, file) = folder();
    // PyJWT goes by the machine's clock.
    let shop = Shop::open(&file, SECRET, Clock::system().now());
    let bearer = shop.bearer("test@user.com");
    let claims = decoded_by_pyjwt(&python, bearer.trim_start_matches("Bearer "), SECRET);
    assert_eq!(
        (&claims["sub"], &claims["email"]),
        (&json!("1"), &json!("test@user.com"))
    );
}

#[test]
fn an_unknown_user_costs_the_work_of_a_wrong_password() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    shop.bearer("test@user.com");
    let [known, unknown] = ["test@user.com", "nobody@user.com"].map(|it| basic(it, "password124"));
    let ask = |credentials: &str| {
        assert_eq!(shop.get("/users/login", Some(credentials)).status, 401);
    };
    let [known, unknown] = fastest([&|| ask(&known), &|| ask(&unknown)]);
    assert!(unknown > known / 3, "known {known:?}, unknown {unknown:?}");
}
