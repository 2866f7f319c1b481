//! Tokens that were verified before, so that the same bytes need no second signature check.
//!
//! A seeded hash finds the group of places and **every byte is compared**. Only verified tokens enter. What is remembered
//! counts for one guard and one epoch of its keys. Nobody waits, but for the first token: a place is read and replaced without a lock, and a token
//! costs [`GROUP`] looks and at most [`STEPS`] steps for room, however full the memory is.
//!
//! Whoever holds many good tokens can fill it: what was found again stays while there is something else to throw out,
//! so that tokens in use outlive tokens that are seen once.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;

use crate::verify::Verified;

/// What a remembered token weighs, roughly: one place is made for so many bytes.
const USUAL_WEIGHT: usize = 2048;

/// Places in which a token may stand: so many that tokens in use seldom crowd each other out.
const GROUP: usize = 4;

/// Most places that are looked at to make room for one token.
const STEPS: usize = 8;

/// For a token that weighs more than this only one is, lest few of them push out many.
const HEAVY: usize = 4 * USUAL_WEIGHT;

/// A bounded memory of verified tokens.
pub(crate) struct Remembered<S = RandomState> {
    /// Made for the first token: a guard that only another is made of needs none, and to drop them takes longer than to make
    /// them.
    places: OnceLock<Box<[ArcSwapOption<Entry>]>>,
    /// How many there are, once they are made.
    count: usize,
    hasher: S,
    /// Bytes in use.
    weight: AtomicUsize,
    limit: usize,
    /// Where the next search for room begins.
    hand: AtomicUsize,
}

/// What a look-up found.
pub(crate) enum LookedUp<'t> {
    Known(Arc<Verified>),
    New(New<'t>),
}

/// A token that was not found, ready to be remembered once it is verified under the keys of its epoch.
pub(crate) struct New<'t> {
    token: &'t [u8],
    hash: u64,
    epoch: u64,
}

struct Entry {
    hash: u64,
    epoch: u64,
    token: Box<[u8]>,
    verified: Arc<Verified>,
    /// It was found again since all of its group last stood in the way of another.
    found_again: AtomicBool,
}

impl Entry {
    fn is_in_use(&self) -> bool {
        self.found_again.load(Ordering::Relaxed)
    }

    /// Until it is found once more.
    fn forget_use(&self) {
        self.found_again.store(false, Ordering::Relaxed);
    }

    fn note_found(&self) {
        // A line that every processor reads is written once only.
        if !self.is_in_use() {
            self.found_again.store(true, Ordering::Relaxed);
        }
    }

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
        let groups = limit / (GROUP * (USUAL_WEIGHT + size_of::<ArcSwapOption<Entry>>()));
        if groups == 0 {
            return None;
        }
        let count = GROUP * groups;
        Some(Self {
            places: OnceLock::new(),
            count,
            hasher,
            weight: AtomicUsize::new(0),
            limit: count * USUAL_WEIGHT,
            hand: AtomicUsize::new(0),
        })
    }

    fn places(&self) -> &[ArcSwapOption<Entry>] {
        let make = || (0..self.count).map(|_| ArcSwapOption::empty()).collect();
        self.places.get_or_init(make)
    }

    /// Looks for what this token was found to say, under the keys of this epoch.
    pub(crate) fn look_up<'t>(&self, token: &'t [u8], epoch: u64) -> LookedUp<'t> {
        let hash = self.hash(token);
        for place in self.group(hash) {
            let entry = place.load();
            // The hash first: how long the comparison of bytes takes then tells a guesser nothing.
            if let Some(entry) = &*entry
                && entry.hash == hash
                && entry.epoch == epoch
                && *entry.token == *token
            {
                entry.note_found();
                return LookedUp::Known(Arc::clone(&entry.verified));
            }
        }
        LookedUp::New(New { token, hash, epoch })
    }

    /// Remembers a token that was verified since, if a place of its group can be had.
    pub(crate) fn put(&self, new: &New<'_>, verified: &Arc<Verified>) {
        let &New { token, hash, epoch } = new;
        let Some(place) = self.place_for(hash, epoch) else {
            return;
        };
        let entry = Entry {
            hash,
            epoch,
            token: token.into(),
            verified: Arc::clone(verified),
            found_again: AtomicBool::new(false),
        };
        if self.make_room(entry.weight()) {
            self.swap(place, Some(Arc::new(entry)));
        }
    }

    /// One that is empty or holds what no longer counts; else one that is not in use. Where all are, none, and whichever is
    /// not used until the next one comes gives way to that.
    fn place_for(&self, hash: u64, epoch: u64) -> Option<&ArcSwapOption<Entry>> {
        let mut found = None;
        for place in self.group(hash) {
            match &*place.load() {
                Some(entry) if entry.epoch == epoch => {
                    if found.is_none() && !entry.is_in_use() {
                        found = Some(place);
                    }
                }
                _ => return Some(place),
            }
        }
        if found.is_none() {
            for place in self.group(hash) {
                if let Some(entry) = &*place.load() {
                    entry.forget_use();
                }
            }
        }
        found
    }

    /// Reserves the weight; throws out what the hand meets and is not in use, a few places at most.
    fn make_room(&self, weight: usize) -> bool {
        let steps = if weight > HEAVY { 1 } else { STEPS };
        let held = self.weight.fetch_add(weight, Ordering::AcqRel);
        if held + weight <= self.limit {
            return true;
        }
        for _ in 0..steps {
            let places = self.places();
            let hand = self.hand.fetch_add(1, Ordering::Relaxed) % places.len();
            let place = &places[hand];
            match &*place.load() {
                Some(entry) if entry.is_in_use() => entry.forget_use(),
                Some(_) => self.swap(place, None),
                None => {}
            }
            if self.weight.load(Ordering::Acquire) <= self.limit {
                return true;
            }
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

    /// Only the end is hashed: 144 bits of the signature, which nobody chooses.
    fn hash(&self, token: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(&token[token.len().saturating_sub(24)..]);
        hasher.finish()
    }

    #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash do")]
    fn group(&self, hash: u64) -> &[ArcSwapOption<Entry>] {
        let places = self.places();
        let first = hash as usize % (places.len() / GROUP) * GROUP;
        &places[first..first + GROUP]
    }
}

#[cfg(test)]
mod tests;
