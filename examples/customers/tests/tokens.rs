//! What is in a token, which tokens pass, and how soon a change of roles is felt.

mod support;

use std::time::Duration;

use examples_common::testing::{
    Python, Request, Served, basic, challenge, decoded, decoded_by_pyjwt, unsigned,
};
use keystile::{Claims, Guard, Random, SigningKey};
use serde_json::{Value, json};
use support::{NOW, SECRET, Shop, folder, sign_in, signed, token};

const HOUR: i64 = 60 * 60;
const INVALID: &str = r#"{"message":"Invalid Token"}"#;

fn names(claims: &Value) -> Vec<&str> {
    let claims = claims.as_object().expect("an object");
    let mut names: Vec<&str> = claims.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_token_says_who_until_when_and_whether_an_administrator() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    shop.sign_up("ada");
    let (one, other) = (
        token(&sign_in(shop.address, "ada")),
        token(&sign_in(shop.address, "ada")),
    );
    assert_ne!(one, other, "the clock stands still, and yet they differ");
    let header = decoded(&one, 0);
    assert_eq!(
        (&header["alg"], &header["typ"]),
        (&json!("HS256"), &json!("JWT"))
    );
    let claims = decoded(&one, 1);
    assert_eq!(
        names(&claims),
        ["admin", "exp", "gen", "iat", "jti", "sid", "sub"]
    );
    let now = NOW.as_seconds();
    assert_eq!(
        (&claims["sub"], &claims["admin"]),
        (&json!("1"), &json!(false))
    );
    assert_eq!(
        (&claims["iat"], &claims["exp"]),
        (&json!(now), &json!(now + HOUR))
    );
    let administrator = shop.make_admin(&file, "ada");
    assert_eq!(
        decoded(administrator.trim_start_matches("Bearer "), 1)["admin"],
        true
    );

    let bearer = format!("Bearer {}", token(&sign_in(shop.address, "ada")));
    shop.clock
        .advance(Duration::from_secs(HOUR.unsigned_abs() - 1));
    assert_eq!(shop.get("/customers/1", Some(&bearer)).status, 200);
    shop.clock.advance(Duration::from_secs(1));
    let expired = challenge("token_expired");
    let expected = (
        401,
        r#"{"message":"Token has expired"}"#,
        Some(expired.as_str()),
    );
    assert_eq!(shop.get("/customers/1", Some(&bearer)).cell(), expected);
}

#[test]
fn pyjwt_decodes_them() {
    let Some(python) = Python::found() else {
        return;
    };
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, keystile::Clock::system().now());
    shop.sign_up("ada");
    let claims = decoded_by_pyjwt(&python, &token(&sign_in(shop.address, "ada")), SECRET);
    assert_eq!(
        (&claims["sub"], &claims["admin"]),
        (&json!("1"), &json!(false))
    );
}

#[test]
fn what_this_program_did_not_sign_is_refused() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    shop.sign_up("ada");
    let bearer = shop.bearer("ada");
    let claims = decoded(bearer.trim_start_matches("Bearer "), 1);
    let changed = |member: &str, value: Value| {
        let mut claims = claims.clone();
        claims[member] = value;
        claims
    };
    let without = |member: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().expect("an object").remove(member);
        claims
    };
    assert_eq!(
        shop.get("/customers/1", Some(&signed(SECRET, &claims)))
            .status,
        200
    );
    let forged = unsigned("JWT", &changed("admin", json!(true)));
    // The text's own shape: a number as the subject, no session to end.
    let mut text = json!({ "exp": NOW.as_seconds() + HOUR, "iat": NOW.as_seconds(), "sub": "1" });
    let role = json!({ "exp": NOW.as_seconds() + HOUR, "sub": "1", "admin": true });
    let key = SigningKey::hs256(SECRET).expect("a key");
    let number =
        Claims::new("", NOW.as_seconds() + HOUR).with_extra(json!({ "sub": 1, "admin": true }));
    let number = format!("Bearer {}", key.issue_as("JWT", &number).expect("a token"));
    let access = json!({ "admin": true, "sid": "x", "gen": 0 });
    let access = Claims::new("1", NOW.as_seconds() + HOUR).with_extra(access);
    let access = key.issue(&access).expect("a token");
    text["admin"] = json!("yes");
    for (bearer, code) in [
        (
            signed(&SECRET.replace('a', "b"), &claims),
            "token_key_unknown",
        ),
        (format!("Bearer {forged}"), "token_algorithm_refused"),
        (signed(SECRET, &without("admin")), "token_claim_malformed"),
        (
            signed(SECRET, &changed("admin", json!("true"))),
            "token_claim_malformed",
        ),
        (
            signed(SECRET, &changed("admin", json!(1))),
            "token_claim_malformed",
        ),
        (
            signed(SECRET, &changed("admin", Value::Null)),
            "token_claim_malformed",
        ),
        (signed(SECRET, &text), "token_claim_malformed"),
        (signed(SECRET, &without("sid")), "token_claim_missing"),
        (signed(SECRET, &without("gen")), "token_claim_missing"),
        (signed(SECRET, &role), "token_claim_missing"),
        (
            signed(SECRET, &changed("sub", json!("01"))),
            "token_claim_malformed",
        ),
        (
            signed(SECRET, &changed("sub", json!("+1"))),
            "token_claim_malformed",
        ),
        (
            signed(SECRET, &changed("sub", json!("ada"))),
            "token_claim_malformed",
        ),
        (
            signed(SECRET, &changed("iss", json!("https://else.example"))),
            "token_issuer_wrong",
        ),
        (
            signed(SECRET, &changed("aud", json!("else"))),
            "token_audience_wrong",
        ),
        (number, "token_claim_malformed"),
        (format!("Bearer {access}"), "token_type_wrong"),
    ] {
        let expected = challenge(code);
        for (method, path) in [
            ("GET", "/customers/"),
            ("GET", "/customers/1"),
            ("DELETE", "/customers/1"),
        ] {
            let answer = shop.send(Request {
                method,
                path,
                authorization: Some(&bearer),
                body: None,
            });
            assert_eq!(
                answer.cell(),
                (401, INVALID, Some(expected.as_str())),
                "{code} {method} {path}"
            );
        }
    }
}

/// Two programs under one secret, as people copy `.env` files.
#[test]
fn tokens_of_the_other_examples_are_refused_and_theirs_refuse_ours() {
    let (folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    shop.sign_up("ada");
    let ours = shop.bearer("ada");

    let bakery = Served::start(async {
        let (file, key) = (folder.path().join("cupcakes.db"), "0a".repeat(32));
        let app =
            cupcakes::App::open(&file, SECRET, &key, shop.clock.clone(), Random::system()).await?;
        Ok(app.router())
    });
    let new = r#"{"email":"ada@example.org","password":"bestpass123"}"#;
    assert_eq!(bakery.post("/users", None, new).status, 201);
    let theirs = bakery.get(
        "/users/login",
        Some(&basic("ada@example.org", "bestpass123")),
    );
    let theirs: Value = serde_json::from_str(&theirs.body).expect("JSON");
    let theirs = format!(
        "Bearer {}",
        theirs["accessToken"].as_str().expect("a token")
    );
    assert_eq!(bakery.get("/users", Some(&theirs)).status, 200);
    let expected = challenge("token_claim_malformed");
    assert_eq!(
        shop.get("/customers/1", Some(&theirs)).cell(),
        (401, INVALID, Some(expected.as_str()))
    );
    assert_eq!(bakery.get("/users", Some(&ours)).status, 401);

    // The quickstart's, as it signs and verifies them.
    let user = Claims::lasting(
        "1",
        Duration::from_secs(1_800),
        &shop.clock,
        &Random::system(),
    );
    let user = user.with_extra(json!({ "user": "1" }));
    let theirs = SigningKey::hs256(SECRET)
        .map(|key| key.issue(&user).expect("a token"))
        .expect("a key");
    let answer = shop.get("/customers/1", Some(&format!("Bearer {theirs}")));
    let expected = challenge("token_type_wrong");
    assert_eq!(answer.cell(), (401, INVALID, Some(expected.as_str())));
    let quickstart = Guard::hs256(SECRET)
        .expect("a guard")
        .clock(shop.clock.clone());
    assert!(quickstart.verify(&theirs).is_ok());
    let refusal = quickstart
        .verify(ours.trim_start_matches("Bearer "))
        .expect_err("refused");
    assert_eq!(refusal.code(), "token_type_wrong");
}

#[test]
fn a_changed_secret_logs_everyone_out_and_loses_nothing_else() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    shop.sign_up("ada");
    let bearer = shop.bearer("ada");
    drop(shop);
    let shop = Shop::open(&file, SECRET, NOW);
    assert_eq!(
        shop.get("/customers/1", Some(&bearer)).status,
        200,
        "a restart logs nobody out"
    );
    drop(shop);
    let shop = Shop::open(&file, &SECRET.replace('a', "b"), NOW);
    let expected = challenge("token_key_unknown");
    assert_eq!(
        shop.get("/customers/1", Some(&bearer)).cell(),
        (401, INVALID, Some(expected.as_str()))
    );
    assert_eq!(
        shop.get("/customers/1", Some(&shop.bearer("ada"))).status,
        200
    );
}

/// A restart forgets nothing that was refused before: not the deleted, not the tokens of an earlier role.
#[test]
fn what_was_refused_stays_refused_after_a_restart() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    shop.sign_up("ada");
    let bob = shop.sign_up("bob");
    let (old, gone) = (shop.bearer("ada"), shop.bearer("bob"));
    let ada = shop.make_admin(&file, "ada");
    let answer = shop.delete(&format!("/customers/{bob}"), Some(&ada));
    assert_eq!(answer.status, 204);
    drop(shop);
    let shop = Shop::open(&file, SECRET, NOW);
    assert_eq!(shop.get("/customers/", Some(&ada)).status, 200);
    let expected = challenge("token_revoked");
    for refused in [old, gone] {
        let answer = shop.get("/customers/", Some(&refused));
        assert_eq!(answer.cell(), (401, INVALID, Some(expected.as_str())));
    }
    let again = shop.sign_up("bob");
    assert!(again > bob, "an id is never used again");
}

/// The file was replaced and the secret was not: whoever is number 1 now is not who was.
#[test]
fn a_token_of_another_file_under_the_same_secret_is_nobody_s() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    shop.sign_up("ada");
    let bearer = shop.bearer("ada");
    drop(shop);
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    assert_eq!(shop.sign_up("eve"), 1);
    let revoked = challenge("token_revoked");
    for path in ["/customers/", "/customers/1"] {
        assert_eq!(
            shop.get(path, Some(&bearer)).cell(),
            (401, INVALID, Some(revoked.as_str()))
        );
        assert_eq!(shop.get(path, Some(&shop.bearer("eve"))).status, 200);
    }
}
