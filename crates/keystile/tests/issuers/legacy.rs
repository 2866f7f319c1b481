//! Issuers of the past: every statement of theirs is needed, and holds.

use std::time::Duration;

use keystile::{
    Algorithm, Claims, Clock, Expected, ExpiryRule, Guard, KeyError, KeySet, LegacyKeys,
    LegacyTrust, LegacyTrustError, Reason, SigningKey, SubjectRule, Timestamp, Trust, Trusted,
    Verifier,
};
use serde_json::{Value, json};

use crate::common::{NOW, SECRET, clock, encode, hs256, key, refused};

const DAY: i64 = 86_400;
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// An older system that stops issuing in an hour, and whose last tokens have had their time in a week.
pub(crate) fn legacy() -> LegacyTrust {
    LegacyTrust {
        keys: LegacyKeys::secret(SECRET).unwrap(),
        issuer: Expected::Absent,
        audience: Expected::Absent,
        token_type: "JWT".into(),
        required_claims: vec![("type".into(), "access".into())],
        subject: SubjectRule::Integer,
        issued_before: Timestamp::from_seconds(NOW + 3_600),
        accept_until: Timestamp::from_seconds(NOW + 7 * DAY),
        longest_life: Duration::from_secs(3_600),
    }
}

/// It, after an issuer of today.
pub(crate) fn beside(legacy: LegacyTrust, clock: &Clock) -> Verifier {
    Verifier::new(ours())
        .or_trust(Trusted::try_from(legacy).unwrap())
        .clock(clock.clone())
}

pub(crate) fn ours() -> Trust {
    Trust {
        issuer: "https://id.example".into(),
        audience: "cakes".into(),
        token_type: "at+jwt".into(),
        keys: KeySet::from(key(Algorithm::Es256, 1).verifying_key().clone()),
    }
}

/// A token that passes, with these members changed or, where they are null, left out.
pub(crate) fn token(more: &Value) -> String {
    let mut claims = json!({ "sub": 7, "type": "access", "iat": NOW - 60, "exp": NOW + 840 });
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    hs256(HEADER, &claims.to_string())
}

#[test]
fn each_statement_is_held_to() {
    let verifier = beside(legacy(), &clock());
    let verified = verifier.verify(&token(&json!({}))).unwrap();
    assert!(verified.is_legacy());
    assert_eq!(verified.claims().sub, "7");
    let cases = [
        (json!({ "sub": "ada" }), Ok(())),
        (json!({ "exp": NOW + 3_540 }), Ok(())),
        (
            json!({ "exp": NOW + 3_541 }),
            Err(("token_claim_wrong", "exp")),
        ),
        (
            json!({ "exp": NOW + 90 * DAY }),
            Err(("token_claim_wrong", "exp")),
        ),
        (json!({ "exp": null }), Err(("token_claim_missing", "exp"))),
        (json!({ "exp": NOW }), Err(("token_expired", ""))),
        (json!({ "iat": null }), Err(("token_claim_missing", "iat"))),
        (json!({ "iat": "1" }), Err(("token_claim_malformed", "iat"))),
        (
            json!({ "iat": NOW + 61 }),
            Err(("token_issued_in_future", "")),
        ),
        (
            json!({ "type": "refresh" }),
            Err(("access_token_needed", "type")),
        ),
        (
            json!({ "type": null }),
            Err(("token_claim_missing", "type")),
        ),
        (json!({ "sub": null }), Err(("token_claim_missing", "sub"))),
        (
            json!({ "aud": "cakes" }),
            Err(("token_audience_wrong", "aud")),
        ),
        (
            json!({ "iss": "https://old.example" }),
            Err(("token_issuer_wrong", "iss")),
        ),
        // An older key makes no token of today's issuer.
        (
            json!({ "iss": "https://id.example" }),
            Err(("token_algorithm_refused", "")),
        ),
    ];
    for (more, expected) in cases {
        let found = verifier.verify(&token(&more)).map(drop);
        let found = found.map_err(|refusal| {
            let claim = refusal.claim().unwrap_or_default().to_owned();
            (refusal.code(), claim)
        });
        let expected = expected.map_err(|(code, claim): (_, &str)| (code, claim.to_owned()));
        assert_eq!(found, expected, "{more}");
    }
}

#[test]
fn what_is_issued_after_the_older_system_stopped_is_forged() {
    let clock = clock();
    clock.set(Timestamp::from_seconds(NOW + 2 * DAY));
    let verifier = beside(legacy(), &clock);
    let issued = |at: i64| token(&json!({ "iat": at, "exp": at + 3_600 }));
    for (at, code) in [
        (NOW + 3_599, "token_expired"),
        (NOW + 3_600, "token_claim_wrong"),
        (NOW + 2 * DAY, "token_claim_wrong"),
    ] {
        assert_eq!(refused(&verifier, &issued(at)), code, "{at}");
    }
}

/// Remembered or not, with a leeway or not.
#[test]
fn after_its_time_no_token_of_it_passes() {
    let clock = clock();
    let lasting = LegacyTrust {
        longest_life: Duration::from_secs(400 * 86_400),
        ..legacy()
    };
    let entry = Trusted::try_from(lasting).unwrap();
    let entry = entry.leeway(Duration::from_secs(30 * 86_400));
    let guard = Guard::new(Verifier::new(entry).clock(clock.clone()));
    let token = token(&json!({ "exp": NOW + 300 * DAY }));
    for (at, code) in [
        (NOW, None),
        (NOW + 7 * DAY - 1, None),
        (NOW + 7 * DAY, Some("token_expired")),
        (NOW + 200 * DAY, Some("token_expired")),
    ] {
        clock.set(Timestamp::from_seconds(at));
        for guard in [&guard, &guard.clone().remember(0)] {
            let found = guard.verify(&token).err();
            assert_eq!(found.map(|refusal| refusal.code()), code, "{at}");
        }
    }
}

#[test]
fn one_without_an_end_is_given_one_where_that_is_said() {
    let clock = clock();
    let entry = Trusted::try_from(legacy()).unwrap();
    let verifier = Verifier::new(entry.expiry(ExpiryRule::Optional)).clock(clock.clone());
    let token = token(&json!({ "exp": null }));
    let verified = verifier.verify(&token).unwrap();
    assert_eq!(verified.claims().exp, NOW + 3_540);
    clock.set(Timestamp::from_seconds(NOW + 3_540));
    assert_eq!(refused(&verifier, &token), "token_expired");
}

#[test]
fn what_leaves_the_door_open_is_refused_when_it_is_made() {
    type Open = fn(&mut LegacyTrust);
    let cases: [(Open, LegacyTrustError); 6] = [
        (
            |trust| trust.issuer = Expected::Unchecked,
            LegacyTrustError::IssuerUnchecked,
        ),
        (
            |trust| trust.required_claims.clear(),
            LegacyTrustError::NoRequiredClaim,
        ),
        (
            |trust| trust.issued_before = Timestamp::MAX,
            LegacyTrustError::NoEnd,
        ),
        (
            |trust| trust.accept_until = Timestamp::MAX,
            LegacyTrustError::NoEnd,
        ),
        (
            |trust| trust.longest_life = Duration::ZERO,
            LegacyTrustError::NoLife,
        ),
        (
            |trust| trust.longest_life = Duration::MAX,
            LegacyTrustError::NoLife,
        ),
    ];
    for (open, fault) in cases {
        let mut trust = legacy();
        open(&mut trust);
        assert_eq!(Trusted::try_from(trust).err(), Some(fault));
    }
}

#[test]
fn a_weak_secret_needs_its_own_word() {
    let weak = b"dev";
    let too_short = KeyError::SecretTooShort { length: 3 };
    assert_eq!(LegacyKeys::secret(weak).err(), Some(too_short));
    assert!(LegacyKeys::weak_secret(b"").is_err());
    let trust = LegacyTrust {
        keys: LegacyKeys::weak_secret(weak).unwrap(),
        ..legacy()
    };
    let shown = format!("{trust:?}");
    assert!(!shown.contains("dev") && !shown.contains("[100, 101, 118]"));

    // Made by hand: nothing here signs with such a secret.
    assert!(SigningKey::hs256(weak).is_err());
    let sign = |secret: &[u8]| {
        let good = token(&json!({}));
        let signed = good.rsplit_once('.').unwrap().0.to_owned();
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        let signature = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
        format!("{signed}.{}", encode(signature))
    };
    let verifier = beside(trust, &clock());
    assert!(verifier.verify(&sign(weak)).is_ok());
    for other in [&b""[..], b"de", b"dev ", b"Dev", &[0; 32], &SECRET] {
        assert_eq!(refused(&verifier, &sign(other)), "token_signature_invalid");
    }
}

/// Public keys verify older tokens too, and are no secret.
#[test]
fn an_older_issuer_may_have_published_its_key() {
    let old = key(Algorithm::EdDsa, 9);
    let pem = old.verifying_key().to_pem().unwrap();
    let trust = LegacyTrust {
        keys: LegacyKeys::pem(&pem).unwrap(),
        issuer: "https://old.example".into(),
        ..legacy()
    };
    let verifier = beside(trust, &clock());
    let claims = Claims {
        iss: Some("https://old.example".into()),
        iat: Some(NOW - 60),
        ..Claims::new("7", NOW + 840)
    }
    .with_extra(json!({ "type": "access" }));
    assert!(
        verifier
            .verify(&old.issue_as("JWT", &claims).unwrap())
            .is_ok()
    );
    let forger = SigningKey::hs256(&pem)
        .unwrap()
        .with_key_id(old.key_id().as_str());
    let forged = forger.issue_as("JWT", &claims).unwrap();
    assert_eq!(refused(&verifier, &forged), "token_algorithm_refused");
    assert!(LegacyKeys::pem("").is_err());
}

/// Revoked by its own id, as an import brings the ids that the older system had revoked.
#[test]
fn an_older_token_is_revoked_by_its_id() {
    let guard = Guard::new(beside(legacy(), &clock()));
    let token = token(&json!({ "jti": "old" }));
    assert!(guard.verify(&token).is_ok());
    guard
        .revoked()
        .revoke_token_id("old", Timestamp::from_seconds(NOW + 840));
    assert_eq!(
        guard.verify(&token).unwrap_err().reason(),
        Reason::TokenRevoked
    );
}

/// Which `sub` each rule tolerates.
#[test]
fn a_subject_is_of_a_tolerated_type() {
    let number = "token_claim_malformed";
    let missing = "token_claim_missing";
    let rules = [
        (SubjectRule::Required, ["ok", number, missing, missing]),
        (SubjectRule::Integer, ["ok", "ok", missing, missing]),
        (SubjectRule::Unchecked, ["ok", "ok", "ok", "ok"]),
    ];
    for (subject, expected) in rules {
        let verifier = beside(
            LegacyTrust {
                subject,
                ..legacy()
            },
            &clock(),
        );
        for (sub, expected) in [json!("7"), json!(7), json!(""), Value::Null]
            .into_iter()
            .zip(expected)
        {
            let verdict = verifier.verify(&token(&json!({ "sub": sub })));
            let found = verdict.map_or_else(|refusal| refusal.code(), |_| "ok");
            assert_eq!(found, expected, "{subject:?} {sub}");
        }
        // Whatever the rule, these are of no tolerated type.
        for sub in [json!(7.5), json!(["7"]), json!({ "id": 7 }), json!(true)] {
            assert_eq!(refused(&verifier, &token(&json!({ "sub": sub }))), number);
        }
    }
}
