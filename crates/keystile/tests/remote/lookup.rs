//! Keys that the application looks up, by call-backs that do everything that call-backs do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keystile::remote::{KeyLookup, WantedKey};
use keystile::{
    Algorithm, Claims, Expected, Guard, SigningKey, TokenHeader, Trust, Trusted, Verifier,
    VerifyingKey,
};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::common::{NOW, clock, key};
use crate::{DEADLINE, SHORT, at, named, seconds, settle, until, verdict, verdict_async};

type Answer = Result<Option<VerifyingKey>, &'static str>;

fn trust(lookup: &KeyLookup) -> Trusted {
    Trusted::from(Trust {
        issuer: Expected::Absent,
        audience: "cakes".into(),
        token_type: "at+jwt".into(),
        keys: lookup,
    })
}

fn guard(lookup: &KeyLookup) -> Guard {
    Guard::new(Verifier::new(trust(lookup)).clock(clock()))
}

fn claims() -> Claims {
    Claims {
        aud: "cakes".into(),
        ..Claims::new("ada", NOW + 90_000)
    }
}

fn token(key: &SigningKey) -> String {
    key.issue(&claims()).unwrap()
}

/// Counts how often it was asked, and answers so.
fn counting(
    answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
) -> (KeyLookup, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup = KeyLookup::by_key_id(move |wanted| {
        count.fetch_add(1, Ordering::SeqCst);
        let answer = answer(&wanted.name);
        async move { answer }
    });
    (lookup.timeout(DEADLINE), asked)
}

fn public(key: &SigningKey) -> VerifyingKey {
    key.verifying_key().clone()
}

#[tokio::test]
async fn a_key_is_looked_up_once_and_remembered_for_a_while() {
    let key = named("k");
    let known = public(&key);
    let (lookup, asked) = counting(move |kid| Ok((kid == "k").then(|| known.clone())));
    let clock = clock();
    let guard = guard(&lookup).clock(clock.clone());
    for _ in 0..3 {
        assert_eq!(verdict_async(&guard, &token(&key)).await, "ok");
        assert_eq!(verdict(&guard, &token(&key)), "ok");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    for (later, times) in [(299, 1), (300, 2), (599, 2), (600, 3)] {
        clock.set(at(later));
        assert_eq!(verdict_async(&guard, &token(&key)).await, "ok");
        assert_eq!(asked.load(Ordering::SeqCst), times, "{later}");
    }
    lookup.forget();
    // It does not wait, and has it looked up.
    assert_eq!(verdict(&guard, &token(&key)), "keys_unknown");
    until("it is looked up", || verdict(&guard, &token(&key)) == "ok").await;
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

/// A name that nobody knows, again and again: one question in ten seconds.
#[tokio::test]
async fn that_there_is_no_key_is_remembered_too() {
    let (lookup, asked) = counting(|_| Ok(None));
    let clock = clock();
    let guard = guard(&lookup).clock(clock.clone());
    for (later, times) in [(0, 1), (9, 1), (10, 2)] {
        clock.set(at(later));
        for _ in 0..5 {
            assert_eq!(
                verdict_async(&guard, &token(&named("k"))).await,
                "token_key_unknown"
            );
        }
        assert_eq!(asked.load(Ordering::SeqCst), times);
    }
}

#[tokio::test]
async fn a_call_back_that_hangs_fails_or_panics_lets_nobody_in() {
    let good = named("good");
    let known = public(&good);
    let lookup = KeyLookup::by_key_id(move |wanted: WantedKey| {
        let known = known.clone();
        assert_ne!(wanted.name, "panics early");
        async move {
            match &*wanted.name {
                "hangs" => std::future::pending().await,
                "fails" => Err("the database is down"),
                "panics" => panic!("on purpose"),
                _ => Ok(Some(known)),
            }
        }
    });
    let guard = guard(&lookup.timeout(SHORT));
    for name in ["hangs", "fails", "panics", "panics early"] {
        // Again each time: nothing of it is remembered.
        for _ in 0..2 {
            let found = verdict_async(&guard, &token(&good.with_key_id(name))).await;
            assert_eq!(found, "keys_unknown", "{name}");
        }
    }
    assert_eq!(verdict_async(&guard, &token(&good)).await, "ok");
}

#[tokio::test]
async fn many_tokens_of_one_key_ask_once() {
    let gate = Arc::new(Semaphore::new(0));
    let key = named("k");
    let (known, held) = (public(&key), Arc::clone(&gate));
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup = KeyLookup::by_key_id(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        let (known, held) = (known.clone(), Arc::clone(&held));
        async move {
            held.acquire().await.map_err(drop)?.forget();
            Ok::<_, ()>(Some(known))
        }
    });
    let guard = guard(&lookup.timeout(DEADLINE));
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let (guard, token) = (guard.clone(), token(&key));
            tokio::spawn(async move { verdict_async(&guard, &token).await })
        })
        .collect();
    settle().await;
    waiting[0].abort();
    gate.add_permits(50);
    for task in waiting.into_iter().skip(1) {
        assert_eq!(task.await.unwrap(), "ok");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

/// What was asked before all was forgotten is no answer after it, and nobody joins that question.
#[tokio::test]
async fn an_answer_from_before_is_forgotten_too() {
    let gate = Arc::new(Semaphore::new(0));
    let key = named("k");
    let (known, held) = (public(&key), Arc::clone(&gate));
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup = KeyLookup::by_key_id(move |_| {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        let (known, held) = (known.clone(), Arc::clone(&held));
        async move {
            if first {
                // It was found before it was withdrawn.
                held.acquire().await.map_err(drop)?.forget();
                Ok(Some(known))
            } else {
                Ok::<_, ()>(None)
            }
        }
    })
    .timeout(DEADLINE);
    let guard = guard(&lookup);
    let early = tokio::spawn({
        let (guard, token) = (guard.clone(), token(&key));
        async move { verdict_async(&guard, &token).await }
    });
    settle().await;
    lookup.forget();
    assert_eq!(
        verdict_async(&guard, &token(&key)).await,
        "token_key_unknown"
    );
    gate.add_permits(1);
    assert_ne!(early.await.unwrap(), "ok");
    assert_eq!(verdict(&guard, &token(&key)), "token_key_unknown");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

/// A key has the id under which it was looked up: by that it is withdrawn.
#[tokio::test]
async fn a_key_that_was_looked_up_is_withdrawn_by_its_name() {
    let key = named("k");
    let known = key.verifying_key().with_key_id("an id of its own");
    let (lookup, _) = counting(move |_| Ok(Some(known.clone())));
    let guard = guard(&lookup);
    assert_eq!(verdict_async(&guard, &token(&key)).await, "ok");
    guard.revoked().withdraw_key(key.key_id());
    assert_eq!(verdict_async(&guard, &token(&key)).await, "token_revoked");
}

/// Names that a flood makes up: 256 at a time, and no more keys than there is room for.
#[tokio::test]
async fn a_flood_of_names_is_looked_up_within_bounds() {
    let lookup = KeyLookup::by_key_id(|_| std::future::pending::<Answer>());
    let guard = guard(&lookup.timeout(DEADLINE));
    let key = named("k");
    for number in 0..256 {
        let token = token(&key.with_key_id(format!("k{number}")));
        assert_eq!(verdict(&guard, &token), "keys_unknown");
    }
    // At once, and not after the time-out, which is longer than any test.
    let token = token(&key);
    let asking = verdict_async(&guard, &token);
    let at_once = tokio::time::timeout(DEADLINE / 2, asking).await;
    assert_eq!(at_once, Ok("keys_unknown"));
}

/// The key decides the algorithm; what the call-back gives for another's name signs nothing else.
#[tokio::test]
async fn the_key_that_comes_decides_and_no_header_does() {
    let (es, ed) = (key(Algorithm::Es256, 1), key(Algorithm::EdDsa, 1));
    let (one, other) = (public(&es), public(&ed));
    let pem = one.to_pem().unwrap();
    let (lookup, _) = counting(move |kid| {
        Ok(Some(if kid == "ed" {
            other.clone()
        } else {
            one.clone()
        }))
    });
    let guard = guard(&lookup);
    let of = |key: &SigningKey, kid: &str| token(&key.with_key_id(kid));
    // A key of another id than the name is the application's to give.
    assert_eq!(verdict_async(&guard, &of(&es, "any")).await, "ok");
    assert_eq!(verdict_async(&guard, &of(&ed, "ed")).await, "ok");
    assert_eq!(
        verdict_async(&guard, &of(&ed, "any")).await,
        "token_algorithm_refused"
    );
    assert_eq!(
        verdict_async(&guard, &of(&es, "ed")).await,
        "token_algorithm_refused"
    );
    let forger = SigningKey::hs256(&pem).unwrap();
    assert_eq!(
        verdict_async(&guard, &of(&forger, "any")).await,
        "token_algorithm_refused"
    );
    let stranger = key(Algorithm::Es256, 2);
    assert_eq!(
        verdict_async(&guard, &of(&stranger, "any")).await,
        "token_signature_invalid"
    );
    let only = guard.algorithms([Algorithm::EdDsa]);
    assert_eq!(
        verdict_async(&only, &of(&es, "any")).await,
        "token_algorithm_refused"
    );
    assert_eq!(verdict_async(&only, &of(&ed, "ed")).await, "ok");
}

/// By the unverified header and claims: a key for one name signs nothing in another's.
#[tokio::test]
async fn a_name_is_made_of_what_the_token_says() {
    let lookup = KeyLookup::named(
        |unverified| {
            let region = unverified.header_member("region")?;
            let tenant = unverified.claim("tenant")?;
            Some(format!("{}/{}", region.as_str()?, tenant.as_str()?))
        },
        |wanted| async move {
            let seed = match &*wanted.name {
                "eu/north" => Some(1),
                "eu/south" => Some(2),
                _ => None,
            };
            Ok::<_, ()>(seed.map(|seed| public(&key(Algorithm::EdDsa, seed))))
        },
    );
    let guard = guard(&lookup.timeout(DEADLINE));
    let token = |seed, region: &str, tenant: serde_json::Value| {
        let header = TokenHeader::new().member("region", region);
        let claims = claims().with_extra(json!({ "tenant": tenant }));
        key(Algorithm::EdDsa, seed)
            .issue_with(&header, &claims)
            .unwrap()
    };
    let long = "x".repeat(600);
    for (seed, region, tenant, expected) in [
        (1, "eu", json!("north"), "ok"),
        (2, "eu", json!("south"), "ok"),
        (1, "eu", json!("south"), "token_signature_invalid"),
        (1, "us", json!("north"), "token_key_unknown"),
        (1, "eu", json!(7), "token_key_unknown"),
        (1, "eu", json!(long), "token_key_unknown"),
    ] {
        let token = token(seed, region, tenant.clone());
        assert_eq!(
            verdict_async(&guard, &token).await,
            expected,
            "{region} {tenant}"
        );
    }
    let bare = key(Algorithm::EdDsa, 1).issue(&claims()).unwrap();
    assert_eq!(verdict_async(&guard, &bare).await, "token_key_unknown");
}

/// Of another issuer or by another algorithm than the trust takes: it costs the application nothing.
#[tokio::test]
async fn a_token_that_no_key_helps_is_not_looked_up_for() {
    let (lookup, asked) = counting(|_| Ok(None));
    let guard = guard(&lookup).algorithms([Algorithm::EdDsa]);
    let key = named("k");
    let iss = Some("https://other.example".to_owned());
    let elsewhere = Claims { iss, ..claims() };
    let es = crate::common::key(Algorithm::Es256, 1).with_key_id("k");
    let none = crate::common::encode(r#"{"alg":"none","kid":"k"}"#);
    let payload = crate::common::encode(r#"{"sub":"ada"}"#);
    for (token, expected) in [
        (key.issue(&elsewhere).unwrap(), "token_issuer_wrong"),
        (token(&es), "token_algorithm_refused"),
        (format!("{none}.{payload}.AAAA"), "token_algorithm_refused"),
        (format!("{none}.{payload}."), "token_algorithm_refused"),
        ("a.b.c".to_owned(), "token_malformed"),
    ] {
        assert_eq!(verdict_async(&guard, &token).await, expected);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

/// Whoever comes first after a start with a token that has expired is told so, and refreshes it: 503 would have it wait.
#[tokio::test]
async fn the_first_token_of_a_key_is_refused_for_its_own_reason() {
    let key = named("k");
    let exp = NOW - 1;
    let late = Claims { exp, ..claims() };
    let aud = "other".into();
    let elsewhere = Claims { aud, ..claims() };
    for (token, expected) in [
        (key.issue(&late).unwrap(), "token_expired"),
        (key.issue(&elsewhere).unwrap(), "token_audience_wrong"),
        (key.issue_as("JWT", &claims()).unwrap(), "token_type_wrong"),
    ] {
        let known = public(&key);
        let (lookup, asked) = counting(move |_| Ok(Some(known.clone())));
        let guard = guard(&lookup);
        assert_eq!(verdict_async(&guard, &token).await, expected);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}

/// A key counts for its own trust: the other entry has keys of its own.
#[tokio::test]
async fn what_was_looked_up_counts_for_one_trust_alone() {
    let (a, b) = (named("a"), named("b"));
    let (known, others) = (public(&a), public(&b));
    let (lookup, _) = counting(move |_| Ok(Some(known.clone())));
    let (other, _) = counting(move |_| Ok(Some(others.clone())));
    let of_b = Trusted::from(Trust {
        issuer: "b".into(),
        audience: "cakes".into(),
        token_type: "at+jwt".into(),
        keys: &other,
    });
    let verifier = Verifier::new(trust(&lookup)).or_trust(of_b).clock(clock());
    let guard = Guard::new(verifier);
    assert_eq!(verdict_async(&guard, &token(&a)).await, "ok");
    let in_b = |key: &SigningKey| {
        let iss = Some("b".to_owned());
        key.issue(&Claims { iss, ..claims() }).unwrap()
    };
    assert_eq!(verdict_async(&guard, &in_b(&b)).await, "ok");
    assert_eq!(
        verdict_async(&guard, &in_b(&a)).await,
        "token_signature_invalid"
    );
    assert_eq!(
        verdict_async(&guard, &token(&b)).await,
        "token_signature_invalid"
    );
    let short = lookup.remember_for(seconds(0));
    assert_eq!(format!("{short:?}"), "KeyLookup");
}
