//! Tokens that one issuer's key makes in another's name.

use keystile::{Algorithm, Claims, Expected, KeySet, SigningKey, Trust, Verifier, VerifyingKey};

use crate::common::{NOW, clock, encode, key, refused};

fn verifier(entries: &[(&str, &SigningKey)]) -> Verifier {
    let trust = |(issuer, key): &(&str, &SigningKey)| Trust {
        issuer: (*issuer).into(),
        audience: Expected::Unchecked,
        token_type: Expected::Unchecked,
        keys: KeySet::from(key.verifying_key().clone()),
    };
    let mut entries = entries.iter().map(trust);
    let first = Verifier::new(entries.next().unwrap());
    entries.fold(first, Verifier::or_trust).clock(clock())
}

fn in_the_name_of(issuer: &str) -> Claims {
    Claims {
        iss: Some(issuer.into()),
        ..Claims::new("ada", NOW + 900)
    }
}

#[test]
fn one_issuers_key_signs_nothing_in_anothers_name() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
        let (a, b) = (key(algorithm, 1), key(algorithm, 2));
        let verifier = verifier(&[("a", &a), ("b", &b)]);
        assert!(
            verifier
                .verify(&a.issue(&in_the_name_of("a")).unwrap())
                .is_ok()
        );
        assert!(
            verifier
                .verify(&b.issue(&in_the_name_of("b")).unwrap())
                .is_ok()
        );
        let forged = b.issue(&in_the_name_of("a")).unwrap();
        assert_eq!(refused(&verifier, &forged), "token_key_unknown");
        // Under the other's key id too.
        let forged = b
            .with_key_id(a.key_id().as_str())
            .issue(&in_the_name_of("a"));
        assert_eq!(
            refused(&verifier, &forged.unwrap()),
            "token_signature_invalid"
        );
        assert_eq!(
            refused(&verifier, &b.issue(&in_the_name_of("c")).unwrap()),
            "token_issuer_wrong"
        );
    }
}

/// The public key is everybody's: as an HS256 secret it must never be taken, in whatever form it is written.
#[test]
fn a_public_key_is_no_secret() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let own = key(algorithm, 3);
        let other = key(Algorithm::Hs256, 4);
        let verifiers = [
            verifier(&[("a", &own)]),
            verifier(&[("a", &own), ("b", &other)]),
            verifier(&[("b", &other), ("a", &own)]),
        ];
        let pem = own.verifying_key().to_pem().unwrap();
        let jwk = own.verifying_key().to_jwk().unwrap().to_string();
        for secret in [pem.as_bytes(), pem.trim_end().as_bytes(), jwk.as_bytes()] {
            let forger = SigningKey::hs256(secret).unwrap();
            let forger = forger.with_key_id(own.key_id().as_str());
            let token = forger.issue(&in_the_name_of("a")).unwrap();
            for verifier in &verifiers {
                assert_eq!(refused(verifier, &token), "token_algorithm_refused");
            }
        }
    }
}

/// Two entries may name the same issuer; the first of them is asked, and no other.
#[test]
fn a_second_entry_of_the_same_issuer_is_never_asked() {
    let (a, b) = (key(Algorithm::Es256, 1), key(Algorithm::Es256, 2));
    let verifier = verifier(&[("a", &a), ("a", &b)]);
    let token = b.issue(&in_the_name_of("a")).unwrap();
    assert_eq!(refused(&verifier, &token), "token_key_unknown");
}

#[test]
fn a_key_that_a_token_brings_is_passed_over() {
    let (own, forger) = (key(Algorithm::Es256, 1), key(Algorithm::Es256, 2));
    let jwk = forger.verifying_key().to_jwk().unwrap();
    let header = format!(
        r#"{{"alg":"ES256","typ":"at+jwt","kid":"{}","jwk":{jwk}}}"#,
        own.key_id()
    );
    let payload = format!(r#"{{"iss":"a","sub":"ada","exp":{}}}"#, NOW + 900);
    let usual = forger.with_key_id(own.key_id().as_str());
    let usual = usual.issue(&in_the_name_of("a")).unwrap();
    let signature = usual.rsplit('.').next().unwrap();
    let token = format!("{}.{}.{signature}", encode(&header), encode(&payload));
    let verifier = verifier(&[("a", &own)]);
    assert_eq!(refused(&verifier, &token), "token_signature_invalid");
    assert!(VerifyingKey::from_jwk(&jwk.to_string()).is_ok());
}
