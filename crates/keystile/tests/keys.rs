//! Keys in every form in and out, and what is refused.

mod common;

use common::{NOW, clock, key};
use keystile::{
    Algorithm, Claims, Expected, KeySet, Random, SigningKey, Trust, Verifier, VerifyingKey,
};

const ASYMMETRIC: [Algorithm; 3] = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256];

fn verifies(key: &VerifyingKey, signer: &SigningKey) -> bool {
    let verifier = Verifier::new(Trust {
        issuer: Expected::Unchecked,
        audience: Expected::Unchecked,
        token_type: "at+jwt".into(),
        keys: KeySet::from(key.clone()),
    })
    .clock(clock());
    let token = signer.issue(&Claims::new("ada", NOW + 900)).unwrap();
    verifier.verify(&token).is_ok()
}

#[test]
fn every_form_of_a_key_is_the_same_key() {
    for algorithm in ASYMMETRIC {
        let signer = key(algorithm, 1);
        let public = signer.verifying_key();
        let jwk = public.to_jwk().unwrap().to_string();
        let forms = [
            VerifyingKey::from_pem(&public.to_pem().unwrap()).unwrap(),
            VerifyingKey::from_pem(&signer.to_pem().unwrap()).unwrap(),
            VerifyingKey::from_jwk(&jwk).unwrap(),
        ];
        for form in forms {
            assert_eq!(
                (form.algorithm(), form.key_id()),
                (algorithm, signer.key_id())
            );
            assert!(verifies(&form, &signer));
        }
        let der = signer.to_pkcs8_der().unwrap();
        for again in [
            SigningKey::from_pkcs8_der(der.expose()).unwrap(),
            SigningKey::from_pem(&signer.to_pem().unwrap()).unwrap(),
        ] {
            assert_eq!(again.key_id(), signer.key_id());
            assert!(verifies(public, &again));
        }
    }
}

#[test]
fn a_seed_repeats_its_keys_and_another_gives_others() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
        assert_eq!(key(algorithm, 1).key_id(), key(algorithm, 1).key_id());
        assert_ne!(key(algorithm, 1).key_id(), key(algorithm, 2).key_id());
        let drawn = SigningKey::generate(algorithm, &Random::system()).unwrap();
        assert!(verifies(drawn.verifying_key(), &drawn));
    }
}

#[test]
fn a_given_id_is_kept_everywhere() {
    let signer = key(Algorithm::EdDsa, 1).with_key_id("2026-11");
    assert_eq!(signer.verifying_key().key_id().as_str(), "2026-11");
    assert!(verifies(signer.verifying_key(), &signer));
    assert!(!verifies(
        &signer.verifying_key().with_key_id("2026-12"),
        &signer
    ));
    let set = KeySet::from(signer.verifying_key().clone());
    let read = KeySet::from_jwks_json(&set.to_jwks_json()).unwrap();
    assert!(verifies(read.get("2026-11").unwrap(), &signer));
}

#[test]
fn private_jwks_sign() {
    for (jwk, algorithm) in [
        (
            r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#,
            Algorithm::Es256,
        ),
        (
            r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"sig","key_ops":["sign"]}"#,
            Algorithm::EdDsa,
        ),
        (
            r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow","alg":"HS256"}"#,
            Algorithm::Hs256,
        ),
    ] {
        let signer = SigningKey::from_jwk(jwk).unwrap();
        assert_eq!(signer.algorithm(), algorithm);
        assert!(verifies(signer.verifying_key(), &signer));
        // A private part that does not belong to the public one.
        let other = jwk.replace("jpsQ", "jpsR").replace("nWGx", "nWGy");
        assert!(algorithm.is_symmetric() || SigningKey::from_jwk(&other).is_err());
    }
}

#[test]
fn weak_and_foreign_keys_are_refused_with_the_cure() {
    let refused =
        |result: Result<VerifyingKey, keystile::KeyError>| result.unwrap_err().to_string();
    assert!(refused(VerifyingKey::hs256([1; 31])).contains("31"));
    assert!(refused(VerifyingKey::hs256("")).contains("openssl rand"));
    let small = format!(
        r#"{{"kty":"RSA","e":"AQAB","n":"{}"}}"#,
        common::encode([0xFF; 128])
    );
    assert!(refused(VerifyingKey::from_jwk(&small)).contains("1024"));
    for exponent in ["AQ", "Ag", "", "AQAAAAE"] {
        let jwk = format!(
            r#"{{"kty":"RSA","e":"{exponent}","n":"{}"}}"#,
            common::encode([0xFF; 256])
        );
        assert!(VerifyingKey::from_jwk(&jwk).is_err(), "{exponent}");
    }
    for jwk in [
        "",
        "{}",
        "[]",
        r#"{"kty":"EC"}"#,
        r#"{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}"#,
        r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#,
        // Not on the curve.
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1"}"#,
        r#"{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="}"#,
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"enc"}"#,
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","key_ops":["encrypt"]}"#,
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","alg":"HS256"}"#,
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","x":"AA"}"#,
    ] {
        assert!(VerifyingKey::from_jwk(jwk).is_err(), "{jwk}");
    }
    for bytes in [
        &[][..],
        &[0x30],
        &[0x30, 0x82, 0xFF, 0xFF],
        &[0x30, 0x03, 0x02, 0x01, 0x00],
    ] {
        assert!(
            VerifyingKey::from_der(bytes).is_err() && SigningKey::from_pkcs8_der(bytes).is_err()
        );
    }
    let public = key(Algorithm::EdDsa, 1).verifying_key().to_pem().unwrap();
    assert!(
        SigningKey::from_pem(&public)
            .unwrap_err()
            .to_string()
            .contains("cannot sign")
    );
    assert!(key(Algorithm::Hs256, 1).to_pem().is_err());
}

#[test]
fn one_bad_key_spoils_no_set() {
    let good = key(Algorithm::Es256, 1);
    let jwk = good.verifying_key().to_jwk().unwrap();
    let jwks = format!(
        r#"{{"keys":[{{"kty":"EC","crv":"P-256"}},7,null,{{"kty":"RSA","n":"!","e":"AQAB"}},{jwk},{{"kty":"oct","k":"AAAA"}}]}}"#
    );
    let set = KeySet::from_jwks_json(&jwks).unwrap();
    assert_eq!(set.len(), 1);
    assert!(verifies(set.get(good.key_id().as_str()).unwrap(), &good));
    for text in ["", "[]", "{}", r#"{"keys":7}"#, "null"] {
        assert!(KeySet::from_jwks_json(text).is_err(), "{text}");
    }
}

#[test]
fn a_published_set_has_nothing_private_in_it() {
    let keys = [
        key(Algorithm::Es256, 1),
        key(Algorithm::EdDsa, 1),
        key(Algorithm::Hs256, 1),
    ];
    let set = KeySet::new(keys.iter().map(|key| key.verifying_key().clone()));
    let json: serde_json::Value = serde_json::from_str(&set.to_jwks_json()).unwrap();
    let written = json["keys"].as_array().unwrap();
    assert_eq!(written.len(), 2);
    for key in written {
        for private in ["d", "k", "p", "q", "dp", "dq", "qi"] {
            assert!(key.get(private).is_none());
        }
        assert_eq!(key["use"], "sig");
    }
}

#[test]
fn debug_of_a_key_shows_its_name_only() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm, 9);
        let expected = format!(
            "{{ algorithm: {algorithm:?}, key_id: KeyId(\"{}\"), .. }}",
            key.key_id()
        );
        assert_eq!(format!("{key:?}"), format!("SigningKey {expected}"));
        assert_eq!(
            format!("{:?}", key.verifying_key()),
            format!("VerifyingKey {expected}")
        );
    }
    let secret = "a secret of more than thirty-two bytes";
    let guard = keystile::Guard::hs256(secret).unwrap();
    assert!(!format!("{guard:?}").contains("thirty"));
}

#[test]
fn a_program_that_ends_with_a_fault_of_its_key_says_what_to_do() {
    let fault = keystile::Guard::hs256("hunter2").unwrap_err();
    let printed = format!("{:?}", Box::<dyn std::error::Error>::from(fault));
    assert!(
        printed.contains("at least 32 bytes, this one has 7; make one with `openssl rand -hex 32`")
    );
    assert!(!printed.contains("hunter2"));
}

#[test]
fn a_token_that_a_verifier_would_refuse_is_not_issued() {
    #[derive(serde::Serialize)]
    struct Extra {
        sub: &'static str,
    }
    let signer = key(Algorithm::Hs256, 1);
    let claims = Claims::new("ada", NOW).with_extra(Extra { sub: "eve" });
    assert!(
        signer
            .issue(&claims)
            .unwrap_err()
            .to_string()
            .contains("token_member_duplicate")
    );
    let long = Claims::new("x".repeat(17_000), NOW);
    assert!(
        signer
            .issue(&long)
            .unwrap_err()
            .to_string()
            .contains("token_too_large")
    );
    let timeless = Claims::new("ada", i64::MAX);
    assert!(
        signer
            .issue(&timeless)
            .unwrap_err()
            .to_string()
            .contains("token_claim_malformed")
    );
    let wrong = Claims::new("ada", NOW).with_extra(7);
    assert!(signer.issue(&wrong).is_err());
}

/// Made by `openssl ecparam -genkey -name secp384r1 -noout`; it opens nothing.
const P384: &str = "\
-----BEGIN EC PRIVATE KEY-----
MIGkAgEBBDC8HQW6cEcEkAJ6N3z6cYQoQclmLn/8xaQm5ftj0xb4ZCXEXuvVBpkJ
G6aXeaSq2qOgBwYFK4EEACKhZANiAARnJm7PY5I9FrESPsGMUDn/trJaq95GIyZq
mo0RJ0syXS777nAAmxA4bo5paxtjelkGONoYlKEIxJSUuETDp2s77LR4qhEcH4/n
AHQ6avNH6kA7N786Ae9XvLYjhWIOEtM=
-----END EC PRIVATE KEY-----
";

#[test]
fn a_key_on_another_curve_is_said_to_be_one() {
    let refused = SigningKey::from_pem(P384).unwrap_err().to_string();
    assert!(refused.contains("P-256"), "{refused}");
}
