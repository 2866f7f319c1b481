//! The keys of a test issuer: made from its name, published before they sign.

use std::sync::LazyLock;

use super::settings::{Settings, Signing};
use super::{TestIssuer, lock};
use crate::{Algorithm, KeyId, KeySet, Random, SigningKey};

/// A key that anybody may have. It is here because an RSA key takes a second to make, and cannot be made from a seed.
/// To look whether it is a good one takes a while too, so it is done once.
static RSA: LazyLock<SigningKey> = LazyLock::new(|| {
    let key = SigningKey::from_pem(include_str!("rsa-test-only.pem"));
    key.expect("the key that lies in this crate is one")
});

/// What a test issuer publishes, oldest first: those that signed, the one that signs, and the one that signs next. A guard
/// that follows the issuer has the next one by the time it signs, as with any issuer that rotates well.
pub(super) struct Ring {
    keys: Vec<SigningKey>,
    /// Published no more. Its own guards know them on, so that they can tell that a token was revoked.
    withdrawn: Vec<SigningKey>,
    made: u32,
    name: String,
    algorithm: Algorithm,
    random: Random,
}

impl Ring {
    pub(super) fn of(settings: &Settings) -> Self {
        let mut ring = Self {
            keys: Vec::new(),
            withdrawn: Vec::new(),
            made: 0,
            name: settings.name.clone(),
            algorithm: Algorithm::Es256,
            random: Random::seeded(seed(&settings.name)),
        };
        match &settings.signing {
            Signing::Seeded(algorithm) => {
                ring.algorithm = *algorithm;
                ring.add();
            }
            Signing::Given(key) => {
                ring.algorithm = key.algorithm();
                ring.keys.push(key.clone());
            }
        }
        ring.add();
        ring
    }

    fn add(&mut self) {
        self.made += 1;
        let id = format!("{}-test-key-{}", self.name, self.made);
        let key = match self.algorithm {
            Algorithm::Rs256 => Ok(RSA.clone()),
            algorithm => SigningKey::generate(algorithm, &self.random),
        };
        // What it is made from is fixed, so it cannot fail at one run and not at another.
        let key = key.expect("a key is made from a seed");
        self.keys.push(key.with_key_id(id));
    }

    /// The last but one; the last signs next.
    pub(super) fn signing(&self) -> &SigningKey {
        &self.keys[self.keys.len() - 2]
    }

    pub(super) fn published(&self) -> KeySet {
        self.keys
            .iter()
            .map(|key| key.verifying_key().clone())
            .collect()
    }

    fn known(&self) -> KeySet {
        let all = self.keys.iter().chain(&self.withdrawn);
        all.map(|key| key.verifying_key().clone()).collect()
    }

    fn withdraw(&mut self) -> KeyId {
        let key = self.signing().clone();
        let id = key.key_id().clone();
        self.add();
        self.keys.retain(|other| *other.key_id() != id);
        self.withdrawn.push(key);
        id
    }
}

/// FNV-1a: another name, other keys.
fn seed(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl TestIssuer {
    /// Signs with the next key from now on. What the last one signed stays good.
    ///
    /// The next key was published before, so a guard that follows the [served](Self::serve) issuer need not ask; the one
    /// after that is a key which it does not know yet.
    pub fn rotate_now(&self) {
        let mut ring = lock(&self.0.ring);
        ring.add();
        self.publish(&ring);
    }

    /// Withdraws the key that signs, as after a break-in: what it signed is refused from now on, with `token_revoked`, and
    /// the next key signs.
    pub fn withdraw_now(&self) {
        let mut ring = lock(&self.0.ring);
        let id = ring.withdraw();
        self.publish(&ring);
        drop(ring);
        self.tell_withdrawn(&id);
    }

    fn publish(&self, ring: &Ring) {
        self.0.verifier.replace_keys(0, ring.known());
    }
}
