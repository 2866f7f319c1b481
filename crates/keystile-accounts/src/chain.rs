//! The chain of refresh tokens: how one is hashed for the store, and how its successor is derived.

use aws_lc_rs::hmac;
use keystile::{OpaqueToken, REFRESH_TOKEN_PREFIX};
use zeroize::Zeroizing;

use crate::answer::RefreshToken;
use crate::store::{Hash, Salt};

pub(crate) const PREFIX: &str = REFRESH_TOKEN_PREFIX;
const LABEL: &[u8] = b"keystile refresh successor v1";

/// The successor of a token: HMAC-SHA-256, keyed by the token, over a label and the salt that was drawn when the token
/// was consumed. So the same token and salt give the same successor, and neither alone gives anything.
pub(crate) fn successor(presented: &OpaqueToken, salt: Salt) -> OpaqueToken {
    let key = hmac::Key::new(hmac::HMAC_SHA256, presented.expose().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(LABEL);
    context.update(&salt.0);
    let mut bytes = Zeroizing::new([0; 32]);
    bytes.copy_from_slice(context.sign().as_ref());
    OpaqueToken::from_bytes(PREFIX, &bytes)
}

/// What the store keeps of a token: SHA-256, or an HMAC under the key that the application gave.
pub(crate) fn hash(token: &OpaqueToken, key: Option<&[u8]>) -> Hash {
    *match key {
        Some(key) => token.keyed_hash(key),
        None => token.hash(),
    }
    .as_bytes()
}

pub(crate) fn given_out(token: &OpaqueToken) -> RefreshToken {
    RefreshToken::new(Zeroizing::new(token.expose().to_owned()))
}

#[cfg(test)]
mod tests {
    use keystile::Random;

    use super::*;

    #[test]
    fn a_successor_depends_on_the_token_and_on_the_salt() {
        let random = Random::seeded(5);
        let one = OpaqueToken::generate(PREFIX, &random);
        let other = OpaqueToken::generate(PREFIX, &random);
        let (salt, pepper) = (Salt([1; 32]), Salt([2; 32]));
        assert_eq!(successor(&one, salt), successor(&one, salt));
        assert_ne!(successor(&one, salt), successor(&one, pepper));
        assert_ne!(successor(&one, salt), successor(&other, salt));
        assert!(OpaqueToken::parse(PREFIX, successor(&one, salt).expose()).is_some());
    }

    #[test]
    fn the_derivation_is_what_it_always_was() {
        // Computed once with Python's hmac: changing it would break every chain across an update.
        let token = OpaqueToken::from_bytes(PREFIX, &[9; 32]);
        assert_eq!(
            successor(&token, Salt([1; 32])).expose(),
            "ksr_bpPn1w2OWWl9FQd9MYkvbybw2m549GK-8FoBagOZG44"
        );
    }

    #[test]
    fn another_key_gives_another_hash() {
        let token = OpaqueToken::from_bytes(PREFIX, &[9; 32]);
        assert_ne!(hash(&token, None), hash(&token, Some(&[1; 32])));
        assert_ne!(hash(&token, Some(&[2; 32])), hash(&token, Some(&[1; 32])));
    }
}
