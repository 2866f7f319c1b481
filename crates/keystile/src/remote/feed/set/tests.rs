//! What a SET says, and what is not believed.

use aws_lc_rs::signature::Ed25519KeyPair;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Random, SigningKey};

const ISSUER: &str = "https://id.example";

/// Signs anything.
struct Signer {
    pair: Ed25519KeyPair,
    keys: KeySet,
}

impl Signer {
    fn new(seed: u64) -> Self {
        let bytes = Random::seeded(seed).bytes::<32>();
        let key = SigningKey::generate(Algorithm::EdDsa, &Random::seeded(seed)).unwrap();
        Self {
            pair: Ed25519KeyPair::from_seed_unchecked(&bytes).unwrap(),
            keys: KeySet::from(key.verifying_key().with_key_id("a")),
        }
    }

    fn sign(&self, header: &str, payload: &str) -> String {
        let encoded = |text: &str| base64url::encode(text.as_bytes());
        let signed = format!("{}.{}", encoded(header), encoded(payload));
        let signature = self.pair.sign(signed.as_bytes());
        format!("{signed}.{}", base64url::encode(signature.as_ref()))
    }

    fn read(&self, header: &str, payload: &str) -> Result<Said, Fault> {
        read(&self.sign(header, payload), ISSUER, &self.keys, |_| false)
    }
}

const HEADER: &str = r#"{"alg":"EdDSA","kid":"a","typ":"secevent+jwt"}"#;

fn claims(sub_id: &Value, kind: &str, details: &Value) -> Value {
    json!({
        "iss": ISSUER, "jti": "1", "iat": 1_800_000_000,
        "sub_id": sub_id, "events": { kind: details },
    })
}

fn session(details: &Value) -> Value {
    let sub_id = json!({ "format": "complex", "session": { "format": "opaque", "id": "s" } });
    claims(&sub_id, SESSION, details)
}

fn subject(details: &Value) -> Value {
    let sub_id = json!({ "format": "iss_sub", "iss": ISSUER, "sub": "ada" });
    claims(&sub_id, SUBJECT, details)
}

fn said(payload: &Value) -> Result<Said, Fault> {
    Signer::new(1).read(HEADER, &payload.to_string())
}

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

#[test]
fn each_event_is_read() {
    let token = json!({ "format": "jwt_id", "iss": ISSUER, "jti": "t" });
    let key = json!({ "format": "opaque", "id": "k" });
    let subject_of = |generation_below, issued_up_to| Said::Subject {
        sub: "ada".into(),
        generation_below,
        issued_up_to,
        until: at(9),
    };
    for (payload, expected) in [
        (
            session(&json!({ "until": 9, "event_timestamp": 3, "x": [] })),
            Said::Session {
                sid: "s".into(),
                until: at(9),
            },
        ),
        (
            claims(&token, TOKEN, &json!({ "until": 9 })),
            Said::Token {
                jti: "t".into(),
                until: at(9),
            },
        ),
        (
            subject(&json!({ "until": 9, "generation_below": 4 })),
            subject_of(Some(4), None),
        ),
        (
            subject(&json!({ "until": 9, "issued_up_to": 5 })),
            subject_of(None, Some(at(5))),
        ),
        (
            subject(&json!({ "until": 9, "issued_up_to": 5, "generation_below": 0 })),
            subject_of(Some(0), Some(at(5))),
        ),
        (claims(&key, KEY, &json!({})), Said::Key("k".into())),
        (
            claims(&key, KEY, &json!({ "event_timestamp": 3 })),
            Said::Key("k".into()),
        ),
        (
            claims(&json!({ "format": "email" }), "urn:x", &json!(5)),
            Said::Other,
        ),
        (
            claims(
                &json!({}),
                "https://schemas.openid.net/secevent/caep/event-type/other",
                &json!({}),
            ),
            Said::Other,
        ),
    ] {
        assert_eq!(said(&payload), Ok(expected), "{payload}");
    }
}

#[test]
fn an_event_of_a_known_type_with_something_missing_or_wrong_is_a_fault() {
    let whole = json!({ "until": 9, "generation_below": 4, "issued_up_to": 5 });
    let of = |sub_id: Value, kind: &str| claims(&sub_id, kind, &whole);
    let opaque = json!({ "format": "opaque", "id": "s" });
    for payload in [
        session(&json!({})),
        session(&json!(null)),
        session(&json!([])),
        session(&json!({ "until": null })),
        session(&json!({ "until": "9" })),
        session(&json!({ "until": 9.5 })),
        session(&json!({ "until": -1 })),
        session(&json!({ "until": 1_i64 << 53 })),
        session(&json!({ "until": u64::MAX })),
        of(json!({ "format": "complex" }), SESSION),
        of(
            json!({ "format": "complex", "session": { "format": "opaque" } }),
            SESSION,
        ),
        of(
            json!({ "format": "complex", "session": { "format": "email", "id": "s" } }),
            SESSION,
        ),
        of(
            json!({ "format": "complex", "session": { "format": "opaque", "id": "" } }),
            SESSION,
        ),
        of(json!({ "format": "opaque", "session": opaque }), SESSION),
        of(opaque.clone(), SESSION),
        of(json!({ "format": "jwt_id", "iss": ISSUER }), TOKEN),
        of(json!({ "format": "jwt_id", "jti": "t" }), TOKEN),
        of(
            json!({ "format": "jwt_id", "iss": "https://other.example", "jti": "t" }),
            TOKEN,
        ),
        of(
            json!({ "format": "jwt_id", "iss": ISSUER, "jti": "" }),
            TOKEN,
        ),
        of(
            json!({ "format": "jwt_id", "iss": ISSUER, "jti": 7 }),
            TOKEN,
        ),
        of(json!({ "format": "iss_sub", "iss": ISSUER }), SUBJECT),
        of(json!({ "format": "iss_sub", "sub": "ada" }), SUBJECT),
        of(
            json!({ "format": "iss_sub", "iss": "https://other.example", "sub": "ada" }),
            SUBJECT,
        ),
        of(
            json!({ "format": "ISS_SUB", "iss": ISSUER, "sub": "ada" }),
            SUBJECT,
        ),
        subject(&json!({ "until": 9 })),
        subject(&json!({ "generation_below": 4 })),
        subject(&json!({ "until": 9, "generation_below": -1 })),
        subject(&json!({ "until": 9, "generation_below": 1.5 })),
        subject(&json!({ "until": 9, "generation_below": 1_i64 << 53 })),
        subject(&json!({ "until": 9, "generation_below": -1, "issued_up_to": 5 })),
        subject(&json!({ "until": 9, "generation_below": 4, "issued_up_to": -5 })),
        of(json!({ "format": "opaque" }), KEY),
        of(json!({ "format": "opaque", "id": "" }), KEY),
        of(json!({ "format": "complex", "session": opaque }), KEY),
    ] {
        assert!(matches!(said(&payload), Err(Fault::Wrong(_))), "{payload}");
    }
}

#[test]
fn claims_are_those_of_a_set_of_this_issuer() {
    let good = session(&json!({ "until": 9 }));
    assert!(said(&good).is_ok());
    for (name, value) in [
        ("iss", json!("https://id.example/")),
        ("iss", json!("")),
        ("iss", json!([ISSUER])),
        ("iss", json!(null)),
        ("jti", json!("")),
        ("jti", json!(1)),
        ("iat", json!("now")),
        ("iat", json!(null)),
        ("sub_id", json!("s")),
        ("sub_id", json!(null)),
        ("events", json!({})),
        ("events", json!([])),
        ("events", json!({ SESSION: { "until": 9 }, "urn:x": {} })),
        ("exp", json!(9)),
        ("sub", json!("ada")),
        ("aud", json!("cakes")),
    ] {
        let mut payload = good.clone();
        payload[name] = value.clone();
        assert!(
            matches!(said(&payload), Err(Fault::Wrong(_))),
            "{name}: {value}"
        );
    }
    for name in ["iss", "jti", "iat", "sub_id", "events"] {
        let mut payload = good.clone();
        payload.as_object_mut().unwrap().remove(name);
        assert!(matches!(said(&payload), Err(Fault::Wrong(_))), "{name}");
    }
    let good = good.to_string();
    for payload in [
        good.replacen('{', r#"{"iss":"https://other.example","#, 1),
        good.replacen(r#""until":9"#, r#""until":9,"\u0075ntil":900"#, 1),
        format!("{good} x"),
        good.replacen(
            r#""jti":"1""#,
            &format!(r#""jti":"1","x":{}{}"#, "[".repeat(40), "]".repeat(40)),
            1,
        ),
        String::new(),
        "[]".into(),
    ] {
        let fault = Signer::new(1).read(HEADER, &payload);
        assert!(matches!(fault, Err(Fault::Wrong(_))), "{payload}");
    }
}

#[test]
fn the_header_says_what_it_is_and_which_key_signed_it() {
    let signer = Signer::new(1);
    let payload = session(&json!({ "until": 9 })).to_string();
    for header in [
        HEADER,
        r#"{"kid":"a","alg":"EdDSA","typ":"application/SECEVENT+JWT","jku":"https://x"}"#,
    ] {
        assert!(signer.read(header, &payload).is_ok(), "{header}");
    }
    for header in [
        r#"{"alg":"EdDSA","kid":"a"}"#,
        r#"{"alg":"EdDSA","kid":"a","typ":"at+jwt"}"#,
        r#"{"alg":"EdDSA","kid":"a","typ":"JWT"}"#,
        r#"{"alg":"EdDSA","typ":"secevent+jwt"}"#,
        r#"{"alg":"none","kid":"a","typ":"secevent+jwt"}"#,
        r#"{"alg":"HS256","kid":"a","typ":"secevent+jwt"}"#,
        r#"{"alg":"ES256","kid":"a","typ":"secevent+jwt"}"#,
        r#"{"alg":"EdDSA","kid":"a","typ":"secevent+jwt","crit":["x"]}"#,
        r#"{"alg":"EdDSA","kid":"a","kid":"b","typ":"secevent+jwt"}"#,
        "{}",
        "",
    ] {
        let fault = signer.read(header, &payload);
        assert!(matches!(fault, Err(Fault::Wrong(_))), "{header}: {fault:?}");
    }
    let unknown = signer.read(&HEADER.replace("\"a\"", "\"b\""), &payload);
    assert_eq!(unknown, Err(Fault::KeyUnknown("b".into())));
}

#[test]
fn only_the_issuers_living_keys_are_believed() {
    let (signer, other) = (Signer::new(1), Signer::new(2));
    let payload = session(&json!({ "until": 9 })).to_string();
    let set = signer.sign(HEADER, &payload);
    let read_by = |set: &str, signer: &Signer| read(set, ISSUER, &signer.keys, |_| false);
    assert!(read_by(&set, &signer).is_ok());
    assert!(
        matches!(read_by(&set, &other), Err(Fault::Wrong(_))),
        "the same id, another key"
    );
    let both: KeySet = other
        .keys
        .iter()
        .chain(signer.keys.iter())
        .cloned()
        .collect();
    assert!(read(&set, ISSUER, &both, |_| false).is_ok());
    let withdrawn = read(&set, ISSUER, &signer.keys, |id| id.as_str() == "a");
    assert!(matches!(withdrawn, Err(Fault::Wrong(_))));
    // A withdrawn key is not fetched again either.
    let gone = read(&set, ISSUER, &KeySet::default(), |_| true);
    assert!(matches!(gone, Err(Fault::Wrong(_))));

    let cut = &set[..set.len() - 1];
    let longer = format!("{set}AAAA");
    let padded = format!("{set}=");
    let two_parts = &set[..set.rfind('.').unwrap()];
    let unsigned = format!("{two_parts}.");
    for wrong in [
        cut,
        &longer,
        &padded,
        two_parts,
        &unsigned,
        "",
        "..",
        &"a".repeat(20_000),
    ] {
        assert!(
            matches!(read_by(wrong, &signer), Err(Fault::Wrong(_))),
            "{wrong}"
        );
    }
}

/// An access token that its issuer signed is no SET, whatever it claims.
#[test]
fn an_access_token_is_no_set() {
    let key = SigningKey::generate(Algorithm::EdDsa, &Random::seeded(1)).unwrap();
    let key = key.with_key_id("a");
    let claims = crate::Claims {
        iss: Some(ISSUER.into()),
        ..crate::Claims::new("ada", 9).with_extra(session(&json!({ "until": 9 }))["events"].clone())
    };
    let keys = KeySet::from(key.verifying_key().clone());
    for token in [
        key.issue(&claims).unwrap(),
        key.issue_as(TYPE, &claims).unwrap(),
    ] {
        assert!(matches!(
            read(&token, ISSUER, &keys, |_| false),
            Err(Fault::Wrong(_))
        ));
    }
}

proptest! {
    /// One bit changed anywhere, and it is not believed.
    #[test]
    fn no_bit_may_change(at in any::<prop::sample::Index>(), bit in 0..7_u32) {
        let signer = Signer::new(1);
        let set = signer.sign(HEADER, &session(&json!({ "until": 9 })).to_string());
        let mut bytes = set.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assert!(read(&changed, ISSUER, &signer.keys, |_| false).is_err());
    }

    /// Any header and any claims under a signature that holds: nothing panics.
    #[test]
    fn any_signed_bytes_are_borne(header: String, payload: String, text: String) {
        let signer = Signer::new(1);
        let _ = signer.read(&header, &payload);
        let _ = signer.read(HEADER, &payload);
        let _ = read(&text, ISSUER, &signer.keys, |_| false);
    }
}
