//! Published vectors: RFC 7515 appendix A, RFC 7638, RFC 8037 appendix A, and Project Wycheproof's for each primitive.

use keystile::{
    Algorithm, Clock, Expected, KeySet, SigningKey, SubjectRule, Timestamp, Trust, Verifier,
    VerifyingKey, take_apart_unverified,
};

fn verifier(key: VerifyingKey) -> Verifier {
    Verifier::new(Trust {
        issuer: "joe".into(),
        audience: Expected::Unchecked,
        token_type: Expected::Unchecked,
        keys: KeySet::from(key),
    })
    .subject(SubjectRule::Unchecked)
    .clock(Clock::manual(Timestamp::from_seconds(1_300_819_379)))
}

/// RFC 7515, appendix A: `exp` is 1300819380.
const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

#[test]
fn rfc_7515_a_1_hs256() {
    let jwk = r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
    let token = format!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{PAYLOAD}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    let verified = verifier(VerifyingKey::from_jwk(jwk).unwrap())
        .verify(&token)
        .unwrap();
    assert_eq!(verified.claims().iss.as_deref(), Some("joe"));
    assert_eq!(verified.algorithm(), Some(Algorithm::Hs256));
}

const RS256_JWK: &str = r#"{"kty":"RSA",
"n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
"e":"AQAB"}"#;

#[test]
fn rfc_7515_a_2_rs256() {
    let token = format!(
        "eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    );
    let key = VerifyingKey::from_jwk(RS256_JWK).unwrap();
    assert!(verifier(key).verify(&token).is_ok());
}

const ES256_JWK: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;

#[test]
fn rfc_7515_a_3_es256() {
    let token = format!(
        "eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    let key = VerifyingKey::from_jwk(ES256_JWK).unwrap();
    assert!(verifier(key.clone()).verify(&token).is_ok());
    let signer = SigningKey::from_jwk(ES256_JWK).unwrap();
    assert_eq!(signer.key_id(), key.key_id());
}

/// Appendix A.5: `none` is not a signature.
#[test]
fn rfc_7515_a_5_unsecured() {
    let token = format!("eyJhbGciOiJub25lIn0.{PAYLOAD}.");
    let key = VerifyingKey::from_jwk(ES256_JWK).unwrap();
    let refusal = verifier(key).verify(&token).unwrap_err();
    assert_eq!(refusal.code(), "token_algorithm_refused");
}

#[test]
fn rfc_7638_3_1_thumbprint() {
    let jwk = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB"}"#;
    assert_eq!(
        VerifyingKey::from_jwk(jwk).unwrap().key_id().as_str(),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
}

const ED25519_JWK: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

#[test]
fn rfc_8037_a_thumbprint_and_signature() {
    let signer = SigningKey::from_jwk(ED25519_JWK).unwrap();
    assert_eq!(
        signer.key_id().as_str(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
    // Appendix A.4 signs text that is no JSON, so the signature itself is compared with the one that is printed.
    let message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let token = format!("{message}.{signature}");
    assert_eq!(
        take_apart_unverified(&token).unwrap_err().code(),
        "token_malformed"
    );
    let refusal = verifier(signer.verifying_key().clone())
        .verify(&token)
        .unwrap_err();
    assert_eq!(
        refusal.code(),
        "token_malformed",
        "the signature holds, the payload is no JSON"
    );
    let altered = format!(
        "{}A{}",
        &token[..token.len() - 20],
        &token[token.len() - 19..]
    );
    let refusal = verifier(signer.verifying_key().clone())
        .verify(&altered)
        .unwrap_err();
    assert_eq!(refusal.code(), "token_signature_invalid");
}

/// Whether this key, as a token's verifier uses it, accepts the signature over the message.
fn holds(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    key.verify_signature(message, signature)
}

#[test]
fn wycheproof_hmac_sha256() {
    let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha256).unwrap();
    let mut checked = 0;
    for group in &set.test_groups {
        for test in &group.tests {
            if group.tag_size != 256 || test.key.len() < 32 {
                continue;
            }
            let key = VerifyingKey::hs256(&*test.key).unwrap();
            assert_eq!(
                holds(&key, &test.msg, &test.tag),
                !test.result.must_fail(),
                "{}",
                test.tc_id
            );
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked}");
}

#[test]
fn wycheproof_ed25519() {
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    let mut checked = 0;
    for group in &set.test_groups {
        let key = VerifyingKey::from_der(&group.der).unwrap();
        for test in &group.tests {
            assert_eq!(
                holds(&key, &test.msg, &test.sig),
                !test.result.must_fail(),
                "{}",
                test.tc_id
            );
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn wycheproof_p256_in_fixed_form() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let mut checked = 0;
    for group in &set.test_groups {
        let key = VerifyingKey::from_pem(&group.pem).unwrap();
        for test in &group.tests {
            assert_eq!(
                holds(&key, &test.msg, &test.sig),
                !test.result.must_fail(),
                "{}",
                test.tc_id
            );
            checked += 1;
        }
    }
    assert!(checked > 200, "{checked}");
}

#[test]
fn wycheproof_rsa_pkcs1() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    for name in [
        TestName::Rsa2048Sha256,
        TestName::Rsa3072Sha256,
        TestName::Rsa4096Sha256,
    ] {
        let set = TestSet::load(name).unwrap();
        let mut checked = 0;
        for group in &set.test_groups {
            let key = VerifyingKey::from_der(&group.der).unwrap();
            for test in &group.tests {
                let passed = holds(&key, &test.msg, &test.sig);
                // An "acceptable" one, without the NULL of RFC 8017, may go either way.
                assert!(
                    !(passed && test.result.must_fail()),
                    "{name:?} {}",
                    test.tc_id
                );
                let valid = test.result == wycheproof::TestResult::Valid;
                assert!(passed || !valid, "{name:?} {}", test.tc_id);
                checked += 1;
            }
        }
        assert!(checked > 100, "{name:?} {checked}");
    }
}
