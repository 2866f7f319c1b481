//! Tokens made by hand, so that a test can get every byte of them wrong.
#![allow(dead_code, reason = "each test file uses its own part")]

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keystile::{
    Algorithm, Clock, Expected, KeySet, Random, SigningKey, Timestamp, Trust, Verifier,
    VerifyingKey,
};

pub(crate) const SECRET: [u8; 32] = *b"a secret of thirty-two bytes, ok";
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Any header, any payload, under an HS256 signature that holds.
pub(crate) fn hs256(header: &str, payload: &str) -> String {
    hs256_parts(&encode(header), &encode(payload))
}

/// As [`hs256`], of parts that may be no base64url at all.
pub(crate) fn hs256_parts(header: &str, payload: &str) -> String {
    let signed = format!("{header}.{payload}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &SECRET);
    let signature = encode(hmac::sign(&key, signed.as_bytes()));
    format!("{signed}.{signature}")
}

pub(crate) const HEADER: &str = r#"{"alg":"HS256","typ":"at+jwt"}"#;

/// A payload that passes, with these members beside it.
pub(crate) fn payload(more: &str) -> String {
    format!(r#"{{"sub":"ada","exp":{}{more}}}"#, NOW + 900)
}

pub(crate) fn clock() -> Clock {
    Clock::manual(Timestamp::from_seconds(NOW))
}

pub(crate) fn hs256_keys() -> KeySet {
    KeySet::from(VerifyingKey::hs256(SECRET).unwrap())
}

/// Trusts [`SECRET`], looks at `typ`, and leaves `iss` and `aud` unchecked.
pub(crate) fn lax() -> Verifier {
    Verifier::new(Trust {
        issuer: Expected::Unchecked,
        audience: Expected::Unchecked,
        token_type: "at+jwt".into(),
        keys: hs256_keys(),
    })
    .clock(clock())
}

pub(crate) fn key(algorithm: Algorithm, seed: u64) -> SigningKey {
    SigningKey::generate(algorithm, &Random::seeded(seed)).unwrap()
}

/// The code of the refusal.
pub(crate) fn refused(verifier: &Verifier, token: &str) -> &'static str {
    match verifier.verify(token) {
        Ok(verified) => panic!("{token} passed as {verified:?}"),
        Err(refusal) => refusal.code(),
    }
}
