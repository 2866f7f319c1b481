//! Any bytes as a token: nothing panics, and nothing that was not signed passes.
#![no_main]

use keystile::{Expected, KeySet, Trust, Verifier, VerifyingKey, take_apart_unverified};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|token: &str| {
    let _ = take_apart_unverified(token);
    let trust = |issuer: Expected| Trust {
        issuer,
        audience: Expected::Unchecked,
        token_type: Expected::Unchecked,
        keys: KeySet::from(VerifyingKey::hs256([7; 32]).expect("32 bytes")),
    };
    let one = Verifier::new(trust(Expected::Unchecked));
    assert!(one.verify(token).is_err());
    let several = Verifier::new(trust("a".into())).or_trust(trust(Expected::Absent));
    assert!(several.verify(token).is_err());
});
