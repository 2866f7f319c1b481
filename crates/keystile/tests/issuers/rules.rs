//! What is said of one issuer holds for its tokens alone.

use std::time::Duration;

use keystile::{
    Algorithm, Claims, Expected, ExpiryRule, Guard, KeySet, SigningKey, SubjectRule, Timestamp,
    Trust, Trusted, Verifier,
};
use serde_json::{Value, json};

use crate::common::{NOW, clock, key, refused};

const OURS: &str = "https://id.example";
const THEIRS: &str = "https://login.partner.example";

fn trust(issuer: &str, keys: KeySet) -> Trusted {
    Trusted::from(Trust {
        issuer: issuer.into(),
        audience: "cakes".into(),
        token_type: Expected::Unchecked,
        keys,
    })
}

fn token(key: &SigningKey, issuer: &str, more: &Value) -> String {
    let mut claims = json!({ "iss": issuer, "sub": "ada", "aud": "cakes", "exp": NOW + 900 });
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    key.sign_claims("at+jwt", &claims).unwrap()
}

/// Each rule, the token that needs it, and the code without it. The rule is said of one issuer: the other's token of the
/// same form is refused still.
#[test]
fn a_rule_holds_for_the_issuer_that_it_is_said_of() {
    type Rule = fn(Trusted) -> Trusted;
    let rules: [(Rule, Value, &str); 6] = [
        (
            |entry| entry.leeway(Duration::from_secs(30)),
            json!({ "exp": NOW - 29 }),
            "token_expired",
        ),
        (
            |entry| entry.future_skew(Duration::from_secs(120)),
            json!({ "nbf": NOW + 119 }),
            "token_not_yet_valid",
        ),
        (
            |entry| entry.future_skew(Duration::from_secs(120)),
            json!({ "iat": NOW + 119 }),
            "token_issued_in_future",
        ),
        (
            |entry| entry.subject(SubjectRule::Integer),
            json!({ "sub": 7 }),
            "token_claim_malformed",
        ),
        (
            |entry| entry.expiry(ExpiryRule::Optional),
            json!({ "exp": null }),
            "token_claim_missing",
        ),
        (
            |entry| entry.subject_from("email"),
            json!({ "sub": null, "email": "ada@example.org" }),
            "token_claim_missing",
        ),
    ];
    let (ours, theirs) = (key(Algorithm::Es256, 1), key(Algorithm::Es256, 2));
    let set = |key: &SigningKey| KeySet::from(key.verifying_key().clone());
    for (at, (rule, more, code)) in rules.into_iter().enumerate() {
        for first in [true, false] {
            let lax = rule(trust(THEIRS, set(&theirs)));
            let strict = trust(OURS, set(&ours));
            let verifier = if first {
                Verifier::new(lax).or_trust(strict)
            } else {
                Verifier::new(strict).or_trust(lax)
            };
            let verifier = verifier.clock(clock());
            let passes = verifier.verify(&token(&theirs, THEIRS, &more));
            assert!(passes.is_ok(), "{at} {more}: {passes:?}");
            let other = token(&ours, OURS, &more);
            assert_eq!(refused(&verifier, &other), code, "{at} {more}");
        }
    }
}

#[test]
fn only_the_accepted_algorithms_pass_whatever_the_keys_are() {
    let keys: Vec<_> = Algorithm::ALL.map(|algorithm| key(algorithm, 3)).into();
    let all: KeySet = keys.iter().map(|key| key.verifying_key().clone()).collect();
    for accepted in 0..16_u8 {
        let is_accepted = |at: usize| accepted & (1 << at) != 0;
        let some = (0..4).filter(|at| is_accepted(*at));
        let some = some.map(|at| keys[at].algorithm());
        let verifier = Verifier::new(trust(OURS, all.clone()))
            .algorithms(some)
            .clock(clock());
        for (at, key) in keys.iter().enumerate() {
            for typ in ["at+jwt", "JWT"] {
                // The first header is the one that is known by its bytes, the second one is read.
                let claims = Claims {
                    iss: Some(OURS.into()),
                    aud: "cakes".into(),
                    ..Claims::new("ada", NOW + 900)
                };
                let token = key.issue_as(typ, &claims).unwrap();
                if is_accepted(at) {
                    assert!(verifier.verify(&token).is_ok(), "{accepted} {at}");
                } else {
                    assert_eq!(refused(&verifier, &token), "token_algorithm_refused");
                }
            }
        }
    }
}

#[test]
fn the_verifiers_own_leeway_is_for_issuers_that_state_none() {
    let (ours, theirs) = (key(Algorithm::EdDsa, 1), key(Algorithm::EdDsa, 2));
    let set = |key: &SigningKey| KeySet::from(key.verifying_key().clone());
    let verifier = Verifier::new(trust(OURS, set(&ours)))
        .or_trust(trust(THEIRS, set(&theirs)).leeway(Duration::ZERO))
        .leeway(Duration::from_secs(60))
        .clock(clock());
    let late = json!({ "exp": NOW - 59 });
    assert!(verifier.verify(&token(&ours, OURS, &late)).is_ok());
    assert_eq!(
        refused(&verifier, &token(&theirs, THEIRS, &late)),
        "token_expired"
    );
}

/// Also where the token is remembered, and the clock moves on.
#[test]
fn a_guard_asks_each_issuers_leeway_of_remembered_tokens_too() {
    let key = key(Algorithm::Es256, 5);
    let clock = clock();
    let entry = trust(OURS, KeySet::from(key.verifying_key().clone()));
    let guard = Guard::new(Verifier::new(entry.leeway(Duration::from_secs(30))));
    let guard = guard.clock(clock.clone());
    let token = token(&key, OURS, &json!({}));
    for (later, passes) in [(0, true), (899, true), (929, true), (930, false), (0, true)] {
        clock.set(Timestamp::from_seconds(NOW + later));
        assert_eq!(guard.verify(&token).is_ok(), passes, "{later}");
    }
}

#[test]
fn a_token_without_an_expiry_never_expires_and_can_be_revoked() {
    let key = SigningKey::hs256([7; 32]).unwrap();
    let claims = Claims {
        jti: Some("j".into()),
        ..Claims::new("ada", Claims::NEVER)
    };
    let token = key.issue(&claims).unwrap();
    let clock = clock();
    let guard = Guard::hs256([7; 32]).unwrap().clock(clock.clone());
    let refusal = guard.verify(&token).unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.claim()),
        ("token_claim_missing", Some("exp"))
    );

    let guard = guard.expiry(ExpiryRule::Optional);
    for years in [0, 1, 100, 100_000] {
        clock.set(Timestamp::from_seconds(NOW + years * 31_557_600));
        let verified = guard.verify(&token).unwrap();
        assert_eq!(verified.claims().exp, Claims::NEVER);
        assert!(verified.extra::<Value>().unwrap().get("exp").is_none());
    }
    // What does say when it expires does so.
    let short = key.issue(&Claims::new("ada", NOW + 900)).unwrap();
    assert_eq!(guard.verify(&short).unwrap_err().code(), "token_expired");
    guard.revoked().revoke_token_id("j", Timestamp::MAX);
    assert_eq!(guard.verify(&token).unwrap_err().code(), "token_revoked");
}
