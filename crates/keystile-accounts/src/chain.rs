//! The chain of refresh tokens: how one is hashed for the store, and how its successor is derived.

use aws_lc_rs::hmac;
use keystile::{OpaqueToken, REFRESH_TOKEN_PREFIX, Random};
use zeroize::Zeroizing;

use crate::answer::RefreshToken;
use crate::keys::{ID_LENGTH, Sealing};
use crate::store::{Hash, Salt};

pub(crate) const PREFIX: &str = REFRESH_TOKEN_PREFIX;
const LABEL: &[u8] = b"keystile refresh successor v1";

/// A salt for one consumption. Under a sealing key it begins with that key's id, so that a replay is derived as the first
/// answer was, though the sealing key was first given or changed in between.
pub(crate) fn draw_salt(sealing: &Sealing, random: &Random) -> Salt {
    let mut salt: [u8; 32] = random.bytes();
    if let Some(key) = sealing.present() {
        let id = key.id();
        salt[..id.len()].copy_from_slice(&id);
    }
    Salt(salt)
}

/// The successor of a token: HMAC-SHA-256, keyed by the token, over a label and the salt that was drawn when the token
/// was consumed. So the same token and salt give the same successor, and neither alone gives anything. With a salt that
/// names a sealing key, the token goes through HKDF's extraction (RFC 5869) under that one first.
pub(crate) fn successor(presented: &OpaqueToken, salt: Salt, sealing: &Sealing) -> OpaqueToken {
    let token = presented.expose().as_bytes();
    let key = match sealing.by_id(&salt.0[..ID_LENGTH]) {
        None => hmac::Key::new(hmac::HMAC_SHA256, token),
        Some(sealing) => {
            let salt = hmac::Key::new(hmac::HMAC_SHA256, sealing.refresh_key());
            hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&salt, token).as_ref())
        }
    };
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
    use super::*;
    use crate::keys::SealingKey;

    fn successor(presented: &OpaqueToken, salt: Salt) -> OpaqueToken {
        super::successor(presented, salt, &Sealing::default())
    }

    #[test]
    fn a_salt_remembers_the_sealing_key_of_its_derivation() {
        let random = Random::seeded(5);
        let token = OpaqueToken::generate(PREFIX, &random);
        let key = |byte| SealingKey::new(&[byte; 32]);
        let none = Sealing::default();
        let first = Sealing::new(key(1), None);
        let second = Sealing::new(key(2), key(1));
        let third = Sealing::new(key(3), key(2));
        let plain = draw_salt(&none, &random);
        let sealed = draw_salt(&first, &random);
        let derive = |salt, sealing| super::successor(&token, salt, sealing);
        // First given, and changed, within a grace: a replay is derived as the first answer was.
        assert_eq!(derive(plain, &none), derive(plain, &first));
        assert_eq!(derive(sealed, &first), derive(sealed, &second));
        // Who has the salt and the token, and not the sealing key, derives something else.
        assert_ne!(derive(sealed, &first), derive(sealed, &none));
        assert_ne!(derive(sealed, &first), derive(sealed, &third));
        assert_ne!(sealed, draw_salt(&first, &random));
    }

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
        let sealing = Sealing::new(SealingKey::new(&[7; 32]), None);
        let mut salt = [1; 32];
        salt[..ID_LENGTH].copy_from_slice(&sealing.present().unwrap().id());
        assert_eq!(
            super::successor(&token, Salt(salt), &sealing).expose(),
            "ksr_ZfXSnDAUTBGNsTdZYRL_bDWnsn0uRCe3qnnKRjnC_T4"
        );
    }

    #[test]
    fn another_key_gives_another_hash() {
        let token = OpaqueToken::from_bytes(PREFIX, &[9; 32]);
        assert_ne!(hash(&token, None), hash(&token, Some(&[1; 32])));
        assert_ne!(hash(&token, Some(&[2; 32])), hash(&token, Some(&[1; 32])));
    }
}
