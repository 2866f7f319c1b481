//! The instructions are a secret of the house: the file holds them encrypted (AES-256-GCM, NIST SP 800-38D).

use anyhow::{Result, anyhow, bail};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use keystile::Random;

/// `ENCRYPTION_KEY`, ready for use. `Debug` does not show it.
#[derive(Debug)]
pub(crate) struct EncryptionKey {
    key: LessSafeKey,
    random: Random,
}

impl EncryptionKey {
    /// Reads 64 hexadecimal digits: the one secret here that is decoded.
    pub(crate) fn from_hex(hex: &str, random: Random) -> Result<Self> {
        let Some(bytes) = decode(hex) else {
            bail!(
                "ENCRYPTION_KEY is not 64 hexadecimal digits: make one with `-- init`, or with `openssl rand -hex 32`"
            );
        };
        let key = UnboundKey::new(&AES_256_GCM, &bytes)
            .map_err(|_| anyhow!("AES-256-GCM refused the key"))?;
        Ok(Self {
            key: LessSafeKey::new(key),
            random,
        })
    }

    /// Encrypts: a random nonce, then the ciphertext with its tag. `place` says where the result belongs; it does not
    /// open anywhere else.
    pub(crate) fn seal(&self, text: &str, place: &str) -> Result<Vec<u8>> {
        let nonce = self.random.bytes::<NONCE_LEN>();
        let mut sealed = text.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place),
                &mut sealed,
            )
            .map_err(|_| anyhow!("AES-256-GCM could not encrypt"))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Decrypts what [`seal`](Self::seal) made for the same place.
    pub(crate) fn open(&self, sealed: &[u8], place: &str) -> Result<String> {
        let refused = || anyhow!("what the file holds does not open under this ENCRYPTION_KEY");
        let (nonce, text) = sealed
            .split_first_chunk::<NONCE_LEN>()
            .ok_or_else(refused)?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let text = self
            .key
            .open_in_place(nonce, Aad::from(place), &mut text)
            .map_err(|_| refused())?;
        Ok(String::from_utf8(text.to_vec())?)
    }
}

fn decode(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use keystile::Random;

    use super::EncryptionKey;

    #[test]
    fn opens_only_in_its_place_under_its_key() {
        let random = Random::seeded(1);
        let key = EncryptionKey::from_hex(&"0a".repeat(32), random.clone()).expect("a key");
        let sealed = key.seal("bake", "1/lemon").expect("sealed");
        assert_eq!(key.open(&sealed, "1/lemon").expect("opens"), "bake");
        assert_ne!(
            key.seal("bake", "1/lemon").expect("sealed"),
            sealed,
            "each nonce is fresh"
        );
        assert!(key.open(&sealed, "2/lemon").is_err());
        assert!(key.open(&sealed[..10], "1/lemon").is_err());
        let other = EncryptionKey::from_hex(&"0B".repeat(32), random.clone()).expect("a key");
        assert!(other.open(&sealed, "1/lemon").is_err());
        for wrong in [
            "",
            "0a",
            &"0a".repeat(33),
            &"zz".repeat(32),
            &"é".repeat(32),
            &"+a".repeat(32),
        ] {
            assert!(
                EncryptionKey::from_hex(wrong, random.clone()).is_err(),
                "{wrong}"
            );
        }
        assert!(!format!("{key:?}").contains("10, 10"), "Debug shows no key");
    }
}
