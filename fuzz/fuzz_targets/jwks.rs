//! Any text as a key or a key set: nothing panics, and what is written again reads as the same.
#![no_main]

use keystile::{KeySet, SigningKey, VerifyingKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(set) = KeySet::from_jwks_json(text) {
        let again = KeySet::from_jwks_json(&set.to_jwks_json()).expect("our own document");
        assert!(set.iter().zip(again.iter()).all(|(one, two)| one.key_id() == two.key_id()));
        assert_eq!(set.len(), again.len());
    }
    let _ = VerifyingKey::from_jwk(text);
    let _ = SigningKey::from_jwk(text);
    let _ = VerifyingKey::from_pem(text);
    let _ = SigningKey::from_pem(text);
    let _ = VerifyingKey::from_der(text.as_bytes());
    let _ = SigningKey::from_pkcs8_der(text.as_bytes());
});
