//! What an attacker makes of a look-up of keys: every `iss` and `kid` is theirs to write.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keystile::remote::{KeyLookup, WantedKey};
use keystile::{
    Algorithm, Claims, Expected, ExpiryRule, Guard, SigningKey, SubjectRule, Trust, Verifier,
    VerifyingKey,
};

use crate::common::{NOW, clock, encode, key};
use crate::{at, seconds, until, verdict, verdict_async};

pub(crate) type Answer = Result<Option<VerifyingKey>, ()>;

/// Of the issuers `a` and `b`, or of none.
pub(crate) fn guard(lookup: &KeyLookup) -> Guard {
    let trust = |issuer| Trust {
        issuer,
        audience: Expected::Unchecked,
        token_type: Expected::Unchecked,
        keys: lookup,
    };
    let verifier = Verifier::new(trust(Expected::AnyOf(vec!["a".into(), "b".into()])));
    Guard::new(verifier.or_trust(trust(Expected::Absent)).clock(clock()))
}

fn in_the_name_of(issuer: &str) -> Claims {
    let iss = (!issuer.is_empty()).then(|| issuer.to_owned());
    Claims {
        iss,
        ..Claims::new("ada", NOW + 90_000)
    }
}

/// By a key of this `kid`.
pub(crate) fn token(issuer: &str, key: &SigningKey, kid: &str) -> String {
    let key = key.with_key_id(kid);
    key.issue(&in_the_name_of(issuer)).unwrap()
}

/// Three issuers, whose keys have one and the same `kid`: what was found for one never verifies another's tokens, in
/// whatever order they come.
#[tokio::test]
async fn issuers_that_share_a_kid_do_not_share_a_key() {
    let issuers = [("a", 1), ("b", 2), ("", 3)];
    let of = |seed| key(Algorithm::EdDsa, seed);
    for first in 0..3 {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        let lookup = KeyLookup::by_key_id(move |wanted: WantedKey| {
            let issuer = wanted.issuer.clone().unwrap_or_default();
            let seed = issuers.iter().find(|(name, _)| *name == issuer).unwrap().1;
            heard.lock().unwrap().push(wanted);
            async move { Answer::Ok(Some(of(seed).verifying_key().clone())) }
        });
        let guard = guard(&lookup);
        for (issuer, _) in (0..3).map(|next| issuers[(first + next) % 3]) {
            for (whose, seed) in issuers {
                let expected = if whose == issuer {
                    "ok"
                } else {
                    "token_signature_invalid"
                };
                let token = token(issuer, &of(seed), "1");
                assert_eq!(verdict_async(&guard, &token).await, expected);
            }
        }
        // Each once: remembered by both.
        let asked = asked.lock().unwrap();
        assert_eq!(asked.len(), 3);
        assert!(asked.iter().all(|wanted| wanted.name == "1"));
        // One that is withdrawn is so for its own issuer.
        guard.revoked().of_issuer("a").withdraw_key(&"1".into());
        assert_eq!(verdict(&guard, &token("a", &of(1), "1")), "token_revoked");
        assert_eq!(verdict(&guard, &token("b", &of(2), "1")), "ok");
    }
}

/// Names that run into each other: no pair of issuer and name stands for another.
#[tokio::test]
async fn no_pair_of_issuer_and_name_stands_for_another() {
    let pairs = [
        ("ab", "c"),
        ("a", "bc"),
        ("", "abc"),
        ("abc", "\u{e9}"),
        ("abc\u{e9}", "x"),
    ];
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let lookup = KeyLookup::by_key_id(move |wanted: WantedKey| {
        heard
            .lock()
            .unwrap()
            .push((wanted.issuer.unwrap_or_default(), wanted.name));
        async { Answer::Ok(None) }
    });
    let guard = Guard::new(Verifier::new(Trust {
        issuer: Expected::Unchecked,
        audience: Expected::Unchecked,
        token_type: Expected::Unchecked,
        keys: lookup,
    }));
    let key = key(Algorithm::EdDsa, 1);
    for (issuer, kid) in pairs {
        let token = token(issuer, &key, kid);
        assert_eq!(verdict_async(&guard, &token).await, "token_key_unknown");
    }
    let asked = asked.lock().unwrap();
    let asked: Vec<_> = asked
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    assert_eq!(asked, pairs);
}

/// The call-back gets what is a name, letter by letter, and never what is none.
#[tokio::test]
async fn a_kid_is_a_bounded_text_or_nobody_is_asked() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let lookup = KeyLookup::by_key_id(move |wanted: WantedKey| {
        heard.lock().unwrap().push(wanted.name);
        async { Answer::Ok(None) }
    });
    let guard = guard(&lookup);
    let payload = encode(format!(r#"{{"sub":"ada","exp":{}}}"#, NOW + 900));
    let long = "k".repeat(513);
    let huge = "k".repeat(64 * 1024);
    let none = [
        (r#""kid":"""#.to_owned(), "token_key_unknown"),
        (r#""a":1"#.to_owned(), "token_key_unknown"),
        (format!(r#""kid":"{long}""#), "token_key_unknown"),
        (format!(r#""kid":"{huge}""#), "token_too_large"),
        (r#""kid":"a\u0000b""#.to_owned(), "token_key_unknown"),
        (
            r#""kid":"a\r\nSet-Cookie: b""#.to_owned(),
            "token_key_unknown",
        ),
        (r#""kid":"\u001b[2J""#.to_owned(), "token_key_unknown"),
        (r#""kid":"\u0085""#.to_owned(), "token_key_unknown"),
        (r#""kid":7"#.to_owned(), "token_malformed"),
        (r#""kid":null"#.to_owned(), "token_malformed"),
        (r#""kid":["k"]"#.to_owned(), "token_malformed"),
        (r#""kid":{"k":1}"#.to_owned(), "token_malformed"),
        (
            r#""kid":"k","kid":"l""#.to_owned(),
            "token_member_duplicate",
        ),
        (
            r#""kid":"k","\u006bid":"l""#.to_owned(),
            "token_member_duplicate",
        ),
        (r#""kid":"\ud800""#.to_owned(), "token_malformed"),
    ];
    for (member, expected) in none {
        let header = encode(format!(r#"{{"alg":"EdDSA",{member}}}"#));
        let token = format!("{header}.{payload}.{}", encode([0; 64]));
        assert_eq!(
            verdict_async(&guard, &token).await,
            expected,
            "{member:.40}"
        );
    }
    assert!(asked.lock().unwrap().is_empty());
    // What would be a path or a statement elsewhere is a text here: the page says what not to make of it.
    let odd = [
        "../../etc/passwd",
        "' OR 1=1 --",
        "%2e%2e/",
        "/dev/stdin",
        "a b",
        "null",
        &long[..512],
    ];
    for kid in odd {
        let token = token("a", &key(Algorithm::EdDsa, 1), kid);
        assert_eq!(verdict_async(&guard, &token).await, "token_key_unknown");
    }
    assert_eq!(*asked.lock().unwrap(), odd);
}

/// An `iss` that the trust does not take, or that is none, has nobody asked; nor does a huge one where any is taken.
#[tokio::test]
async fn an_issuer_is_one_that_the_trust_takes_or_nobody_is_asked() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup = KeyLookup::by_key_id(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Answer::Ok(None) }
    });
    let any = Guard::new(Verifier::new(Trust {
        issuer: Expected::Unchecked,
        audience: Expected::Unchecked,
        token_type: Expected::Unchecked,
        keys: &lookup,
    }));
    let strict = guard(&lookup);
    let key = key(Algorithm::EdDsa, 1);
    let long = "i".repeat(513);
    for issuer in ["c", "A", "a ", "a/../b", "a\n"] {
        let token = token(issuer, &key, "k");
        assert_eq!(verdict_async(&strict, &token).await, "token_issuer_wrong");
    }
    for issuer in [&long, "a\nb", "\u{0}"] {
        let token = token(issuer, &key, "k");
        assert_eq!(verdict_async(&any, &token).await, "token_key_unknown");
    }
    let header = encode(r#"{"alg":"EdDSA","kid":"k"}"#);
    for iss in ["7", "null", r#"["a"]"#, r#"{"a":"a"}"#] {
        let payload = encode(format!(
            r#"{{"iss":{iss},"sub":"ada","exp":{}}}"#,
            NOW + 900
        ));
        let token = format!("{header}.{payload}.{}", encode([0; 64]));
        for guard in [&any, &strict] {
            assert_eq!(verdict_async(guard, &token).await, "token_claim_malformed");
        }
    }
    let twice = encode(format!(
        r#"{{"iss":"c","sub":"ada","exp":{},"iss":"a"}}"#,
        NOW + 900
    ));
    let token = format!("{header}.{twice}.{}", encode([0; 64]));
    assert_eq!(
        verdict_async(&strict, &token).await,
        "token_member_duplicate"
    );
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

/// A call-back that answers with a key which nobody may sign with here: the key's own algorithm decides, never the header.
#[tokio::test]
async fn a_secret_of_one_issuer_and_a_public_key_of_another_are_not_mistaken() {
    let public = key(Algorithm::Es256, 1);
    let pem = public.verifying_key().to_pem().unwrap();
    let jwk = public.verifying_key().to_jwk().unwrap().to_string();
    let known = public.verifying_key().clone();
    let lookup = KeyLookup::by_key_id(move |wanted: WantedKey| {
        let found = match wanted.issuer.as_deref() {
            Some("a") => known.clone(),
            _ => VerifyingKey::hs256([7; 32]).unwrap(),
        };
        async { Answer::Ok(Some(found)) }
    });
    let guard = guard(&lookup);
    for secret in [
        pem.as_bytes(),
        pem.trim_end().as_bytes(),
        jwk.as_bytes(),
        &[7; 32],
    ] {
        let forger = SigningKey::hs256(secret).unwrap();
        let forged = token("a", &forger, "k");
        assert_eq!(
            verdict_async(&guard, &forged).await,
            "token_algorithm_refused"
        );
    }
    let theirs = SigningKey::hs256([7; 32]).unwrap();
    assert_eq!(verdict_async(&guard, &token("b", &theirs, "k")).await, "ok");
    assert_eq!(
        verdict_async(&guard, &token("b", &public, "k")).await,
        "token_algorithm_refused"
    );
}

/// A key that is not looked up any more lets nobody in any longer than it counts, remembered tokens neither.
#[tokio::test]
async fn a_key_that_went_takes_its_tokens_with_it() {
    let good = key(Algorithm::EdDsa, 1);
    let known = Arc::new(Mutex::new(Some(good.verifying_key().clone())));
    let asked = Arc::clone(&known);
    let lookup = KeyLookup::by_key_id(move |_| {
        let found = asked.lock().unwrap().clone();
        async { Answer::Ok(found) }
    });
    let clock = clock();
    let guard = guard(&lookup.remember_for(seconds(60)))
        .clock(clock.clone())
        .expiry(ExpiryRule::Optional)
        .subject(SubjectRule::Unchecked);
    let lasting = Claims::new("ada", Claims::NEVER);
    let token = good.with_key_id("k").issue(&lasting).unwrap();
    assert_eq!(verdict_async(&guard, &token).await, "ok");
    *known.lock().unwrap() = None;
    clock.set(at(59));
    assert_eq!(verdict_async(&guard, &token).await, "ok");
    clock.set(at(60));
    assert_eq!(verdict(&guard, &token), "keys_unknown");
    until("it is gone", || {
        verdict(&guard, &token) == "token_key_unknown"
    })
    .await;
    clock.advance(Duration::from_secs(365 * 86_400));
    assert_eq!(verdict_async(&guard, &token).await, "token_key_unknown");
}
