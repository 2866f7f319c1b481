//! Any header and any payload under a signature that holds: nothing panics, and what passes is JSON.
#![no_main]

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keystile::{Expected, KeySet, SubjectRule, Trust, Verifier, VerifyingKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|parts: (&[u8], &[u8])| {
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(parts.0),
        URL_SAFE_NO_PAD.encode(parts.1)
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    let tag = hmac::sign(&key, signed.as_bytes());
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag));
    let verifier = Verifier::new(Trust {
        issuer: Expected::Unchecked,
        audience: Expected::Unchecked,
        token_type: Expected::Unchecked,
        keys: KeySet::from(VerifyingKey::hs256([7; 32]).expect("32 bytes")),
    })
    .subject(SubjectRule::Unchecked);
    if verifier.verify(&token).is_ok() {
        for part in [parts.0, parts.1] {
            serde_json::from_slice::<serde_json::Map<_, serde_json::Value>>(part)
                .expect("only JSON objects pass");
        }
    }
});
