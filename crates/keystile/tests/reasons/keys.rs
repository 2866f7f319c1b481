//! Which key may verify a token.

use keystile::{Algorithm, Claims, Expected, Guard, KeySet, Trust, Verifier, VerifyingKey};

use crate::common::{
    HEADER, NOW, SECRET, clock, encode, hs256, hs256_keys, key, lax, payload, refused,
};

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
