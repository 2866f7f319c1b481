//! What claims must say, and what is revoked; hostile numbers and texts.

use std::time::Duration;

use keystile::{
    Expected, Guard, OpaqueToken, REFRESH_TOKEN_PREFIX, Random, Reason, Revocations, SubjectRule,
    Timestamp, Trust, Verifier, WhenStale,
};

use crate::common::{HEADER, NOW, SECRET, clock, hs256, hs256_keys, lax, payload, refused};

#[test]
fn wrong_types_missing_and_wrong_claims() {
    let cases = [
        (payload(r#","iss":1"#), "token_claim_malformed"),
        (payload(r#","roles":"admin""#), "token_claim_malformed"),
        (payload(r#","scope":["a"]"#), "token_claim_malformed"),
        (payload(r#","aud":{"a":1}"#), "token_claim_malformed"),
        (payload(r#","nbf":"1""#), "token_claim_malformed"),
        (
            format!(r#"{{"sub":7,"exp":{}}}"#, NOW + 900),
            "token_claim_malformed",
        ),
        (format!(r#"{{"exp":{}}}"#, NOW + 900), "token_claim_missing"),
        (
            format!(r#"{{"sub":"","exp":{}}}"#, NOW + 900),
            "token_claim_missing",
        ),
        (r#"{"sub":"ada"}"#.to_owned(), "token_claim_missing"),
    ];
    for (json, code) in cases {
        assert_eq!(refused(&lax(), &hs256(HEADER, &json)), code, "{json}");
    }
    let demanding = lax().require_claim("type", "access");
    let code = |json: &str| refused(&demanding, &hs256(HEADER, json));
    assert_eq!(code(&payload("")), "token_claim_missing");
    for value in [
        r#""other""#,
        r#"["access"]"#,
        r#"["refresh"]"#,
        "true",
        "null",
    ] {
        let json = payload(&format!(r#","type":{value}"#));
        assert_eq!(code(&json), "token_claim_wrong", "{json}");
    }
    assert!(
        demanding
            .verify(&hs256(HEADER, &payload(r#","type":"access""#)))
            .is_ok()
    );
}

/// One kind of token in the other's place is told so, and only once the signature holds.
#[test]
fn a_refresh_token_and_an_access_token_are_told_apart() {
    let of_type = |value: &str| hs256(HEADER, &payload(&format!(r#","type":"{value}""#)));
    let access = lax().require_claim("type", "access");
    let refresh = lax().require_claim("type", "refresh");
    assert_eq!(refused(&access, &of_type("refresh")), "access_token_needed");
    assert_eq!(refused(&access, &of_type("Refresh")), "access_token_needed");
    assert_eq!(
        refused(&refresh, &of_type("access")),
        "refresh_token_needed"
    );
    assert_eq!(refused(&refresh, &of_type("other")), "refresh_token_needed");
    assert!(refresh.verify(&of_type("refresh")).is_ok());
    let refusal = access.verify(&of_type("refresh")).unwrap_err();
    assert_eq!(refusal.claim(), Some("type"));
    let mut forged = of_type("refresh");
    forged.replace_range(forged.len() - 10.., "AAAAAAAAAA");
    assert_eq!(refused(&access, &forged), "token_signature_invalid");

    let opaque = OpaqueToken::generate(REFRESH_TOKEN_PREFIX, &Random::seeded(1));
    for verifier in [&access, &refresh, &lax()] {
        assert_eq!(refused(verifier, opaque.expose()), "access_token_needed");
    }
    let cut = &opaque.expose()[..opaque.expose().len() - 1];
    for other in ["ksr_", cut, &opaque.expose()[1..]] {
        assert_eq!(refused(&access, other), "token_malformed", "{other}");
    }
}

#[test]
fn hostile_expiries_neither_pass_nor_panic() {
    for exp in [
        "1e300",
        "-1e300",
        "9223372036854775807",
        "-9223372036854775808",
        "-9007199254740992",
        "-1",
        "-0.5",
        "18446744073709551615",
        "9007199254740993",
        "\"1900000000\"",
        "null",
        "true",
        "[1900000000]",
        "{}",
        "\"NaN\"",
    ] {
        let json = format!(r#"{{"sub":"ada","exp":{exp}}}"#);
        assert_eq!(
            refused(&lax(), &hs256(HEADER, &json)),
            "token_claim_malformed",
            "{exp}"
        );
    }
    for exp in [
        "NaN",
        "Infinity",
        "1e999",
        "0x7fffffff",
        "+1900000000",
        "01900000000",
    ] {
        let json = format!(r#"{{"sub":"ada","exp":{exp}}}"#);
        assert_eq!(
            refused(&lax(), &hs256(HEADER, &json)),
            "token_malformed",
            "{exp}"
        );
    }
    for exp in ["-0.0", "0", "1", "1800000000.9", "1800000000", "1e-300"] {
        let json = format!(r#"{{"sub":"ada","exp":{exp}}}"#);
        assert_eq!(
            refused(&lax(), &hs256(HEADER, &json)),
            "token_expired",
            "{exp}"
        );
    }
    for exp in ["9007199254740992", "1.9e9", "1800000001.5"] {
        let json = format!(r#"{{"sub":"ada","exp":{exp}}}"#);
        assert!(lax().verify(&hs256(HEADER, &json)).is_ok(), "{exp}");
    }
}

#[test]
fn times_have_their_tolerance_and_no_more() {
    let clock = clock();
    let verifier = lax().clock(clock.clone());
    let token = hs256(HEADER, &format!(r#"{{"sub":"ada","exp":{}}}"#, NOW + 10));
    clock.set(Timestamp::from_millis((NOW + 10) * 1000 - 1));
    assert!(verifier.verify(&token).is_ok());
    clock.set(Timestamp::from_seconds(NOW + 10));
    assert_eq!(refused(&verifier, &token), "token_expired");
    let lenient = verifier.clone().leeway(Duration::from_secs(5));
    clock.advance(Duration::from_millis(4_999));
    assert!(lenient.verify(&token).is_ok());
    clock.advance(Duration::from_millis(1));
    assert_eq!(refused(&lenient, &token), "token_expired");

    clock.set(Timestamp::from_seconds(NOW));
    for (name, code) in [
        ("nbf", "token_not_yet_valid"),
        ("iat", "token_issued_in_future"),
    ] {
        let at = |seconds: i64| hs256(HEADER, &payload(&format!(r#","{name}":{}"#, NOW + seconds)));
        assert!(verifier.verify(&at(60)).is_ok());
        assert_eq!(refused(&verifier, &at(61)), code);
        let strict = verifier.clone().future_skew(Duration::ZERO);
        assert!(strict.verify(&at(0)).is_ok());
        assert_eq!(refused(&strict, &at(1)), code);
    }
    clock.set(Timestamp::MAX);
    assert_eq!(
        refused(&verifier.clone().leeway(Duration::MAX), &token),
        "token_expired"
    );
    clock.set(Timestamp::MIN);
    assert!(verifier.verify(&token).is_ok());
}

fn exacting() -> Verifier {
    Verifier::new(Trust {
        issuer: "https://id.example".into(),
        audience: Expected::AnyOf(vec!["cakes".into(), "tea".into()]),
        token_type: "at+jwt".into(),
        keys: hs256_keys(),
    })
    .clock(clock())
}

#[test]
fn type_issuer_and_audience_are_as_stated() {
    let good = r#","iss":"https://id.example","aud":["x","tea"]"#;
    assert!(exacting().verify(&hs256(HEADER, &payload(good))).is_ok());
    for header in [
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"alg":"HS256","typ":""}"#,
    ] {
        assert_eq!(
            refused(&exacting(), &hs256(header, &payload(good))),
            "token_type_wrong"
        );
    }
    assert!(
        exacting()
            .verify(&hs256(
                r#"{"alg":"HS256","typ":"application/AT+JWT"}"#,
                &payload(good)
            ))
            .is_ok()
    );
    for (claims, code) in [
        (
            r#","iss":"https://id.example/","aud":"tea""#,
            "token_issuer_wrong",
        ),
        (r#","aud":"tea""#, "token_claim_missing"),
        (
            r#","iss":"https://id.example","aud":"coffee""#,
            "token_audience_wrong",
        ),
        (
            r#","iss":"https://id.example","aud":"tea ""#,
            "token_audience_wrong",
        ),
        (r#","iss":"https://id.example""#, "token_claim_missing"),
    ] {
        assert_eq!(
            refused(&exacting(), &hs256(HEADER, &payload(claims))),
            code,
            "{claims}"
        );
    }
}

#[test]
fn an_hs256_guard_refuses_an_audience_until_one_is_named() {
    let guard = Guard::hs256(SECRET).unwrap().clock(clock());
    let with = hs256(HEADER, &payload(r#","aud":"cakes""#));
    let without = hs256(HEADER, &payload(""));
    assert!(guard.verify(&without).is_ok());
    assert_eq!(
        guard.verify(&with).unwrap_err().code(),
        "token_audience_wrong"
    );
    let guard = guard.audience("cakes");
    assert!(guard.verify(&with).is_ok());
    assert_eq!(
        guard.verify(&without).unwrap_err().code(),
        "token_claim_missing"
    );
}

#[test]
fn subjects_are_as_ruled() {
    let integer = hs256(HEADER, &format!(r#"{{"sub":42,"exp":{}}}"#, NOW + 9));
    let none = hs256(HEADER, &format!(r#"{{"exp":{}}}"#, NOW + 9));
    let rule = |rule| lax().subject(rule);
    assert_eq!(
        rule(SubjectRule::Integer)
            .verify(&integer)
            .unwrap()
            .claims()
            .sub,
        "42"
    );
    assert_eq!(
        refused(&rule(SubjectRule::Integer), &none),
        "token_claim_missing"
    );
    assert_eq!(
        rule(SubjectRule::Unchecked)
            .verify(&none)
            .unwrap()
            .claims()
            .sub,
        ""
    );
    let fraction = hs256(HEADER, &format!(r#"{{"sub":4.2,"exp":{}}}"#, NOW + 9));
    assert_eq!(
        refused(&rule(SubjectRule::Unchecked), &fraction),
        "token_claim_malformed"
    );
}

#[test]
fn revocation_is_looked_at_last_and_every_time() {
    let clock = clock();
    let revocations = Revocations::new();
    let guard = Guard::new(lax().clock(clock.clone())).revocations(revocations.clone());
    let token = hs256(HEADER, &payload(r#","sid":"s1","jti":"t1","gen":3"#));
    assert!(guard.verify(&token).is_ok() && guard.verify(&token).is_ok());
    revocations.revoke_session(None, "s1", Timestamp::from_seconds(NOW + 900));
    assert_eq!(
        guard.verify(&token).unwrap_err().reason(),
        Reason::TokenRevoked
    );
    clock.advance(Duration::from_secs(1000));
    assert_eq!(
        guard.verify(&token).unwrap_err().reason(),
        Reason::TokenExpired
    );
    clock.set(Timestamp::from_seconds(NOW));
    revocations.require_current_within(Duration::from_secs(1), WhenStale::Refuse);
    let other = hs256(HEADER, &payload(""));
    assert_eq!(
        guard.verify(&other).unwrap_err().reason(),
        Reason::RevocationUnknown
    );
    revocations.mark_current(clock.now());
    assert!(guard.verify(&other).is_ok());
}

/// The key may be one that was published since: a guard that hears of nothing does not call its token bad.
#[test]
fn a_guard_that_does_not_know_what_is_revoked_does_not_know_what_keys_there_are() {
    let clock = clock();
    let revocations = Revocations::new();
    let guard = Guard::new(lax().clock(clock.clone())).revocations(revocations.clone());
    let reason = |token: &str| guard.verify(token).unwrap_err().reason();
    let newer = hs256(r#"{"alg":"HS256","typ":"JWT","kid":"newer"}"#, &payload(""));
    assert_eq!(reason(&newer), Reason::TokenKeyUnknown);
    revocations.require_current_within(Duration::from_secs(1), WhenStale::Refuse);
    assert_eq!(reason(&newer), Reason::RevocationUnknown);
    let forged = hs256(HEADER, &payload("")) + "A";
    assert_ne!(
        reason(&forged),
        Reason::RevocationUnknown,
        "whatever is heard"
    );
    revocations.mark_current(clock.now());
    assert_eq!(reason(&newer), Reason::TokenKeyUnknown);
}
