//! Tokens claim by claim, and what becomes of them.

use std::time::Duration;

use keystile::testing::TestIssuer;
use keystile::{
    Algorithm, Clock, Expected, Guard, Random, SigningKey, Timestamp, Verifier,
    take_apart_unverified,
};
use serde_json::{Value, json};

use crate::code;

fn claims(token: &str) -> Value {
    serde_json::from_str(&take_apart_unverified(token).unwrap().payload).unwrap()
}

fn header(token: &str) -> Value {
    serde_json::from_str(&take_apart_unverified(token).unwrap().header).unwrap()
}

#[test]
fn a_plain_token_says_the_same_at_every_run() {
    let issuer = TestIssuer::new();
    let token = issuer.token("ada").build();
    assert_eq!(
        header(&token),
        json!({ "alg": "ES256", "kid": "issuer-test-key-1", "typ": "at+jwt" })
    );
    assert_eq!(
        claims(&token),
        json!({
            "iss": "https://issuer.test", "sub": "ada", "aud": "https://api.test",
            "iat": 1_893_456_000, "exp": 1_893_456_900, "jti": "token-1",
            "sid": "ada-session", "gen": 1,
        })
    );
    assert_eq!(claims(&issuer.token("ada").build())["jti"], "token-2");
}

#[test]
fn every_word_says_its_claim() {
    #[derive(serde::Serialize)]
    struct Shop {
        shop: &'static str,
    }
    let minute = Duration::from_secs(60);
    let issuer = TestIssuer::new().lifetime(minute);
    let token = issuer
        .token("ada")
        .role("admin")
        .role("cook")
        .scope("read")
        .scope("write")
        .audience(["a", "b"])
        .session("s")
        .id("t")
        .client("c")
        .username("Ada")
        .signed_in_ago(minute)
        .extra(&Shop { shop: "north" })
        .claim("nested", json!({ "deep": [1] }))
        .claim("x", 1)
        .without("gen");
    let now = issuer.clock().now().as_seconds();
    let expected = json!({
        "iss": "https://issuer.test", "sub": "ada", "aud": ["a", "b"], "iat": now, "exp": now + 60,
        "jti": "t", "sid": "s", "roles": ["admin", "cook"], "scope": "read write", "client_id": "c",
        "preferred_username": "Ada", "auth_time": now - 60, "shop": "north",
        "nested": { "deep": [1] }, "x": 1,
    });
    assert_eq!(claims(&token.build()), expected);
    assert_eq!(claims(&String::from(token.clone())), expected);
    assert_eq!(claims(&token.to_string()), expected);
    assert!(token.bearer().starts_with("Bearer ey"));

    let fresh = claims(&issuer.token("ada").fresh().build());
    assert_eq!(
        (&fresh["auth_time"], &fresh["fresh"]),
        (&json!(now), &json!(true))
    );
    let expired = claims(&issuer.token("ada").expired_ago(minute).build());
    assert_eq!(
        (&expired["exp"], &expired["iat"]),
        (&json!(now - 60), &json!(now - 120))
    );
    let odd = issuer.token("ada").header("x", 1).token_type("JWT").build();
    let named = json!({ "alg": "ES256", "kid": "issuer-test-key-1", "typ": "JWT", "x": 1 });
    assert_eq!(header(&odd), named);
}

#[test]
fn each_algorithm_has_a_guard_that_takes_its_tokens() {
    for algorithm in Algorithm::ALL {
        let issuer = TestIssuer::new().algorithm(algorithm);
        let guard = issuer.guard();
        let first = issuer.token("ada").build();
        assert_eq!(guard.verify(&first).unwrap().algorithm(), Some(algorithm));
        issuer.rotate_now();
        let second = issuer.token("ada").build();
        assert_ne!(header(&first)["kid"], header(&second)["kid"]);
        assert_eq!((code(&guard, &first), code(&guard, &second)), ("ok", "ok"));
        issuer.withdraw_now();
        let third = issuer.token("ada").build();
        assert_eq!(code(&guard, &second), "token_revoked", "{algorithm}");
        assert_eq!((code(&guard, &first), code(&guard, &third)), ("ok", "ok"));
    }
}

#[test]
fn time_passes_when_the_clock_is_turned() {
    let issuer = TestIssuer::new();
    let guard = issuer.guard();
    let token = issuer
        .token("ada")
        .expires_in(Duration::from_secs(60))
        .build();
    issuer.clock().advance(Duration::from_millis(59_999));
    assert_eq!(code(&guard, &token), "ok");
    issuer.clock().advance(Duration::from_millis(1));
    assert_eq!(code(&guard, &token), "token_expired");
    assert_eq!(code(&guard, &issuer.token("ada").build()), "ok");

    let shared = Clock::manual(Timestamp::from_seconds(1_000));
    let issuer = TestIssuer::new().with_clock(shared.clone());
    assert_eq!(claims(&issuer.token("ada").build())["iat"], 1_000);
    shared.advance(Duration::from_secs(1));
    assert_eq!(claims(&issuer.token("ada").build())["iat"], 1_001);
}

#[test]
fn what_is_revoked_is_felt_at_once_and_nothing_else() {
    let issuer = TestIssuer::new();
    let guard = issuer.guard();
    let ada = issuer.token("ada").build();
    let elsewhere = issuer.token("ada").session("another").build();
    let eve = issuer.token("eve").build();
    let codes = || [&ada, &elsewhere, &eve].map(|token| code(&guard, token));
    assert_eq!(codes(), ["ok"; 3]);
    issuer.revoke_token_now(&eve);
    assert_eq!(codes(), ["ok", "ok", "token_revoked"]);
    issuer.revoke_session_now("another");
    assert_eq!(codes(), ["ok", "token_revoked", "token_revoked"]);
    issuer.revoke_subject_now("ada");
    assert_eq!(codes(), ["token_revoked"; 3]);
    for subject in ["ada", "eve"] {
        assert_eq!(
            code(&guard, &issuer.token(subject).build()),
            "ok",
            "signed in again"
        );
    }
    issuer.revoke_subject_now("ada");
    assert_eq!(claims(&issuer.token("ada").build())["gen"], 3);
    issuer.lose_feed();
    assert_eq!(codes(), ["token_revoked"; 3], "that much is known");
    assert_eq!(
        code(&guard, &issuer.token("zoe").build()),
        "revocation_unknown"
    );
    issuer.find_feed();
    assert_eq!(code(&guard, &issuer.token("zoe").build()), "ok");
}

#[test]
fn two_issuers_do_not_disturb_each_other() {
    let (ours, twin, partner) = (
        TestIssuer::new(),
        TestIssuer::new(),
        TestIssuer::named("partner"),
    );
    let token = ours.token("ada").build();
    twin.revoke_subject_now("ada");
    twin.withdraw_now();
    twin.clock().advance(Duration::from_secs(3_600));
    assert_eq!(code(&ours.guard(), &token), "ok");
    let theirs = partner.token("ada").build();
    assert_eq!(code(&ours.guard(), &theirs), "token_key_unknown");
    let both = Guard::new(
        Verifier::new(ours.trust())
            .or_trust(partner.trust())
            .clock(ours.clock().clone()),
    );
    assert_eq!((code(&both, &token), code(&both, &theirs)), ("ok", "ok"));
    // A clone is the same issuer.
    ours.clone().revoke_subject_now("ada");
    assert_eq!(code(&ours.guard(), &token), "token_revoked");
}

#[test]
fn an_application_may_have_its_own_key_and_its_own_names() {
    let secret = "a secret of at least thirty-two bytes";
    let issuer = TestIssuer::hs256(secret).unwrap();
    let guard = Guard::hs256(secret).unwrap().clock(issuer.clock().clone());
    assert_eq!(code(&guard, &issuer.token("ada").build()), "ok");
    let guard = guard.audience("cakes");
    let clock = issuer.clock().clone();
    let issuer = issuer.audience("cakes").with_clock(clock);
    assert_eq!(code(&guard, &issuer.token("ada").build()), "ok");
    assert!(TestIssuer::hs256("short").is_err());

    let key = SigningKey::generate(Algorithm::EdDsa, &Random::seeded(3)).unwrap();
    let issuer = TestIssuer::default()
        .signing_key(key.with_key_id("ours"))
        .issuer("https://id.example")
        .audience(Expected::AnyOf(vec!["cakes".into(), "tea".into()]))
        .token_type("JWT")
        .require_claim("type", "access");
    let token = issuer.token("ada").build();
    assert_eq!(code(&issuer.guard(), &token), "ok");
    assert_eq!(
        header(&token),
        json!({ "alg": "EdDSA", "kid": "ours", "typ": "JWT" })
    );
    let said = claims(&token);
    assert_eq!(said["iss"], "https://id.example");
    assert_eq!(issuer.iss(), "https://id.example");
    assert_eq!(
        (&said["aud"], &said["type"]),
        (&json!("cakes"), &json!("access"))
    );
    issuer.rotate_now();
    assert_eq!(code(&issuer.guard(), &issuer.token("ada").build()), "ok");
}

/// The keys lie in this crate for everybody to take: their names say so wherever they are read.
#[test]
fn what_is_for_tests_says_so() {
    let issuer = TestIssuer::new();
    assert!(
        issuer
            .keys()
            .iter()
            .all(|key| key.key_id().as_str().contains("test-key"))
    );
    assert_eq!(issuer.iss(), "https://issuer.test");
    assert_eq!(TestIssuer::named("a.b/c d").iss(), "https://abcd.test");
    assert!(format!("{issuer:?} {:?}", issuer.token("ada")).contains("TestToken"));
}
