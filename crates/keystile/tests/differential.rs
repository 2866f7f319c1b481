//! `jsonwebtoken` as an oracle: each side's tokens pass at the other, and whatever passes here passes there.

mod common;

use common::{HEADER, NOW, SECRET, clock, encode, hs256, hs256_parts, key, lax, payload};
use jsonwebtoken as oracle;
use keystile::{
    Algorithm, Claims, Expected, KeySet, SigningKey, Trust, Verifier, take_apart_unverified,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn decoding(signer: &SigningKey) -> (oracle::DecodingKey, oracle::Validation) {
    let pem = signer.verifying_key().to_pem().unwrap();
    let (key, algorithm) = match signer.algorithm() {
        Algorithm::Es256 => (
            oracle::DecodingKey::from_ec_pem(pem.as_bytes()),
            oracle::Algorithm::ES256,
        ),
        Algorithm::EdDsa => (
            oracle::DecodingKey::from_ed_pem(pem.as_bytes()),
            oracle::Algorithm::EdDSA,
        ),
        _ => (
            oracle::DecodingKey::from_rsa_pem(pem.as_bytes()),
            oracle::Algorithm::RS256,
        ),
    };
    (key.unwrap(), validation(algorithm))
}

fn validation(algorithm: oracle::Algorithm) -> oracle::Validation {
    let mut validation = oracle::Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

fn encoding(signer: &SigningKey) -> oracle::EncodingKey {
    let pem = signer.to_pem().unwrap();
    match signer.algorithm() {
        Algorithm::Es256 => oracle::EncodingKey::from_ec_pem(pem.as_bytes()),
        Algorithm::EdDsa => oracle::EncodingKey::from_ed_pem(pem.as_bytes()),
        _ => oracle::EncodingKey::from_rsa_pem(pem.as_bytes()),
    }
    .unwrap()
}

#[test]
fn each_sides_tokens_pass_at_the_other() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let signer = key(algorithm, 3);
        let token = signer.issue(&Claims::new("ada", NOW + 900)).unwrap();
        let (decoding, validation) = decoding(&signer);
        let theirs = oracle::decode::<Value>(&token, &decoding, &validation).unwrap();
        assert_eq!(theirs.claims, json!({"sub": "ada", "exp": NOW + 900}));
        assert_eq!(theirs.header.kid.as_deref(), Some(signer.key_id().as_str()));

        let mut header = oracle::Header::new(validation.algorithms[0]);
        header.kid = Some(signer.key_id().to_string());
        let claims =
            json!({"sub": "eve", "exp": NOW + 900, "aud": ["a", "b"], "nested": {"a": [1, 2]}});
        let token = oracle::encode(&header, &claims, &encoding(&signer)).unwrap();
        let verifier = Verifier::new(Trust {
            issuer: Expected::Unchecked,
            audience: "b".into(),
            token_type: "JWT".into(),
            keys: KeySet::from(signer.verifying_key().clone()),
        })
        .clock(clock());
        let ours = verifier.verify(&token).unwrap();
        assert_eq!(ours.extra::<Value>().unwrap(), claims);
    }
}

/// The oracle's verdict, without looking at times.
fn oracle_accepts(token: &str) -> bool {
    let key = oracle::DecodingKey::from_secret(&SECRET);
    oracle::decode::<Value>(token, &key, &validation(oracle::Algorithm::HS256)).is_ok()
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{0,4}", inner, 0..5)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn claim_name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "iss",
            "sub",
            "aud",
            "exp",
            "nbf",
            "iat",
            "jti",
            "sid",
            "gen",
            "scope",
            "roles",
            "auth_time",
            "amr",
            "preferred_username",
            "client_id",
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,6}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Claims of any type: nothing panics, and what passes is what was written.
    #[test]
    fn whatever_passes_here_passes_there(members in prop::collection::hash_map(claim_name(), json_value(), 0..8)) {
        let mut claims: serde_json::Map<String, Value> = members.into_iter().collect();
        claims.entry("sub").or_insert_with(|| "ada".into());
        claims.entry("exp").or_insert_with(|| (NOW + 900).into());
        let json = Value::Object(claims.clone()).to_string();
        let token = hs256(HEADER, &json);
        if let Ok(verified) = lax().verify(&token) {
            prop_assert!(oracle_accepts(&token));
            prop_assert_eq!(verified.extra::<Value>().unwrap(), serde_json::from_str::<Value>(&json).unwrap());
            prop_assert_eq!(Some(verified.claims().sub.as_str()), claims["sub"].as_str());
            prop_assert!(claims["exp"].is_number());
        }
    }

    /// One byte changed, dropped or doubled anywhere: refused, always.
    #[test]
    fn no_mutation_of_a_token_passes(at in any::<prop::sample::Index>(), byte in any::<u8>(), kind in 0..3) {
        let token = hs256(HEADER, &payload(r#","iss":"i","aud":"a","roles":["r"],"scope":"s t""#));
        let mut bytes = token.clone().into_bytes();
        let at = at.index(bytes.len());
        match kind {
            0 => bytes[at] = byte,
            1 => { bytes.remove(at); }
            _ => bytes.insert(at, byte),
        }
        if let Ok(mutant) = String::from_utf8(bytes) {
            prop_assert!(mutant == token || lax().verify(&mutant).is_err(), "{}", mutant);
        }
    }

    /// Bytes of any kind, as a token and as its parts.
    #[test]
    fn nothing_panics(text in "\\PC{0,200}", header in prop::collection::vec(any::<u8>(), 0..60), body in prop::collection::vec(any::<u8>(), 0..120)) {
        prop_assert!(lax().verify(&text).is_err());
        let token = hs256_parts(&encode(&header), &encode(&body));
        let _ = lax().verify(&token);
        let signed = hs256_parts(&encode(HEADER), &encode(&body));
        if lax().verify(&signed).is_ok() {
            prop_assert!(oracle_accepts(&signed));
        }
        let _ = take_apart_unverified(&token);
    }

    /// A payload with one byte changed before it is signed: what still passes is JSON to serde_json too.
    #[test]
    fn a_mutated_payload_passes_only_as_json(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = payload(r#","x":{"y":[1,2,{"z":"\u00e9"}]},"aud":["a"]"#).into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        let token = hs256_parts(&encode(HEADER), &encode(&body));
        if lax().verify(&token).is_ok() {
            prop_assert!(serde_json::from_slice::<Value>(&body).is_ok());
            prop_assert!(oracle_accepts(&token));
        }
    }

    /// Base64url: what is taken apart is what encodes to it again, so every token has one spelling.
    #[test]
    fn every_signature_has_one_spelling(signature in "[A-Za-z0-9_=+/-]{0,12}") {
        let token = format!("{}.{}.{signature}", encode(HEADER), encode("{}"));
        if let Ok(parts) = take_apart_unverified(&token) {
            prop_assert_eq!(encode(parts.signature), signature);
        }
    }

    /// Keys of any bytes: refused or taken, never a panic.
    #[test]
    fn no_key_text_panics(text in "\\PC{0,200}", der in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = keystile::VerifyingKey::from_pem(&text);
        let _ = keystile::VerifyingKey::from_jwk(&text);
        let _ = KeySet::from_jwks_json(&text);
        let _ = keystile::VerifyingKey::from_der(&der);
        let _ = SigningKey::from_pkcs8_der(&der);
    }
}
