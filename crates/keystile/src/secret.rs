//! Opaque secrets: made, hashed, compared in constant time, never shown by `Debug`.

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Random, base64url};

/// A secret's bytes: erased when dropped, redacted in `Debug`, compared in constant time.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// `length` random bytes.
    pub fn generate(length: usize, random: &Random) -> Self {
        let mut bytes = vec![0; length];
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// The bytes. Take care where they go.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

/// An opaque token: a prefix that says what it is, and 256 random bits in base64url. A store keeps only its [hash](Self::hash).
///
/// ```
/// use keystile::{OpaqueToken, Random};
///
/// let token = OpaqueToken::generate("ksr_", &Random::system());
/// let presented = OpaqueToken::parse("ksr_", token.expose()).expect("well-formed");
/// assert_eq!(presented.hash(), token.hash());
/// assert!(OpaqueToken::parse("ksr_", "ksr_too-short").is_none());
/// ```
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct OpaqueToken(String);

/// What the refresh tokens of `keystile-accounts` begin with.
pub const REFRESH_TOKEN_PREFIX: &str = "ksr_";

/// Random bytes in an opaque token.
const TOKEN_BYTES: usize = 32;

impl OpaqueToken {
    /// A new one.
    pub fn generate(prefix: &str, random: &Random) -> Self {
        let mut bytes = random.bytes::<TOKEN_BYTES>();
        let token = Self::from_bytes(prefix, &bytes);
        bytes.zeroize();
        token
    }

    /// From 32 bytes that were drawn or derived elsewhere.
    pub fn from_bytes(prefix: &str, bytes: &[u8; TOKEN_BYTES]) -> Self {
        let mut text = String::with_capacity(prefix.len() + 43);
        text.push_str(prefix);
        base64url::encode_into(bytes, &mut text);
        Self(text)
    }

    /// Reads a presented one; `None` unless it is the prefix and canonical base64url of 32 bytes.
    pub fn parse(prefix: &str, text: &str) -> Option<Self> {
        let rest = text.strip_prefix(prefix)?;
        let mut bytes = [0; TOKEN_BYTES + 4];
        let length = base64url::decode_slice(rest.as_bytes(), &mut bytes)?.len();
        bytes.zeroize();
        (length == TOKEN_BYTES).then(|| Self(text.to_owned()))
    }

    /// The token's text. Give it to its owner and to nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// SHA-256 of its text: what a store keeps. A fast hash is enough, since the token has 256 bits of randomness.
    pub fn hash(&self) -> TokenHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref());
        TokenHash(hash)
    }

    /// HMAC-SHA-256 of its text: with another key, no stored hash matches any more.
    pub fn keyed_hash(&self, key: &[u8]) -> TokenHash {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let mut hash = [0; 32];
        hash.copy_from_slice(hmac::sign(&key, self.0.as_bytes()).as_ref());
        TokenHash(hash)
    }
}

impl PartialEq for OpaqueToken {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

impl Eq for OpaqueToken {}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpaqueToken(redacted)")
    }
}

/// The hash of an opaque token. Not a secret by itself, but nobody's business either: `Debug` is redacted.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// From stored bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for TokenHash {}

impl std::hash::Hash for TokenHash {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_takes_back_what_generate_made_and_nothing_else() {
        let token = OpaqueToken::generate("ksr_", &Random::seeded(1));
        let text = token.expose().to_owned();
        assert_eq!(text.len(), 4 + 43);
        assert_eq!(OpaqueToken::parse("ksr_", &text), Some(token));
        let padded = format!("{text}=");
        let short = &text[..text.len() - 1];
        let longer = format!("{text}AAAA");
        let mut not_canonical = text.clone();
        let last = not_canonical.pop().unwrap();
        // 43 symbols carry 258 bits; the last two must be zero.
        not_canonical.push((last as u8 + 1) as char);
        for wrong in [
            &padded,
            short,
            &longer,
            &not_canonical,
            "",
            "ksr_",
            "kst_",
            &text[4..],
        ] {
            assert_eq!(OpaqueToken::parse("ksr_", wrong), None, "{wrong}");
        }
    }

    #[test]
    fn hashes_differ_by_token_and_by_key() {
        let random = Random::seeded(2);
        let one = OpaqueToken::generate("ksr_", &random);
        let two = OpaqueToken::generate("ksr_", &random);
        assert_ne!(one.hash(), two.hash());
        assert_ne!(one.keyed_hash(b"a"), one.keyed_hash(b"b"));
        assert_eq!(one.keyed_hash(b"a"), one.keyed_hash(b"a"));
    }

    #[test]
    fn debug_shows_nothing() {
        let token = OpaqueToken::generate("ksr_", &Random::seeded(3));
        assert_eq!(format!("{token:?}"), "OpaqueToken(redacted)");
        assert_eq!(format!("{:?}", token.hash()), "TokenHash(redacted)");
        assert_eq!(format!("{:?}", Secret::from("hunter2")), "Secret(redacted)");
        assert_eq!(Secret::from("a"), Secret::new(*b"a"));
        assert_ne!(Secret::from("a"), Secret::from("b"));
    }
}
