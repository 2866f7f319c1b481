//! A table of what is revoked: read without a lock, copied in part by whoever changes it.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::Timestamp;

/// Parts of the table: a write copies one of them, not the whole.
const SHARDS: usize = 256;

/// Entries of one kind, by the name of what is revoked.
pub(super) struct Table {
    shards: Vec<ArcSwap<Shard>>,
    /// How many entries were copied, for the sake of others that were added.
    #[cfg(test)]
    pub(super) copied: std::sync::atomic::AtomicUsize,
}

type Shard = HashMap<Box<str>, Vec<Entry>>;

/// What is revoked under one name: usually one entry, more where issuers share a name.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// `None`: whoever issued the token.
    pub(super) issuer: Option<Box<str>>,
    pub(super) until: Timestamp,
    /// Of a subject: the smallest generation that is still good.
    pub(super) generation: u64,
    /// Of a subject: tokens without a generation that were issued up to then, in seconds, are revoked.
    pub(super) issued_up_to: i64,
}

impl Entry {
    pub(super) const fn until(until: Timestamp) -> Self {
        Self {
            issuer: None,
            until,
            generation: 0,
            issued_up_to: i64::MIN,
        }
    }

    /// Of a subject's tokens: those below this generation, or without one.
    pub(super) fn below(self, smallest_good: u64) -> Self {
        Self {
            generation: smallest_good,
            issued_up_to: i64::MAX,
            ..self
        }
    }

    /// Of a subject's tokens without a generation: those issued at this moment or before.
    pub(super) fn up_to(self, moment: Timestamp) -> Self {
        Self {
            issued_up_to: moment.as_seconds(),
            ..self
        }
    }

    fn unite(&mut self, other: &Self) {
        self.until = self.until.max(other.until);
        self.generation = self.generation.max(other.generation);
        self.issued_up_to = self.issued_up_to.max(other.issued_up_to);
    }

    /// Whether uniting it with another would change nothing.
    fn covers(&self, other: &Self) -> bool {
        self.issuer == other.issuer
            && self.until >= other.until
            && self.generation >= other.generation
            && self.issued_up_to >= other.issued_up_to
    }

    pub(super) fn is_of(&self, issuer: Option<&str>) -> bool {
        self.issuer.is_none() || self.issuer.as_deref() == issuer
    }
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| ArcSwap::default()).collect(),
            #[cfg(test)]
            copied: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    fn place(hasher: &RandomState, name: &str) -> usize {
        (hasher.hash_one(name) >> 32) as usize % SHARDS
    }

    pub(super) fn any(
        &self,
        hasher: &RandomState,
        name: &str,
        holds: impl Fn(&Entry) -> bool,
    ) -> bool {
        let shard = self.shards[Self::place(hasher, name)].load();
        !shard.is_empty() && shard.get(name).is_some_and(|found| found.iter().any(holds))
    }

    /// Adds entries, or unites each with the one of the same name and issuer. Of new ones no more than `room` are added.
    /// Each part of the table that they change is copied once, however many of them it takes.
    pub(super) fn put(
        &self,
        hasher: &RandomState,
        entries: impl IntoIterator<Item = (Box<str>, Entry)>,
        mut room: usize,
    ) -> Added {
        let mut changed: HashMap<usize, Shard> = HashMap::new();
        let mut added = Added::default();
        for (name, entry) in entries {
            let place = Self::place(hasher, &name);
            let until = entry.until;
            let one = match changed.entry(place) {
                Occupied(shard) => put_one(shard.into_mut(), name, entry, room > 0),
                Vacant(vacant) => {
                    let held = self.shards[place].load();
                    // A list that is read anew is held already: nothing is copied for it.
                    if is_held(&held, &name, &entry) {
                        continue;
                    }
                    put_one(vacant.insert(self.copy(&held)), name, entry, room > 0)
                }
            };
            match one {
                One::New => {
                    room -= 1;
                    added.new += 1;
                }
                One::United => {}
                One::NoRoom => added.lost_until = added.lost_until.max(Some(until)),
            }
        }
        for (place, shard) in changed {
            self.shards[place].store(Arc::new(shard));
        }
        added
    }

    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "tests count"))]
    fn copy(&self, held: &Shard) -> Shard {
        #[cfg(test)]
        self.copied
            .fetch_add(held.len(), std::sync::atomic::Ordering::Relaxed);
        held.clone()
    }

    /// Drops what has ended; how many are left.
    pub(super) fn forget_expired(&self, now: Timestamp) -> usize {
        let count =
            |shard: &HashMap<Box<str>, Vec<Entry>>| shard.values().map(Vec::len).sum::<usize>();
        self.shards
            .iter()
            .map(|shard| {
                let entries = shard.load_full();
                if !entries.values().flatten().any(|entry| entry.until <= now) {
                    return count(&entries);
                }
                let mut entries = HashMap::clone(&entries);
                entries.retain(|_, found| {
                    found.retain(|entry| entry.until > now);
                    !found.is_empty()
                });
                let left = count(&entries);
                shard.store(Arc::new(entries));
                left
            })
            .sum()
    }
}

fn is_held(shard: &Shard, name: &str, entry: &Entry) -> bool {
    let found = shard.get(name);
    found.is_some_and(|found| found.iter().any(|held| held.covers(entry)))
}

fn put_one(shard: &mut Shard, name: Box<str>, entry: Entry, room: bool) -> One {
    let Some(found) = shard.get_mut(&name) else {
        if room {
            shard.insert(name, vec![entry]);
            return One::New;
        }
        return One::NoRoom;
    };
    match found.iter_mut().find(|held| held.issuer == entry.issuer) {
        Some(held) => {
            held.unite(&entry);
            One::United
        }
        None if room => {
            found.push(entry);
            One::New
        }
        None => One::NoRoom,
    }
}

/// What became of an entry.
enum One {
    New,
    United,
    NoRoom,
}

/// What became of entries.
#[derive(Default)]
pub(super) struct Added {
    pub(super) new: usize,
    /// The farthest moment of those that found no room.
    pub(super) lost_until: Option<Timestamp>,
}
