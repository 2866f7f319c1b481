//! A table of what is revoked: read without a lock, copied in part by whoever changes it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::Timestamp;

/// Parts of the table: a write copies one of them, not the whole.
const SHARDS: usize = 256;

/// Entries of one kind, by the name of what is revoked.
pub(super) struct Table(Vec<ArcSwap<HashMap<Box<str>, Vec<Entry>>>>);

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
        Self((0..SHARDS).map(|_| ArcSwap::default()).collect())
    }

    fn shard(&self, hash: u64) -> &ArcSwap<HashMap<Box<str>, Vec<Entry>>> {
        &self.0[(hash >> 32) as usize % SHARDS]
    }

    pub(super) fn any(
        &self,
        hasher: &RandomState,
        name: &str,
        holds: impl Fn(&Entry) -> bool,
    ) -> bool {
        let shard = self.shard(hasher.hash_one(name)).load();
        !shard.is_empty() && shard.get(name).is_some_and(|found| found.iter().any(holds))
    }

    /// Adds an entry, or unites it with the one of the same name and issuer. A new one is not added without room.
    pub(super) fn put(&self, hasher: &RandomState, name: &str, entry: Entry, room: bool) -> Added {
        let shard = self.shard(hasher.hash_one(name));
        // A list that is read anew is held already: nothing is copied for it.
        let held = shard.load();
        if held
            .get(name)
            .is_some_and(|found| found.iter().any(|held| held.covers(&entry)))
        {
            return Added::United;
        }
        let mut entries = HashMap::clone(&held);
        let found = entries.entry(name.into()).or_default();
        let added = match found.iter_mut().find(|held| held.issuer == entry.issuer) {
            Some(held) => {
                held.unite(&entry);
                Added::United
            }
            None if room => {
                found.push(entry);
                Added::New
            }
            None => return Added::NoRoom,
        };
        shard.store(Arc::new(entries));
        added
    }

    /// Drops what has ended; how many are left.
    pub(super) fn forget_expired(&self, now: Timestamp) -> usize {
        let count =
            |shard: &HashMap<Box<str>, Vec<Entry>>| shard.values().map(Vec::len).sum::<usize>();
        self.0
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

/// What became of an entry.
pub(super) enum Added {
    New,
    United,
    NoRoom,
}
