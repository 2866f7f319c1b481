//! Every cause and its code; the order of the checks; hostile numbers and texts.

mod common;

use std::time::Duration;

use common::{
    HEADER, NOW, SECRET, clock, encode, hs256, hs256_keys, hs256_parts, key, lax, payload, refused,
};
use keystile::{
    Algorithm, Claims, Clock, Expected, Guard, KeySet, OpaqueToken, REFRESH_TOKEN_PREFIX, Random,
    Reason, Revocations, SubjectRule, Timestamp, Trust, Verifier, VerifyingKey, WhenStale,
    take_apart_unverified,
};

#[test]
fn what_is_well_made_passes() {
    let token = hs256(HEADER, &payload(r#","x":{"y":[1,2.5,null,true]}"#));
    assert_eq!(lax().verify(&token).unwrap().claims().sub, "ada");
}

#[test]
fn structure_comes_first() {
    let good = hs256(HEADER, &payload(""));
    let (header, rest) = good.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let malformed = [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        "....".into(),
        header.into(),
        format!("{header}.{body}"),
        format!("{good}."),
        format!("{good}.AA.AA"),
        format!("{header}=.{body}.{signature}"),
        format!("{header}.{body}=.{signature}"),
        format!("{header}.{body}.{signature}="),
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{header}.{body}.{}", signature.replace(['-', '_'], "+")) + "+",
        format!("{header}.{body}\u{e9}.{signature}"),
        format!("{header}.{body}.{}", "A".repeat(4000)),
        hs256("", &payload("")),
        hs256("[]", &payload("")),
        hs256("null", &payload("")),
        hs256(HEADER, ""),
        hs256(HEADER, "[]"),
        hs256(HEADER, "\"sub\""),
        hs256(HEADER, "{"),
        hs256(HEADER, &(payload("") + "{}")),
        hs256(
            HEADER,
            &payload(&format!(r#","a":{}{}"#, "[".repeat(32), "]".repeat(32))),
        ),
        hs256(HEADER, &payload(r#","a":1e999"#)),
        hs256(HEADER, &payload(r#","a":"\ud800""#)),
        hs256_parts(
            &encode(HEADER),
            &encode([b"{\"a\":\"".as_slice(), &[0xFF], b"\"}"].concat()),
        ),
    ];
    for token in malformed {
        assert_eq!(refused(&lax(), &token), "token_malformed", "{token}");
    }
}

#[test]
fn a_last_symbol_with_loose_bits_is_malformed() {
    let token = hs256(HEADER, &payload(""));
    let mut loose = token.clone();
    // 43 symbols carry 258 bits: of the last one two bits must be zero.
    let last = loose.pop().unwrap();
    let symbols = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = symbols.find(last).unwrap();
    assert_eq!(place % 4, 0);
    for step in 1..4 {
        let symbol = symbols.as_bytes()[place + step] as char;
        assert_eq!(
            refused(&lax(), &format!("{loose}{symbol}")),
            "token_malformed"
        );
    }
}

#[test]
fn length_comes_before_everything() {
    let long = "x".repeat(16 * 1024 + 1);
    assert_eq!(refused(&lax(), &long), "token_too_large");
    assert_eq!(refused(&lax(), &long[1..]), "token_malformed");
    let filled = payload(&format!(r#","x":"{}""#, "y".repeat(11_900)));
    assert!(lax().verify(&hs256(HEADER, &filled)).is_ok());
}

#[test]
fn duplicate_members_are_refused_in_header_and_payload() {
    for token in [
        hs256(
            r#"{"alg":"HS256","typ":"at+jwt","alg":"HS256"}"#,
            &payload(""),
        ),
        hs256(
            r#"{"alg":"HS256","typ":"at+jwt","x":{"a":1,"a":1}}"#,
            &payload(""),
        ),
        hs256(HEADER, &payload(r#","sub":"eve""#)),
        hs256(HEADER, &payload(r#","\u0073ub":"eve""#)),
        hs256(HEADER, &payload(r#","x":[{"y":1,"y":2}]"#)),
    ] {
        assert_eq!(refused(&lax(), &token), "token_member_duplicate");
    }
}

#[test]
fn the_algorithm_is_the_keys_own() {
    for header in [
        r#"{"alg":"none","typ":"at+jwt"}"#,
        r#"{"alg":"NONE","typ":"at+jwt"}"#,
        r#"{"alg":"","typ":"at+jwt"}"#,
        r#"{"alg":"hs256","typ":"at+jwt"}"#,
        r#"{"alg":"HS384","typ":"at+jwt"}"#,
        r#"{"alg":"ES256","typ":"at+jwt"}"#,
    ] {
        assert_eq!(
            refused(&lax(), &hs256(header, &payload(""))),
            "token_algorithm_refused"
        );
    }
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(payload("")));
    assert_eq!(refused(&lax(), &unsigned), "token_algorithm_refused");
}

/// The public key's text as an HMAC secret: the oldest attack of all.
#[test]
fn a_public_key_is_no_secret() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let signer = key(algorithm, 1);
        let verifier = Verifier::new(Trust {
            issuer: Expected::Unchecked,
            audience: Expected::Unchecked,
            token_type: Expected::Unchecked,
            keys: KeySet::from(signer.verifying_key().clone()),
        })
        .clock(clock());
        let pem = signer.verifying_key().to_pem().unwrap();
        let forger = keystile::SigningKey::hs256(&pem).unwrap();
        let claims = Claims::new("eve", NOW + 900);
        for kid in [signer.key_id().as_str(), "another"] {
            let token = forger.with_key_id(kid).issue(&claims).unwrap();
            let code = refused(&verifier, &token);
            assert!(
                matches!(code, "token_algorithm_refused" | "token_key_unknown"),
                "{code}"
            );
        }
        assert!(verifier.verify(&signer.issue(&claims).unwrap()).is_ok());
    }
}

#[test]
fn critical_extensions_are_refused_and_embedded_keys_ignored() {
    for member in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""b64":false"#,
        r#""zip":"DEF""#,
    ] {
        let header = format!(r#"{{"alg":"HS256","typ":"at+jwt",{member}}}"#);
        assert_eq!(
            refused(&lax(), &hs256(&header, &payload(""))),
            "token_critical_refused"
        );
    }
    let header = r#"{"alg":"HS256","typ":"at+jwt","jku":"http://evil.example/","jwk":{"kty":"oct","k":"AAAA"},"x5c":["AAAA"]}"#;
    assert!(lax().verify(&hs256(header, &payload(""))).is_ok());
}

#[test]
fn keys_are_found_by_id_within_their_algorithm() {
    let header = r#"{"alg":"HS256","typ":"at+jwt","kid":"../../dev/null"}"#;
    assert_eq!(
        refused(&lax(), &hs256(header, &payload(""))),
        "token_key_unknown"
    );
    let id = hs256_keys().iter().next().unwrap().key_id().clone();
    let header = format!(r#"{{"typ":"at+jwt","kid":"{id}","alg":"HS256"}}"#);
    assert!(lax().verify(&hs256(&header, &payload(""))).is_ok());
    let header = format!(r#"{{"typ":"at+jwt","kid":"{id}","alg":"ES256"}}"#);
    assert_eq!(
        refused(&lax(), &hs256(&header, &payload(""))),
        "token_algorithm_refused"
    );
}

#[test]
fn nothing_is_said_about_claims_before_the_signature_holds() {
    let good = hs256(HEADER, &payload(""));
    let signature = good.rsplit('.').next().unwrap();
    for forged in [
        format!(r#"{{"sub":"ada","exp":{}}}"#, NOW - 1),
        r#"{"sub":1,"exp":"never"}"#.to_owned(),
        r#"{"iss":7}"#.to_owned(),
        payload(r#","nbf":99999999999"#),
        r#"{"a":1,"a":2}"#.to_owned(),
        "{}".to_owned(),
    ] {
        let token = format!("{}.{}.{signature}", encode(HEADER), encode(&forged));
        assert_eq!(
            refused(&lax(), &token),
            "token_signature_invalid",
            "{forged}"
        );
    }
    for at in 0..43 {
        let mut bytes = good.clone().into_bytes();
        let place = bytes.len() - 43 + at;
        bytes[place] = if bytes[place] == b'E' { b'I' } else { b'E' };
        let altered = String::from_utf8(bytes).unwrap();
        assert_eq!(refused(&lax(), &altered), "token_signature_invalid");
    }
}

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
    for exp in [
        "-1",
        "-0.0",
        "0",
        "1",
        "1800000000.9",
        "1800000000",
        "-9007199254740992",
        "1e-300",
    ] {
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

/// One issuer's key signs a token that names the other issuer.
#[test]
fn a_key_counts_for_its_own_issuer_only() {
    let (ours, theirs) = (key(Algorithm::EdDsa, 1), key(Algorithm::EdDsa, 2));
    let trust = |issuer: &str, key: &keystile::SigningKey| Trust {
        issuer: issuer.into(),
        audience: Expected::Unchecked,
        token_type: "at+jwt".into(),
        keys: KeySet::from(key.verifying_key().clone()),
    };
    let verifier = Verifier::new(trust("ours", &ours))
        .or_trust(trust("theirs", &theirs))
        .or_trust(Trust {
            issuer: Expected::Absent,
            audience: Expected::Unchecked,
            token_type: "at+jwt".into(),
            keys: hs256_keys(),
        })
        .require_claim("type", "access")
        .clock(clock());
    let claims = |issuer: &str| Claims {
        iss: Some(issuer.to_owned()),
        ..Claims::new("ada", NOW + 900)
    };
    assert!(
        verifier
            .verify(&ours.issue(&claims("ours")).unwrap())
            .is_ok()
    );
    assert!(
        verifier
            .verify(&theirs.issue(&claims("theirs")).unwrap())
            .is_ok()
    );
    assert_eq!(
        refused(&verifier, &ours.issue(&claims("theirs")).unwrap()),
        "token_key_unknown"
    );
    let posing = ours.with_key_id(theirs.key_id().as_str());
    assert_eq!(
        refused(&verifier, &posing.issue(&claims("theirs")).unwrap()),
        "token_signature_invalid"
    );
    assert_eq!(
        refused(&verifier, &ours.issue(&claims("nobody")).unwrap()),
        "token_issuer_wrong"
    );
    assert_eq!(
        refused(&verifier, &hs256(HEADER, &payload(""))),
        "token_claim_missing"
    );
    assert!(
        verifier
            .verify(&hs256(HEADER, &payload(r#","type":"access""#)))
            .is_ok()
    );
    let named = hs256(HEADER, &payload(r#","type":"access","iss":"ours""#));
    assert_eq!(refused(&verifier, &named), "token_algorithm_refused");
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

#[test]
fn replaced_keys_count_at_once_and_memory_with_them() {
    let (old, new) = (key(Algorithm::EdDsa, 1), key(Algorithm::EdDsa, 2));
    let verifier = Verifier::new(Trust {
        issuer: Expected::Unchecked,
        audience: Expected::Unchecked,
        token_type: "at+jwt".into(),
        keys: KeySet::from(old.verifying_key().clone()),
    })
    .clock(clock());
    let guard = Guard::new(verifier.clone());
    let claims = Claims::new("ada", NOW + 900);
    let (first, second) = (old.issue(&claims).unwrap(), new.issue(&claims).unwrap());
    assert!(guard.verify(&first).is_ok());
    assert!(verifier.replace_keys(0, KeySet::from(new.verifying_key().clone())));
    assert_eq!(
        guard.verify(&first).unwrap_err().code(),
        "token_key_unknown"
    );
    assert!(guard.verify(&second).is_ok());
    assert!(!verifier.replace_keys(1, KeySet::default()));
}

/// A published secret is none: `oct` in a JWKS neither verifies nor is written.
#[test]
fn a_symmetric_key_in_a_key_set_is_ignored() {
    let jwks = format!(
        r#"{{"keys":[{{"kty":"oct","k":"{}","alg":"HS256"}},{{"kty":"EC"}},7,null]}}"#,
        encode(SECRET)
    );
    let keys = KeySet::from_jwks_json(&jwks).unwrap();
    assert!(keys.is_empty());
    assert_eq!(hs256_keys().to_jwks_json(), r#"{"keys":[]}"#);
    let verifier = Verifier::new(Trust {
        issuer: Expected::Unchecked,
        audience: Expected::Unchecked,
        token_type: "at+jwt".into(),
        keys,
    })
    .clock(clock());
    assert_eq!(
        refused(&verifier, &hs256(HEADER, &payload(""))),
        "token_algorithm_refused"
    );
}

#[test]
fn several_secrets_are_tried_for_a_token_without_a_key_id() {
    let verifier = Verifier::new(Trust {
        issuer: Expected::Unchecked,
        audience: Expected::Unchecked,
        token_type: "at+jwt".into(),
        keys: KeySet::new([
            VerifyingKey::hs256([1; 32]).unwrap(),
            VerifyingKey::hs256(SECRET).unwrap(),
        ]),
    })
    .clock(clock());
    assert!(verifier.verify(&hs256(HEADER, &payload(""))).is_ok());
}

#[test]
fn a_token_taken_apart_is_shown_and_not_trusted() {
    let forged = format!("{}.{}.AAAA", encode(HEADER), encode(payload("")));
    let parts = take_apart_unverified(&forged).unwrap();
    assert_eq!(
        (parts.header.as_str(), parts.signature),
        (HEADER, vec![0; 3])
    );
    assert_eq!(parts.payload, payload(""));
    assert_eq!(
        take_apart_unverified("a.b").unwrap_err().code(),
        "token_malformed"
    );
}

/// Reasons that only a request can have are shown in the axum tests.
#[test]
fn a_refusal_never_holds_the_token() {
    let verifier = lax().clock(Clock::manual(Timestamp::from_seconds(NOW * 2)));
    let token = hs256(HEADER, &payload(r#","jti":"hunter2""#));
    let refusal = verifier.verify(&token).unwrap_err();
    let shown = format!("{refusal} {refusal:?}");
    assert!(!shown.contains("hunter2") && !shown.contains(&token[..20]));
}

/// Two secrets under one id, as after a rotation that kept the name: each is tried.
#[test]
fn keys_that_share_an_id_are_each_tried() {
    let one = keystile::SigningKey::hs256([1; 32])
        .unwrap()
        .with_key_id("k");
    let two = keystile::SigningKey::hs256([2; 32])
        .unwrap()
        .with_key_id("k");
    let verifier = Verifier::new(Trust {
        issuer: Expected::Unchecked,
        audience: Expected::Unchecked,
        token_type: Expected::Unchecked,
        keys: KeySet::new([&one, &two].map(|key| key.verifying_key().clone())),
    })
    .clock(clock());
    for key in [&one, &two] {
        let claims = Claims::new("ada", NOW + 900);
        assert!(verifier.verify(&key.issue(&claims).unwrap()).is_ok());
        assert!(
            verifier
                .verify(&key.issue_as("JWT", &claims).unwrap())
                .is_ok()
        );
    }
    let three = keystile::SigningKey::hs256([3; 32])
        .unwrap()
        .with_key_id("k");
    let forged = three.issue(&Claims::new("ada", NOW + 900)).unwrap();
    assert_eq!(refused(&verifier, &forged), "token_signature_invalid");
}
