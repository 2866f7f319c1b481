//! Private keys sealed at rest: AES-256-GCM under a key of the operator's, who keeps it outside the database.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use keystile::Random;
use zeroize::Zeroizing;

/// No DER begins so, which is how an unsealed private key is told from a sealed one.
const MARK: &[u8; 4] = b"ksk1";
pub(crate) const ID_LENGTH: usize = 8;
const HEAD: usize = MARK.len() + ID_LENGTH;

const FOR_KEYS: &[u8] = b"keystile signing keys v1";
const FOR_ID: &[u8] = b"keystile sealing key id v1";
const FOR_REFRESH: &[u8] = b"keystile refresh successors v1";

/// Names a sealing key without saying anything of it.
pub(crate) type SealingId = [u8; ID_LENGTH];

/// What is derived from one sealing key.
#[derive(Clone)]
pub(crate) struct SealingKey {
    id: SealingId,
    keys: Zeroizing<[u8; 32]>,
    refresh: Zeroizing<[u8; 32]>,
}

/// The present sealing key, and the one before it: things that it sealed are still read.
#[derive(Clone, Default)]
pub(crate) struct Sealing {
    present: Option<SealingKey>,
    previous: Option<SealingKey>,
}

/// Why a private key cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It is sealed, and no sealing key is configured.
    Sealed,
    /// It is sealed by a key that is not one of those configured.
    Stranger,
    /// It was changed, or belongs to another row.
    Broken,
}

impl SealingKey {
    /// `None` only if the library gave no key material; there is no secret for which it does not.
    pub(crate) fn new(secret: &[u8; 32]) -> Option<Self> {
        let root = Salt::new(HKDF_SHA256, &[]).extract(secret);
        Some(Self {
            id: expand(&root, FOR_ID)?,
            keys: Zeroizing::new(expand(&root, FOR_KEYS)?),
            refresh: Zeroizing::new(expand(&root, FOR_REFRESH)?),
        })
    }

    pub(crate) fn id(&self) -> SealingId {
        self.id
    }

    /// What refresh tokens are derived under.
    pub(crate) fn refresh_key(&self) -> &[u8; 32] {
        &self.refresh
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        let key = UnboundKey::new(&AES_256_GCM, &*self.keys).ok()?;
        Some(LessSafeKey::new(key))
    }

    fn seal(&self, plain: &[u8], about: &[u8], random: &Random) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = random.bytes();
        let mut text = plain.to_vec();
        self.cipher()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(about),
                &mut text,
            )
            .ok()?;
        Some([MARK.as_slice(), &self.id, &nonce, &text].concat())
    }

    fn open(&self, rest: &[u8], about: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, text) = rest.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = self
            .cipher()?
            .open_in_place(nonce, Aad::from(about), &mut text)
            .ok()?
            .len();
        text.truncate(length);
        Some(text)
    }
}

impl Sealing {
    pub(crate) fn new(present: Option<SealingKey>, previous: Option<SealingKey>) -> Self {
        Self { present, previous }
    }

    pub(crate) fn present(&self) -> Option<&SealingKey> {
        self.present.as_ref()
    }

    /// The one of the two that has this id.
    pub(crate) fn by_id(&self, id: &[u8]) -> Option<&SealingKey> {
        [&self.present, &self.previous]
            .into_iter()
            .flatten()
            .find(|key| key.id == id)
    }

    /// The stored form of a private key: as it is where no sealing key is configured.
    pub(crate) fn seal(
        &self,
        kid: &str,
        algorithm: &str,
        plain: &[u8],
        random: &Random,
    ) -> Option<Vec<u8>> {
        match &self.present {
            None => Some(plain.to_vec()),
            Some(key) => key.seal(plain, &about(kid, algorithm), random),
        }
    }

    pub(crate) fn open(
        &self,
        kid: &str,
        algorithm: &str,
        stored: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
        let Some(id) = sealed_by(stored) else {
            return Ok(Zeroizing::new(stored.to_vec()));
        };
        let Some(key) = self.by_id(&id) else {
            return Err(match self.present {
                Some(_) => Unreadable::Stranger,
                None => Unreadable::Sealed,
            });
        };
        let rest = stored.get(HEAD..).unwrap_or_default();
        key.open(rest, &about(kid, algorithm))
            .ok_or(Unreadable::Broken)
    }

    /// Whether the stored form is the one that this sealing would write.
    pub(crate) fn is_present(&self, stored: &[u8]) -> bool {
        sealed_by(stored) == self.present.as_ref().map(SealingKey::id)
    }
}

/// The id of the key that sealed it; `None` where it is not sealed.
pub(crate) fn sealed_by(stored: &[u8]) -> Option<SealingId> {
    let id = stored.strip_prefix(MARK)?.get(..ID_LENGTH)?;
    id.try_into().ok()
}

/// What is bound to a sealed private key: moved to another row, it does not open.
fn about(kid: &str, algorithm: &str) -> Vec<u8> {
    [algorithm.as_bytes(), &[0], kid.as_bytes()].concat()
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(root: &Prk, label: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    root.expand(&[label], Length(N))
        .ok()?
        .fill(&mut bytes)
        .ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealing(byte: u8) -> Sealing {
        Sealing::new(SealingKey::new(&[byte; 32]), None)
    }

    #[test]
    fn what_was_sealed_opens_with_the_same_key_in_the_same_row_only() {
        let random = Random::seeded(1);
        let stored = sealing(1)
            .seal("kid", "ES256", b"private", &random)
            .unwrap();
        assert!(!stored.windows(7).any(|window| window == b"private"));
        let opened = sealing(1).open("kid", "ES256", &stored).unwrap();
        assert_eq!(opened.as_slice(), b"private");
        for (kid, algorithm) in [("other", "ES256"), ("kid", "EdDSA")] {
            let moved = sealing(1).open(kid, algorithm, &stored);
            assert_eq!(moved, Err(Unreadable::Broken), "{kid} {algorithm}");
        }
        for at in HEAD..stored.len() {
            let mut changed = stored.clone();
            changed[at] ^= 1;
            let opened = sealing(1).open("kid", "ES256", &changed);
            assert_eq!(opened, Err(Unreadable::Broken), "byte {at}");
        }
        for length in HEAD..stored.len() {
            let cut = sealing(1).open("kid", "ES256", &stored[..length]);
            assert_eq!(cut, Err(Unreadable::Broken), "{length} bytes");
        }
        let wrong = sealing(2).open("kid", "ES256", &stored);
        assert_eq!(wrong, Err(Unreadable::Stranger));
        let none = Sealing::default().open("kid", "ES256", &stored);
        assert_eq!(none, Err(Unreadable::Sealed));
    }

    #[test]
    fn each_sealing_has_a_nonce_of_its_own() {
        let random = Random::seeded(1);
        let seal = || sealing(1).seal("kid", "ES256", b"private", &random);
        assert_ne!(seal(), seal());
    }

    #[test]
    fn an_unsealed_key_and_one_of_the_previous_key_are_read_and_told_apart() {
        let random = Random::seeded(1);
        let both = Sealing::new(SealingKey::new(&[2; 32]), SealingKey::new(&[1; 32]));
        let old = sealing(1)
            .seal("kid", "ES256", b"private", &random)
            .unwrap();
        let new = both.seal("kid", "ES256", b"private", &random).unwrap();
        let plain = b"\x30private".to_vec();
        for (stored, present) in [(&old, false), (&new, true), (&plain, false)] {
            assert!(both.open("kid", "ES256", stored).is_ok());
            assert_eq!(both.is_present(stored), present);
        }
        assert!(Sealing::default().is_present(&plain));
    }

    #[test]
    fn the_derivations_are_what_they_always_were() {
        // Computed once with Python's hmac: another would lock every sealed database.
        let key = SealingKey::new(&[7; 32]).unwrap();
        let shown = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(String::new(), |all, byte| format!("{all}{byte:02x}"))
        };
        assert_eq!(shown(&key.id()), "95f68fd0fafced1e");
        assert_eq!(
            shown(key.refresh_key()),
            "1b90d982d112a13aa60a71ce6c840dab44e1b6cf72635ac1cccb92ee9ac4f649"
        );
    }
}
