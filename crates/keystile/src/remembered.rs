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
