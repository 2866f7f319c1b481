//! What is revoked, held in memory: read without a lock, bounded, never evicted.

mod batch;
mod current;
mod of_issuer;
mod table;

use std::fmt;
use std::hash::RandomState;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::{Claims, KeyId, Reason, Timestamp};
pub use batch::RevocationBatch;
use current::Current;
pub use of_issuer::RevocationsOf;
use table::{Entry, Table};

/// Entries that are held unless said otherwise: about 100 MiB at the worst.
const DEFAULT_CAPACITY: usize = 500_000;
/// Withdrawn keys that are held beside: an entry of theirs never ends, so that one without room would never end either.
const KEY_CAPACITY: usize = 4_096;

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
/// An entry is kept until the moment given with it, by which every token that it could touch has expired. What is revoked
/// here counts whoever issued the token; [`of_issuer`](Self::of_issuer) revokes for one issuer alone.
#[derive(Clone)]
pub struct Revocations(Arc<Inner>);

struct Inner {
    sessions: Table,
    token_ids: Table,
    subjects: Table,
    keys: Table,
    hasher: RandomState,
    /// Held by whoever changes the table. A request never takes it.
    writing: Mutex<()>,
    entries: AtomicUsize,
    /// How many of the entries are keys.
    withdrawn: AtomicUsize,
    capacity: usize,
    /// An entry could not be held: until then, in milliseconds, what is revoked is not known.
    lost_until: AtomicI64,
    current: Current,
    /// Of issuers that are fed one by one.
    of_issuers: ArcSwap<Vec<(Box<str>, Arc<Current>)>>,
    /// Asked too, where there is one.
    known: OnceLock<Known>,
}

/// Whether what is revoked is known at this very moment.
type Known = Box<dyn Fn() -> bool + Send + Sync>;

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
    /// until that entry would have ended. Withdrawn keys have room of their own.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Arc::new(Inner {
            sessions: Table::new(),
            token_ids: Table::new(),
            subjects: Table::new(),
            keys: Table::new(),
            hasher: RandomState::new(),
            writing: Mutex::new(()),
            entries: AtomicUsize::new(0),
            withdrawn: AtomicUsize::new(0),
            capacity,
            lost_until: AtomicI64::new(i64::MIN),
            current: Current::default(),
            of_issuers: ArcSwap::default(),
            known: OnceLock::new(),
        }))
    }

    /// Revokes every token of a session; with an issuer, only that issuer's.
    pub fn revoke_session(&self, issuer: Option<&str>, sid: &str, until: Timestamp) {
        let entry = Entry {
            issuer: issuer.map(Into::into),
            ..Entry::until(until)
        };
        self.put(&self.0.sessions, sid, entry);
    }

    /// Revokes the token of this id, `jti`.
    pub fn revoke_token_id(&self, jti: &str, until: Timestamp) {
        self.put(&self.0.token_ids, jti, Entry::until(until));
    }

    /// Revokes a subject's tokens whose generation is below `smallest_good`, or absent.
    pub fn revoke_generation_below(&self, sub: &str, smallest_good: u64, until: Timestamp) {
        let entry = Entry::until(until).below(smallest_good);
        self.put(&self.0.subjects, sub, entry);
    }

    /// Revokes a subject's tokens that carry no generation and were issued at `moment` or before, or do not say when.
    pub fn revoke_issued_up_to(&self, sub: &str, moment: Timestamp, until: Timestamp) {
        let entry = Entry::until(until).up_to(moment);
        self.put(&self.0.subjects, sub, entry);
    }

    /// Withdraws a key: every token that it signed is revoked, for good.
    pub fn withdraw_key(&self, kid: &KeyId) {
        self.withdraw(kid, Entry::until(Timestamp::MAX));
    }

    fn withdraw(&self, kid: &KeyId, entry: Entry) {
        self.put_keys([(kid.as_str().into(), entry)]);
    }

    /// Entries to be added all at once, which costs far less than one by one where there are many.
    pub fn batch(&self) -> RevocationBatch {
        RevocationBatch::new(self.clone(), None)
    }

    /// How many entries are held.
    pub fn len(&self) -> usize {
        self.0.entries.load(Ordering::Acquire)
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops entries whose moment has come.
    pub fn forget_expired(&self, now: Timestamp) {
        let _writing = self.lock();
        let tables = self.tables();
        let left = tables.iter().map(|table| table.forget_expired(now)).sum();
        self.0.entries.store(left, Ordering::Release);
    }

    /// Says that everything revoked up to `now` is held here: for whoever feeds it, after each successful poll.
    pub fn mark_current(&self, now: Timestamp) {
        self.0.current.mark(now);
    }

    /// Requires a [`mark_current`](Self::mark_current) within `age`. Without one, requests are refused or served as
    /// `when_stale` says. Not required unless said.
    pub fn require_current_within(&self, age: Duration, when_stale: WhenStale) {
        self.0.current.require_within(age, when_stale);
    }

    /// Asks this at each check too: where it says no, requests are refused with `revocation_unknown`. For whoever feeds
    /// this and can tell by more than a mark whether they still hear of everything: by a clock that nobody sets, say, which
    /// goes on while the process stands still. The first one given counts.
    pub fn require_known(&self, known: impl Fn() -> bool + Send + Sync + 'static) {
        let _ = self.0.known.set(Box::new(known));
    }

    /// Whether these claims are revoked by session, by token id or by subject. See [`check`](Self::check) for all.
    pub fn is_revoked(&self, claims: &Claims) -> bool {
        self.0.entries.load(Ordering::Acquire) > 0 && self.claims_revoked(claims)
    }

    /// Checks claims and the key that signed them: `token_revoked`, or `revocation_unknown` where that cannot be told.
    pub fn check(&self, claims: &Claims, key: &KeyId, now: Timestamp) -> Result<(), Reason> {
        self.check_all(claims, Some(key), now)
    }

    /// As [`check`](Self::check), also for what no key signed.
    pub(crate) fn check_all(
        &self,
        claims: &Claims,
        key: Option<&KeyId>,
        now: Timestamp,
    ) -> Result<(), Reason> {
        let is_withdrawn = |key| self.is_withdrawn(claims.iss.as_deref(), key);
        if self.0.entries.load(Ordering::Acquire) > 0
            && (self.claims_revoked(claims) || key.is_some_and(is_withdrawn))
        {
            return Err(Reason::TokenRevoked);
        }
        if self.is_current(claims.iss.as_deref(), now) {
            Ok(())
        } else {
            Err(Reason::RevocationUnknown)
        }
    }

    /// Whether it is the same list, or a clone of it.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether a key was withdrawn: everywhere, or of this issuer.
    pub(crate) fn is_withdrawn(&self, issuer: Option<&str>, key: &KeyId) -> bool {
        let entry = |entry: &Entry| entry.is_of(issuer);
        self.0.keys.any(&self.0.hasher, key.as_str(), entry)
    }

    pub(crate) fn is_current(&self, issuer: Option<&str>, now: Timestamp) -> bool {
        if self.0.lost_until.load(Ordering::Acquire) > now.as_millis() {
            return false;
        }
        if !self.0.known.get().is_none_or(|known| known()) {
            return false;
        }
        self.0.current.is_current(now)
            && issuer
                .and_then(|issuer| self.current_of(issuer))
                .is_none_or(|current| current.is_current(now))
    }

    /// What is known of an issuer that is fed on its own.
    fn current_of(&self, issuer: &str) -> Option<Arc<Current>> {
        let issuers = self.0.of_issuers.load();
        let found = issuers.iter().find(|(name, _)| **name == *issuer);
        found.map(|(_, current)| Arc::clone(current))
    }

    fn claims_revoked(&self, claims: &Claims) -> bool {
        let hasher = &self.0.hasher;
        let issuer = claims.iss.as_deref();
        let session = claims.sid.as_deref().is_some_and(|sid| {
            self.0
                .sessions
                .any(hasher, sid, |entry| entry.is_of(issuer))
        });
        let token = || {
            let jti = claims.jti.as_deref();
            let of_issuer = |entry: &Entry| entry.is_of(issuer);
            jti.is_some_and(|jti| self.0.token_ids.any(hasher, jti, of_issuer))
        };
        let subject = |entry: &Entry| {
            entry.is_of(issuer)
                && match claims.generation {
                    Some(generation) => generation < entry.generation,
                    None => claims.iat.is_none_or(|at| at <= entry.issued_up_to),
                }
        };
        session || token() || self.0.subjects.any(hasher, &claims.sub, subject)
    }

    fn tables(&self) -> [&Table; 4] {
        [
            &self.0.sessions,
            &self.0.token_ids,
            &self.0.subjects,
            &self.0.keys,
        ]
    }

    fn put(&self, table: &Table, name: &str, entry: Entry) {
        self.put_all(table, [(name.into(), entry)]);
    }

    /// Adds entries to a table that is not the one of the keys.
    fn put_all(&self, table: &Table, entries: impl IntoIterator<Item = (Box<str>, Entry)>) {
        let _writing = self.lock();
        let keys = self.0.withdrawn.load(Ordering::Acquire);
        let others = self.0.entries.load(Ordering::Acquire).saturating_sub(keys);
        self.add(table, entries, self.0.capacity.saturating_sub(others));
    }

    fn put_keys(&self, entries: impl IntoIterator<Item = (Box<str>, Entry)>) {
        let _writing = self.lock();
        let withdrawn = self.0.withdrawn.load(Ordering::Acquire);
        let new = self.add(
            &self.0.keys,
            entries,
            KEY_CAPACITY.saturating_sub(withdrawn),
        );
        self.0.withdrawn.fetch_add(new, Ordering::AcqRel);
    }

    /// How many are new. The caller holds the lock.
    fn add(
        &self,
        table: &Table,
        entries: impl IntoIterator<Item = (Box<str>, Entry)>,
        room: usize,
    ) -> usize {
        let added = table.put(&self.0.hasher, entries, room);
        self.0.entries.fetch_add(added.new, Ordering::AcqRel);
        if let Some(until) = added.lost_until {
            self.0
                .lost_until
                .fetch_max(until.as_millis(), Ordering::AcqRel);
        }
        added.new
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.0
            .writing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations")
            .field("entries", &self.0.entries.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
