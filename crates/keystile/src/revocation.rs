//! What is revoked, held in memory: read without a lock, bounded, never evicted.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::{Claims, KeyId, Reason, Timestamp};

/// Parts of the table: a write copies one of them, not the whole.
const SHARDS: usize = 256;

/// Entries that are held unless said otherwise: about 100 MiB at the worst.
const DEFAULT_CAPACITY: usize = 500_000;

/// What becomes of requests while it is not known what is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenStale {
    /// Refuse them with `revocation_unknown`, 503.
    Refuse,
    /// Serve them by what was last known.
    Serve,
}

/// What is revoked. Clones share it; a request reads it without a lock.
///
/// An entry is kept until the moment given with it, by which every token that it could touch has expired.
#[derive(Clone)]
pub struct Revocations(Arc<Inner>);

struct Inner {
    shards: Vec<ArcSwap<Table>>,
    hasher: RandomState,
    /// Held by whoever changes the table. A request never takes it.
    writing: Mutex<()>,
    entries: AtomicUsize,
    capacity: usize,
    /// An entry could not be held: until then, in milliseconds, what is revoked is not known.
    lost_until: AtomicI64,
    current_at: AtomicI64,
    /// How old the last `mark_current` may be, in milliseconds; negative: no limit.
    current_within: AtomicI64,
}

type Table = HashMap<Key, Entry>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Session(Option<Box<str>>, Box<str>),
    TokenId(Box<str>),
    Subject(Box<str>),
    KeyId(Box<str>),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    until: Timestamp,
    /// Of a subject: the smallest generation that is still good.
    generation: u64,
    /// Of a subject: tokens without a generation that were issued up to then, in seconds, are revoked.
    issued_up_to: i64,
}

impl Entry {
    const fn until(until: Timestamp) -> Self {
        Self {
            until,
            generation: 0,
            issued_up_to: i64::MIN,
        }
    }

    fn unite(self, other: Self) -> Self {
        Self {
            until: self.until.max(other.until),
            generation: self.generation.max(other.generation),
            issued_up_to: self.issued_up_to.max(other.issued_up_to),
        }
    }
}

impl Default for Revocations {
    fn default() -> Self {
        Self::new()
    }
}

impl Revocations {
    /// Nothing is revoked yet.
    pub fn new() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY)
    }

    /// At most this many entries. One more is never held in another's place: what is revoked then counts as unknown
    /// until that entry would have ended.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Arc::new(Inner {
            shards: (0..SHARDS).map(|_| ArcSwap::default()).collect(),
            hasher: RandomState::new(),
            writing: Mutex::new(()),
            entries: AtomicUsize::new(0),
            capacity,
            lost_until: AtomicI64::new(i64::MIN),
            current_at: AtomicI64::new(i64::MIN),
            current_within: AtomicI64::new(-1),
        }))
    }

    /// Revokes every token of a session; with an issuer, only that issuer's.
    pub fn revoke_session(&self, issuer: Option<&str>, sid: &str, until: Timestamp) {
        let key = Key::Session(issuer.map(Into::into), sid.into());
        self.put(key, Entry::until(until));
    }

    /// Revokes the token of this id, `jti`.
    pub fn revoke_token_id(&self, jti: &str, until: Timestamp) {
        self.put(Key::TokenId(jti.into()), Entry::until(until));
    }

    /// Revokes a subject's tokens whose generation is below `smallest_good`, or absent.
    pub fn revoke_generation_below(&self, sub: &str, smallest_good: u64, until: Timestamp) {
        let entry = Entry {
            generation: smallest_good,
            issued_up_to: i64::MAX,
            ..Entry::until(until)
        };
        self.put(Key::Subject(sub.into()), entry);
    }

    /// Revokes a subject's tokens that carry no generation and were issued at `moment` or before, or do not say when.
    pub fn revoke_issued_up_to(&self, sub: &str, moment: Timestamp, until: Timestamp) {
        let entry = Entry {
            issued_up_to: moment.as_seconds(),
            ..Entry::until(until)
        };
        self.put(Key::Subject(sub.into()), entry);
    }

    /// Withdraws a key: every token that it signed is revoked, for good.
    pub fn withdraw_key(&self, kid: &KeyId) {
        self.put(
            Key::KeyId(kid.as_str().into()),
            Entry::until(Timestamp::MAX),
        );
    }

    /// Drops entries whose moment has come.
    pub fn forget_expired(&self, now: Timestamp) {
        let _writing = self.lock();
        let mut left = 0;
        for shard in &self.0.shards {
            let table = shard.load_full();
            if table.values().any(|entry| entry.until <= now) {
                let mut table = Table::clone(&table);
                table.retain(|_, entry| entry.until > now);
                left += table.len();
                shard.store(Arc::new(table));
            } else {
                left += table.len();
            }
        }
        self.0.entries.store(left, Ordering::Release);
    }

    /// Says that everything revoked up to `now` is held here: for whoever feeds it, after each successful poll.
    pub fn mark_current(&self, now: Timestamp) {
        self.0.current_at.store(now.as_millis(), Ordering::Release);
    }

    /// Requires a [`mark_current`](Self::mark_current) within `age`. Without one, requests are refused or served as
    /// `when_stale` says. Not required unless said.
    pub fn require_current_within(&self, age: Duration, when_stale: WhenStale) {
        let limit = match when_stale {
            WhenStale::Refuse => i64::try_from(age.as_millis()).unwrap_or(i64::MAX),
            WhenStale::Serve => -1,
        };
        self.0.current_within.store(limit, Ordering::Release);
    }

    /// Whether these claims are revoked by session, by token id or by subject. See [`check`](Self::check) for all.
    pub fn is_revoked(&self, claims: &Claims) -> bool {
        self.0.entries.load(Ordering::Acquire) > 0 && self.claims_revoked(claims)
    }

    /// Checks claims and the key that signed them: `token_revoked`, or `revocation_unknown` where that cannot be told.
    pub fn check(&self, claims: &Claims, key: &KeyId, now: Timestamp) -> Result<(), Reason> {
        if self.0.entries.load(Ordering::Acquire) > 0
            && (self.claims_revoked(claims) || self.get(&Key::KeyId(key.as_str().into())).is_some())
        {
            return Err(Reason::TokenRevoked);
        }
        if self.is_current(now) {
            Ok(())
        } else {
            Err(Reason::RevocationUnknown)
        }
    }

    fn is_current(&self, now: Timestamp) -> bool {
        if self.0.lost_until.load(Ordering::Acquire) > now.as_millis() {
            return false;
        }
        let limit = self.0.current_within.load(Ordering::Acquire);
        if limit < 0 {
            return true;
        }
        let at = self.0.current_at.load(Ordering::Acquire);
        // A clock that jumps, either way, makes the mark worthless until the next one.
        now.as_millis().saturating_sub(at).saturating_abs() <= limit
    }

    fn claims_revoked(&self, claims: &Claims) -> bool {
        self.session_revoked(claims)
            || claims
                .jti
                .as_deref()
                .is_some_and(|jti| self.get(&Key::TokenId(jti.into())).is_some())
            || self.subject_revoked(claims)
    }

    fn session_revoked(&self, claims: &Claims) -> bool {
        let Some(sid) = claims.sid.as_deref() else {
            return false;
        };
        let issuer = claims.iss.as_deref().map(Into::into);
        self.get(&Key::Session(None, sid.into())).is_some()
            || (issuer.is_some() && self.get(&Key::Session(issuer, sid.into())).is_some())
    }

    fn subject_revoked(&self, claims: &Claims) -> bool {
        let Some(entry) = self.get(&Key::Subject(claims.sub.as_str().into())) else {
            return false;
        };
        match claims.generation {
            Some(generation) => generation < entry.generation,
            None => claims.iat.is_none_or(|at| at <= entry.issued_up_to),
        }
    }

    fn shard(&self, key: &Key) -> &ArcSwap<Table> {
        let hash = self.0.hasher.hash_one(key);
        &self.0.shards[(hash >> 32) as usize % SHARDS]
    }

    fn get(&self, key: &Key) -> Option<Entry> {
        self.shard(key).load().get(key).copied()
    }

    fn put(&self, key: Key, entry: Entry) {
        let _writing = self.lock();
        let shard = self.shard(&key);
        let mut table = Table::clone(&shard.load());
        if let Some(held) = table.get_mut(&key) {
            *held = held.unite(entry);
        } else if self.0.entries.load(Ordering::Acquire) < self.0.capacity {
            table.insert(key, entry);
            self.0.entries.fetch_add(1, Ordering::AcqRel);
        } else {
            self.0
                .lost_until
                .fetch_max(entry.until.as_millis(), Ordering::AcqRel);
            return;
        }
        shard.store(Arc::new(table));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ()> {
        self.0
            .writing
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Revocations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revocations")
            .field("entries", &self.0.entries.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}
