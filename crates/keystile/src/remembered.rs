//! Tokens that were verified before, so that the same bytes need no second signature check.
//!
//! A seeded hash finds the place and **every byte is compared**. Only verified tokens enter. What is remembered counts
//! for one guard and one epoch of its keys. Nobody waits: a place is read and replaced without a lock.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;

use crate::verify::Verified;

/// What a remembered token weighs, roughly: one place is made for so many bytes.
const USUAL_WEIGHT: usize = 2048;

/// A bounded memory of verified tokens.
pub(crate) struct Remembered<S = RandomState> {
    places: Box<[ArcSwapOption<Entry>]>,
    hasher: S,
    /// Bytes in use.
    weight: AtomicUsize,
    limit: usize,
    /// Where the next search for room begins.
    hand: AtomicUsize,
}

struct Entry {
    hash: u64,
    epoch: u64,
    token: Box<str>,
    verified: Arc<Verified>,
}

impl Entry {
    fn weight(&self) -> usize {
        size_of::<Self>() + self.token.len() + self.verified.weight()
    }
}

impl Remembered {
    /// At most this many bytes; `None` for so few that nothing fits.
    pub(crate) fn new(limit: usize) -> Option<Self> {
        Self::with_hasher(limit, RandomState::new())
    }
}

impl<S: BuildHasher> Remembered<S> {
    fn with_hasher(limit: usize, hasher: S) -> Option<Self> {
        let places = limit / (USUAL_WEIGHT + size_of::<ArcSwapOption<Entry>>());
        if places == 0 {
            return None;
        }
        Some(Self {
            places: (0..places).map(|_| ArcSwapOption::empty()).collect(),
            hasher,
            weight: AtomicUsize::new(0),
            limit: places * USUAL_WEIGHT,
            hand: AtomicUsize::new(0),
        })
    }

    /// What this token was found to say, under the keys of this epoch.
    pub(crate) fn get(&self, token: &str, epoch: u64) -> Option<Arc<Verified>> {
        let hash = self.hash(token);
        let entry = self.place(hash).load();
        let entry = entry.as_ref()?;
        // The hash first: how long the comparison of bytes takes then tells a guesser nothing.
        (entry.hash == hash && entry.epoch == epoch && *entry.token == *token)
            .then(|| Arc::clone(&entry.verified))
    }

    /// Remembers a token that was verified under the keys of this epoch, in the place of whatever was there.
    pub(crate) fn put(&self, token: &str, epoch: u64, verified: &Arc<Verified>) {
        let hash = self.hash(token);
        let entry = Entry {
            hash,
            epoch,
            token: token.into(),
            verified: Arc::clone(verified),
        };
        let weight = entry.weight();
        if !self.make_room(weight) {
            return;
        }
        self.swap(self.place(hash), Some(Arc::new(entry)));
    }

    /// Reserves the weight; throws out what the hand meets, a few places at most.
    fn make_room(&self, weight: usize) -> bool {
        self.weight.fetch_add(weight, Ordering::AcqRel);
        for _ in 0..8 {
            if self.weight.load(Ordering::Acquire) <= self.limit {
                return true;
            }
            let hand = self.hand.fetch_add(1, Ordering::Relaxed) % self.places.len();
            self.swap(&self.places[hand], None);
        }
        if self.weight.load(Ordering::Acquire) <= self.limit {
            return true;
        }
        self.weight.fetch_sub(weight, Ordering::AcqRel);
        false
    }

    /// The weight of what goes in was reserved; the weight of what comes out is given back.
    fn swap(&self, place: &ArcSwapOption<Entry>, entry: Option<Arc<Entry>>) {
        if let Some(old) = place.swap(entry) {
            self.weight.fetch_sub(old.weight(), Ordering::AcqRel);
        }
    }

    /// Only the end is hashed: it is the signature, which differs from token to token.
    fn hash(&self, token: &str) -> u64 {
        let bytes = token.as_bytes();
        self.hasher
            .hash_one(&bytes[bytes.len().saturating_sub(43)..])
    }

    #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash do")]
    fn place(&self, hash: u64) -> &ArcSwapOption<Entry> {
        &self.places[hash as usize % self.places.len()]
    }
}

#[cfg(test)]
mod tests {
    use std::hash::Hasher;

    use super::*;
    use crate::{Claims, KeySet, SigningKey, Trust, Verifier};

    /// Every token falls to the same place with the same hash.
    #[derive(Default)]
    struct Constant;

    impl BuildHasher for Constant {
        type Hasher = Self;

        fn build_hasher(&self) -> Self {
            Self
        }
    }

    impl Hasher for Constant {
        fn finish(&self) -> u64 {
            7
        }

        fn write(&mut self, _: &[u8]) {}
    }

    fn verified(sub: &str) -> (String, Arc<Verified>) {
        let key = SigningKey::hs256([7; 32]).unwrap();
        let token = key.issue(&Claims::new(sub, 1 << 40)).unwrap();
        let verifier = Verifier::new(Trust {
            issuer: crate::Expected::Unchecked,
            audience: crate::Expected::Unchecked,
            token_type: crate::Expected::Unchecked,
            keys: KeySet::from(key.verifying_key().clone()),
        });
        let verified = verifier.verify(&token).unwrap();
        (token, verified)
    }

    #[test]
    fn tokens_of_one_hash_are_told_apart_by_their_bytes() {
        let memory = Remembered::with_hasher(1 << 20, Constant).unwrap();
        let (ada, ada_verified) = verified("ada");
        let (eve, eve_verified) = verified("eve");
        memory.put(&ada, 0, &ada_verified);
        assert_eq!(memory.get(&ada, 0).unwrap().claims().sub, "ada");
        assert!(memory.get(&eve, 0).is_none());
        for at in 0..ada.len() {
            let mut altered = ada.clone().into_bytes();
            altered[at] ^= 1;
            let altered = String::from_utf8(altered).unwrap();
            assert!(memory.get(&altered, 0).is_none(), "byte {at}");
        }
        assert!(memory.get(&ada[1..], 0).is_none() && memory.get("", 0).is_none());
        assert!(memory.get(&format!("{ada}A"), 0).is_none());
        memory.put(&eve, 0, &eve_verified);
        assert_eq!(memory.get(&eve, 0).unwrap().claims().sub, "eve");
        assert!(memory.get(&ada, 0).is_none());
    }

    #[test]
    fn another_epoch_remembers_nothing() {
        let memory = Remembered::new(1 << 20).unwrap();
        let (token, verified) = verified("ada");
        memory.put(&token, 1, &verified);
        assert!(memory.get(&token, 1).is_some());
        assert!(memory.get(&token, 0).is_none() && memory.get(&token, 2).is_none());
    }

    #[test]
    fn the_bytes_stay_within_the_limit() {
        let limit = 64 * 1024;
        let memory = Remembered::new(limit).unwrap();
        let mut kept = 0;
        for number in 0..2_000 {
            let sub = format!("{number}{}", "x".repeat(number % 1500));
            let (token, verified) = verified(&sub);
            memory.put(&token, 0, &verified);
            kept += usize::from(memory.get(&token, 0).is_some());
            let held: usize = memory
                .places
                .iter()
                .filter_map(ArcSwapOption::load_full)
                .map(|entry| entry.weight())
                .sum();
            assert_eq!(held, memory.weight.load(Ordering::Acquire));
            assert!(held <= limit, "{held}");
        }
        assert!(kept > 1_900, "{kept}");
        assert!(Remembered::new(0).is_none());
    }
}
