//! What is revoked, held in memory: read without a lock, bounded, never evicted.

mod table;

use std::fmt;
use std::hash::RandomState;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::{Claims, KeyId, Reason, Timestamp};
use table::{Added, Entry, Table};

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
/// An entry is kept until the moment given with it, by which every token that it could touch has expired.
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
    current_at: AtomicI64,
    /// How old the last `mark_current` may be, in milliseconds; negative: no limit.
    current_within: AtomicI64,
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
            current_at: AtomicI64::new(i64::MIN),
            current_within: AtomicI64::new(-1),
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
        let entry = Entry {
            generation: smallest_good,
            issued_up_to: i64::MAX,
            ..Entry::until(until)
        };
        self.put(&self.0.subjects, sub, entry);
    }

    /// Revokes a subject's tokens that carry no generation and were issued at `moment` or before, or do not say when.
    pub fn revoke_issued_up_to(&self, sub: &str, moment: Timestamp, until: Timestamp) {
        let entry = Entry {
            issued_up_to: moment.as_seconds(),
            ..Entry::until(until)
        };
        self.put(&self.0.subjects, sub, entry);
    }

    /// Withdraws a key: every token that it signed is revoked, for good.
    pub fn withdraw_key(&self, kid: &KeyId) {
        let _writing = self.lock();
        let room = self.0.withdrawn.load(Ordering::Acquire) < KEY_CAPACITY;
        let entry = Entry::until(Timestamp::MAX);
        if self.add(&self.0.keys, kid.as_str(), entry, room) {
            self.0.withdrawn.fetch_add(1, Ordering::AcqRel);
        }
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
        if self.0.entries.load(Ordering::Acquire) > 0
            && (self.claims_revoked(claims)
                || self.0.keys.any(&self.0.hasher, key.as_str(), |_| true))
        {
            return Err(Reason::TokenRevoked);
        }
        if self.is_current(now) {
            Ok(())
        } else {
            Err(Reason::RevocationUnknown)
        }
    }

    /// Whether a key was withdrawn.
    #[cfg(feature = "remote")]
    pub(crate) fn is_withdrawn(&self, key: &KeyId) -> bool {
        self.0.keys.any(&self.0.hasher, key.as_str(), |_| true)
    }

    fn is_current(&self, now: Timestamp) -> bool {
        if self.0.lost_until.load(Ordering::Acquire) > now.as_millis() {
            return false;
        }
        if !self.0.known.get().is_none_or(|known| known()) {
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
        let hasher = &self.0.hasher;
        let issuer = claims.iss.as_deref();
        let session = claims.sid.as_deref().is_some_and(|sid| {
            self.0
                .sessions
                .any(hasher, sid, |entry| entry.is_of(issuer))
        });
        let token = || {
            let jti = claims.jti.as_deref();
            jti.is_some_and(|jti| self.0.token_ids.any(hasher, jti, |_| true))
        };
        let subject = |entry: &Entry| match claims.generation {
            Some(generation) => generation < entry.generation,
            None => claims.iat.is_none_or(|at| at <= entry.issued_up_to),
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
        let _writing = self.lock();
        let keys = self.0.withdrawn.load(Ordering::Acquire);
        let others = self.0.entries.load(Ordering::Acquire).saturating_sub(keys);
        self.add(table, name, entry, others < self.0.capacity);
    }

    /// Whether it is a new one. The caller holds the lock.
    fn add(&self, table: &Table, name: &str, entry: Entry, room: bool) -> bool {
        let until = entry.until.as_millis();
        match table.put(&self.0.hasher, name, entry, room) {
            Added::New => {
                self.0.entries.fetch_add(1, Ordering::AcqRel);
                true
            }
            Added::United => false,
            Added::NoRoom => {
                self.0.lost_until.fetch_max(until, Ordering::AcqRel);
                false
            }
        }
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
mod tests {
    use super::*;

    const LATER: Timestamp = Timestamp::from_seconds(1_000);

    fn claims() -> Claims {
        Claims {
            iss: Some("ours".into()),
            sid: Some("s".into()),
            jti: Some("t".into()),
            generation: Some(5),
            iat: Some(100),
            ..Claims::new("ada", 900)
        }
    }

    fn check(revocations: &Revocations, claims: &Claims) -> Result<(), Reason> {
        revocations.check(claims, &"k".into(), Timestamp::from_seconds(1))
    }

    #[test]
    fn each_kind_revokes_what_it_names_and_nothing_else() {
        type Case = (fn(&Revocations), bool);
        let cases: [Case; 12] = [
            (|r| r.revoke_session(None, "s", LATER), true),
            (|r| r.revoke_session(Some("ours"), "s", LATER), true),
            (|r| r.revoke_session(Some("theirs"), "s", LATER), false),
            (|r| r.revoke_session(None, "t", LATER), false),
            (|r| r.revoke_token_id("t", LATER), true),
            (|r| r.revoke_token_id("s", LATER), false),
            (|r| r.revoke_generation_below("ada", 6, LATER), true),
            (|r| r.revoke_generation_below("ada", 5, LATER), false),
            (|r| r.revoke_generation_below("eve", 6, LATER), false),
            (|r| r.revoke_issued_up_to("ada", LATER, LATER), false),
            (|r| r.withdraw_key(&"k".into()), true),
            (|r| r.withdraw_key(&"s".into()), false),
        ];
        for (at, (revoke, expected)) in cases.into_iter().enumerate() {
            let revocations = Revocations::new();
            assert!(check(&revocations, &claims()).is_ok());
            revoke(&revocations);
            assert_eq!(
                check(&revocations, &claims()).is_err(),
                expected,
                "case {at}"
            );
        }
    }

    #[test]
    fn a_token_without_a_generation_goes_by_its_time_of_issue() {
        let without = Claims {
            generation: None,
            ..claims()
        };
        let revocations = Revocations::new();
        revocations.revoke_issued_up_to("ada", Timestamp::from_seconds(99), LATER);
        assert!(check(&revocations, &without).is_ok());
        revocations.revoke_issued_up_to("ada", Timestamp::from_seconds(100), LATER);
        assert_eq!(check(&revocations, &without), Err(Reason::TokenRevoked));
        let untimed = Claims {
            iat: None,
            ..without.clone()
        };
        assert_eq!(check(&revocations, &untimed), Err(Reason::TokenRevoked));
        let raised = Revocations::new();
        raised.revoke_generation_below("ada", 1, LATER);
        assert_eq!(check(&raised, &without), Err(Reason::TokenRevoked));
        assert!(check(&raised, &claims()).is_ok());
    }

    #[test]
    fn entries_unite_and_never_weaken() {
        let revocations = Revocations::new();
        revocations.revoke_generation_below("ada", 6, LATER);
        revocations.revoke_generation_below("ada", 2, Timestamp::from_seconds(1));
        assert!(revocations.is_revoked(&claims()));
        revocations.forget_expired(Timestamp::from_seconds(999));
        assert!(revocations.is_revoked(&claims()));
        revocations.forget_expired(LATER);
        assert!(!revocations.is_revoked(&claims()));
    }

    #[test]
    fn a_full_list_makes_the_answer_unknown_and_evicts_nothing() {
        let revocations = Revocations::with_capacity(1);
        revocations.revoke_session(None, "s", LATER);
        revocations.revoke_session(None, "other", LATER);
        assert_eq!(check(&revocations, &claims()), Err(Reason::TokenRevoked));
        let innocent = Claims::new("eve", 900);
        assert_eq!(
            check(&revocations, &innocent),
            Err(Reason::RevocationUnknown)
        );
        assert_eq!(revocations.check(&innocent, &"k".into(), LATER), Ok(()));
    }

    #[test]
    fn a_withdrawn_key_finds_room_in_a_full_list_and_takes_none() {
        let revocations = Revocations::with_capacity(1);
        revocations.withdraw_key(&"old".into());
        revocations.revoke_session(None, "s", LATER);
        let innocent = Claims::new("eve", 900);
        assert_eq!(check(&revocations, &innocent), Ok(()), "both had room");
        revocations.withdraw_key(&"k".into());
        revocations.withdraw_key(&"k".into());
        assert_eq!(check(&revocations, &innocent), Err(Reason::TokenRevoked));
        let elsewhere = revocations.check(&innocent, &"other".into(), Timestamp::from_seconds(1));
        assert_eq!(elsewhere, Ok(()), "what is revoked is known");
        revocations.forget_expired(LATER);
        revocations.revoke_session(None, "s", Timestamp::from_seconds(2_000));
        let elsewhere = revocations.check(&innocent, &"other".into(), LATER);
        assert_eq!(elsewhere, Ok(()), "keys that stay take no room of others");
        assert_eq!(check(&revocations, &innocent), Err(Reason::TokenRevoked));
    }

    #[test]
    fn a_mark_is_good_for_its_time_and_a_jump_of_the_clock_spoils_it() {
        let revocations = Revocations::new();
        let innocent = Claims::new("eve", 900);
        let at = |millis| revocations.check(&innocent, &"k".into(), Timestamp::from_millis(millis));
        revocations.require_current_within(Duration::from_secs(1), WhenStale::Refuse);
        assert_eq!(at(0), Err(Reason::RevocationUnknown));
        revocations.mark_current(Timestamp::from_millis(5_000));
        assert_eq!((at(5_000), at(6_000)), (Ok(()), Ok(())));
        assert_eq!(at(6_001), Err(Reason::RevocationUnknown));
        assert_eq!(at(0), Err(Reason::RevocationUnknown));
        assert_eq!(at(i64::MAX), Err(Reason::RevocationUnknown));
        assert_eq!(at(i64::MIN), Err(Reason::RevocationUnknown));
        revocations.require_current_within(Duration::from_secs(1), WhenStale::Serve);
        assert_eq!(at(i64::MAX), Ok(()));
    }

    #[test]
    fn whoever_feeds_it_may_be_asked_each_time() {
        use std::sync::atomic::AtomicBool;
        let revocations = Revocations::new();
        let heard = Arc::new(AtomicBool::new(true));
        let hears = Arc::clone(&heard);
        revocations.require_known(move || hears.load(Ordering::Relaxed));
        revocations.require_known(|| true);
        revocations.withdraw_key(&"k".into());
        let innocent = Claims::new("eve", 900);
        let by = |key: &str| revocations.check(&innocent, &key.into(), Timestamp::from_seconds(1));
        assert_eq!(by("other"), Ok(()));
        heard.store(false, Ordering::Relaxed);
        assert_eq!(by("other"), Err(Reason::RevocationUnknown));
        assert_eq!(by("k"), Err(Reason::TokenRevoked), "that much is known");
        heard.store(true, Ordering::Relaxed);
        assert_eq!(by("other"), Ok(()));
    }

    #[test]
    fn clones_share_what_is_revoked() {
        let revocations = Revocations::new();
        let clone = revocations.clone();
        clone.revoke_session(None, "s", LATER);
        assert!(revocations.is_revoked(&claims()));
    }
}
