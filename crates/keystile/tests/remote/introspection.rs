//! Opaque tokens, and servers that answer about them in every way.

use std::sync::Arc;
use std::time::Duration;

use keystile::remote::Introspection;
use keystile::{
    Clock, Expected, ExpiryRule, FollowError, Guard, KeySet, OpaqueToken, REFRESH_TOKEN_PREFIX,
    Random, Revocations, Trust, Trusted, Verifier, WhenStale,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::common::{NOW, clock};
use crate::server::{Reply, Server};
use crate::{DEADLINE, SHORT, at, code, named, settle, token, until, verdict, verdict_async};

const PATH: &str = "/introspect";

fn introspection(server: &Server) -> Introspection {
    let url = format!("{}{PATH}", server.url());
    Introspection::at(url, "cakes-api", "a secret")
        .unwrap()
        .timeout(DEADLINE)
}

fn trust(server: &Server, introspection: &Introspection) -> Trusted {
    Trusted::from(Trust {
        issuer: server.url().into(),
        audience: "cakes".into(),
        token_type: "Bearer".into(),
        keys: introspection,
    })
}

fn guard(server: &Server, clock: &Clock) -> Guard {
    let verifier = Verifier::new(trust(server, &introspection(server)));
    Guard::new(verifier.clock(clock.clone()))
}

/// The answer about a token that passes, with these members changed or, where they are null, left out.
fn active(server: &Server, more: &Value) -> Value {
    let mut answer = json!({
        "active": true, "token_type": "Bearer", "iss": server.url(), "sub": "ada", "aud": "cakes",
        "scope": "read write", "client_id": "shop", "exp": NOW + 900, "iat": NOW, "jti": "j",
    });
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            answer.as_object_mut().unwrap().remove(name);
        } else {
            answer[name] = value.clone();
        }
    }
    answer
}

fn replies(server: &Server, reply: Reply) {
    server.replies(move |_| reply.clone());
}

fn says(server: &Server, answer: Value) {
    replies(server, Reply::json(answer));
}

#[tokio::test]
async fn an_opaque_token_is_asked_about_once_and_gives_a_principal() {
    let server = Server::start().await;
    let clock = clock();
    let guard = guard(&server, &clock);
    let answer = active(&server, &json!({}));
    server.replies(move |asked| {
        let basic = "Basic Y2FrZXMtYXBpOmElMjBzZWNyZXQ=";
        assert_eq!(asked.header("authorization").as_deref(), Some(basic));
        assert_eq!(
            asked.body,
            "token=an-opaque.token%2B1&token_type_hint=access_token"
        );
        Reply::json(&answer)
    });
    let opaque = "an-opaque.token+1";
    for _ in 0..3 {
        let verified = guard.verify_async(opaque).await.unwrap();
        let claims = verified.claims();
        assert_eq!(claims.sub, "ada");
        assert!(claims.scope.contains("write") && claims.aud.contains("cakes"));
        assert_eq!(claims.client_id.as_deref(), Some("shop"));
        assert_eq!((verified.key_id(), verified.algorithm()), (None, None));
        assert_eq!(verified.extra::<Value>().unwrap()["active"], true);
        // Known now, it needs no waiting.
        assert!(guard.verify(opaque).is_ok());
    }
    assert_eq!(server.asked(PATH), 1);
}

/// Each answer, and what becomes of the token. What is no answer is no verdict either.
#[tokio::test]
async fn an_answer_is_held_to_what_the_trust_states() {
    let server = Server::start().await;
    let clock = clock();
    let cases = [
        (json!({}), "ok"),
        (json!({ "aud": ["x", "cakes"] }), "ok"),
        (json!({ "token_type": "bearer" }), "ok"),
        (json!({ "aud": "other" }), "token_audience_wrong"),
        (json!({ "aud": null }), "token_claim_missing"),
        (json!({ "aud": 7 }), "token_claim_malformed"),
        (
            json!({ "iss": "https://other.example" }),
            "token_issuer_wrong",
        ),
        (json!({ "iss": null }), "token_claim_missing"),
        (json!({ "sub": null }), "token_claim_missing"),
        (json!({ "sub": 7 }), "token_claim_malformed"),
        (json!({ "token_type": "refresh_token" }), "token_type_wrong"),
        (json!({ "token_type": "DPoP" }), "token_type_wrong"),
        (json!({ "token_type": null }), "token_type_wrong"),
        (json!({ "exp": null }), "token_claim_missing"),
        (json!({ "exp": NOW }), "token_expired"),
        (json!({ "exp": "soon" }), "token_claim_malformed"),
        (json!({ "nbf": NOW + 61 }), "token_not_yet_valid"),
        (json!({ "iat": NOW + 61 }), "token_issued_in_future"),
        (json!({ "active": false }), "token_inactive"),
        (json!({ "active": "true" }), "revocation_unknown"),
        (json!({ "active": 1 }), "revocation_unknown"),
        (json!({ "active": null }), "revocation_unknown"),
        (json!({ "active": [true] }), "revocation_unknown"),
    ];
    for (more, expected) in cases {
        says(&server, active(&server, &more));
        let guard = guard(&server, &clock);
        assert_eq!(verdict_async(&guard, "opaque").await, expected, "{more}");
    }
}

/// Whatever else a server does: 503, at the latest when the time is over, and the fault told.
#[tokio::test]
async fn a_server_that_does_not_answer_lets_nobody_in() {
    let server = Server::start().await;
    let clock = clock();
    let huge = json!({ "active": true, "x": "x".repeat(70 * 1024) });
    let twice = r#"{"active":false,"active":true,"sub":"ada","exp":4000000000}"#;
    let each = [
        Reply::status(500),
        Reply::status(401),
        Reply::status(204),
        Reply::redirect("http://127.0.0.1:1/"),
        Reply::json("[]"),
        Reply::json("true"),
        Reply::json("{"),
        Reply::json(twice),
        Reply::json(huge),
        Reply::Silence,
        Reply::Raw(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n",
            " ",
            5,
        ),
    ];
    for (number, reply) in each.into_iter().enumerate() {
        replies(&server, reply);
        let asked = introspection(&server).timeout(SHORT);
        let verifier = Verifier::new(trust(&server, &asked)).clock(clock.clone());
        let guard = Guard::new(verifier);
        for _ in 0..2 {
            let found = verdict_async(&guard, "opaque").await;
            assert_eq!(found, "revocation_unknown", "{number}");
        }
        until("the fault is told", || asked.fault().is_some()).await;
        let told = format!("{asked:?} {:?}", asked.fault());
        assert!(
            !told.contains("a secret") && !told.contains("opaque"),
            "{told}"
        );
    }
    server.stop().await;
    let guard = guard(&server, &clock);
    assert_eq!(verdict_async(&guard, "opaque").await, "revocation_unknown");
}

#[tokio::test]
async fn many_requests_ask_once_and_giving_up_ends_nothing_for_the_others() {
    let server = Server::start().await;
    let clock = clock();
    let guard = guard(&server, &clock);
    let gate = Arc::new(Semaphore::new(0));
    let answer = Reply::json(active(&server, &json!({})));
    replies(&server, Reply::Held(Arc::clone(&gate), Box::new(answer)));
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let guard = guard.clone();
            tokio::spawn(async move { verdict_async(&guard, "opaque").await })
        })
        .collect();
    until("it is asked", || server.asked(PATH) == 1).await;
    settle().await;
    waiting[0].abort();
    gate.add_permits(1_000);
    for task in waiting.into_iter().skip(1) {
        assert_eq!(task.await.unwrap(), "ok");
    }
    assert_eq!(server.asked(PATH), 1);
}

/// 256 at a time; one more is answered at once.
#[tokio::test]
async fn a_flood_of_tokens_is_asked_about_within_bounds() {
    let server = Server::start().await;
    let clock = clock();
    let guard = guard(&server, &clock);
    replies(&server, Reply::Silence);
    for number in 0..256 {
        assert_eq!(verdict(&guard, &format!("t{number}")), "revocation_unknown");
    }
    // It does not wait for the time-out, which is longer than any test.
    let asking = verdict_async(&guard, "one-more");
    let at_once = tokio::time::timeout(DEADLINE / 2, asking).await;
    assert_eq!(at_once, Ok("revocation_unknown"));
}

#[tokio::test]
async fn answers_count_for_their_time_and_never_beyond_exp() {
    let server = Server::start().await;
    let clock = clock();
    let guard = guard(&server, &clock);
    says(&server, active(&server, &json!({ "exp": NOW + 40 })));
    assert_eq!(verdict_async(&guard, "a").await, "ok");
    says(&server, json!({ "active": false }));
    clock.set(at(29));
    assert_eq!(verdict_async(&guard, "a").await, "ok");
    assert_eq!(server.asked(PATH), 1);
    clock.set(at(30));
    assert_eq!(verdict_async(&guard, "a").await, "token_inactive");
    clock.set(at(39));
    says(&server, active(&server, &json!({ "exp": NOW + 41 })));
    assert_eq!(verdict_async(&guard, "a").await, "token_inactive");
    assert_eq!(server.asked(PATH), 2);
    clock.set(at(40));
    assert_eq!(verdict_async(&guard, "a").await, "ok");
    assert_eq!(server.asked(PATH), 3);
    // It counts for half a minute, and the token for a second.
    clock.set(at(41));
    assert_eq!(verdict_async(&guard, "a").await, "token_expired");
    assert_eq!(server.asked(PATH), 3);
    // A clock that was set back makes no answer younger.
    clock.set(at(-3_600));
    says(&server, json!({ "active": false }));
    assert_eq!(verdict_async(&guard, "a").await, "token_inactive");
    assert_eq!(server.asked(PATH), 4);
}

#[tokio::test]
async fn what_is_forgotten_is_asked_again_and_no_expiry_is_said_in_full() {
    let server = Server::start().await;
    let clock = clock();
    let asked = introspection(&server).remember_for(Duration::ZERO);
    let trusted = trust(&server, &asked).expiry(ExpiryRule::Optional);
    let guard = Guard::new(Verifier::new(trusted).clock(clock.clone()));
    says(&server, active(&server, &json!({ "exp": null })));
    assert_eq!(verdict_async(&guard, "a").await, "ok");
    assert_eq!(verdict_async(&guard, "a").await, "ok");
    assert_eq!(server.asked(PATH), 1);
    asked.forget();
    assert_eq!(verdict(&guard, "a"), "revocation_unknown");
    until("it is known", || verdict(&guard, "a") == "ok").await;
    assert_eq!(server.asked(PATH), 2);
    clock.set(at(1));
    says(&server, json!({ "active": false }));
    assert_eq!(verdict_async(&guard, "a").await, "token_inactive");
}

/// The guard's own list is asked of each, remembered or not.
#[tokio::test]
async fn what_the_guard_knows_to_be_revoked_is_refused() {
    let server = Server::start().await;
    let clock = clock();
    says(&server, active(&server, &json!({})));
    let list = Revocations::new();
    let guard = guard(&server, &clock).revocations(list.clone());
    assert_eq!(verdict_async(&guard, "a").await, "ok");
    list.revoke_token_id("j", at(900));
    assert_eq!(verdict_async(&guard, "a").await, "token_revoked");
    let stale = Revocations::new();
    stale.require_current_within(Duration::from_secs(1), WhenStale::Refuse);
    let guard = guard.revocations(stale);
    assert_eq!(verdict_async(&guard, "a").await, "revocation_unknown");
    assert_eq!(server.asked(PATH), 1);
}

/// Beside issuers whose tokens say something themselves, those are asked about nowhere.
#[tokio::test]
async fn a_jwt_of_another_issuer_is_shown_to_nobody() {
    let server = Server::start().await;
    let clock = clock();
    let key = named("k");
    let jwts = Trust {
        issuer: server.url().into(),
        audience: "cakes".into(),
        token_type: "at+jwt".into(),
        keys: KeySet::from(key.verifying_key().clone()),
    };
    let verifier = Verifier::new(jwts).or_trust(trust(&server, &introspection(&server)));
    let guard = Guard::new(verifier.clock(clock.clone()));
    says(&server, active(&server, &json!({})));
    let jwt = token(&server, &key);
    assert_eq!(verdict_async(&guard, &jwt).await, "ok");
    let forged = token(&server, &named("other"));
    assert_eq!(verdict_async(&guard, &forged).await, "token_key_unknown");
    assert_eq!(server.asked(PATH), 0);
    assert_eq!(verdict_async(&guard, "opaque").await, "ok");
    assert_eq!(server.asked(PATH), 1);
    // What cannot be one is not asked about, least of all a refresh token.
    let refresh = OpaqueToken::generate(REFRESH_TOKEN_PREFIX, &Random::seeded(1));
    for (odd, expected) in [
        (refresh.expose().to_owned(), "access_token_needed"),
        ("a b".to_owned(), "token_malformed"),
        ("a\u{e9}".to_owned(), "token_malformed"),
        ("a&token=b".to_owned(), "token_malformed"),
        (String::new(), "token_malformed"),
        ("a".repeat(16 * 1024 + 1), "token_too_large"),
    ] {
        assert_eq!(verdict_async(&guard, &odd).await, expected, "{odd:.20}");
    }
    assert_eq!(server.asked(PATH), 1);
}

#[test]
fn an_address_that_cannot_be_asked_is_told_at_once() {
    for url in ["", "ftp://id.example", "http://id.example/introspect"] {
        let fault = Introspection::at(url, "a", "b").unwrap_err();
        assert!(
            matches!(fault, FollowError::Setting { .. }),
            "{url}: {fault:?}"
        );
    }
    // Outside a runtime nobody is asked, and nothing panics.
    let asked = Introspection::at("http://127.0.0.1:1/introspect", "a", "b").unwrap();
    let guard = Guard::new(Verifier::new(Trust {
        issuer: Expected::Unchecked,
        audience: Expected::Unchecked,
        token_type: Expected::Unchecked,
        keys: asked,
    }));
    assert_eq!(code(&guard.verify("opaque")), "revocation_unknown");
}
