//! Many entries at once: each part of the list is copied once for all of them, and not for each.

use std::fmt;

use super::{Entry, Revocations};
use crate::{KeyId, Timestamp};

/// Entries that are added to a list [all at once](Self::apply). Made by [`Revocations::batch`] and
/// [`RevocationsOf::batch`](crate::RevocationsOf::batch).
///
/// ```
/// use keystile::{Claims, Revocations, Timestamp};
///
/// let revocations = Revocations::new();
/// let mut batch = revocations.batch();
/// for sid in ["a", "b", "c"] {
///     batch.revoke_session(sid, Timestamp::MAX);
/// }
/// batch.apply();
/// assert!(revocations.is_revoked(&Claims { sid: Some("b".into()), ..Claims::new("ada", 900) }));
/// ```
#[must_use = "nothing is revoked before apply"]
pub struct RevocationBatch {
    all: Revocations,
    issuer: Option<Box<str>>,
    sessions: Vec<(Box<str>, Entry)>,
    token_ids: Vec<(Box<str>, Entry)>,
    subjects: Vec<(Box<str>, Entry)>,
    keys: Vec<(Box<str>, Entry)>,
}

impl RevocationBatch {
    pub(super) fn new(all: Revocations, issuer: Option<Box<str>>) -> Self {
        Self {
            all,
            issuer,
            sessions: Vec::new(),
            token_ids: Vec::new(),
            subjects: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// As [`Revocations::revoke_session`].
    pub fn revoke_session(&mut self, sid: &str, until: Timestamp) {
        let entry = self.entry(until);
        self.sessions.push((sid.into(), entry));
    }

    /// As [`Revocations::revoke_token_id`].
    pub fn revoke_token_id(&mut self, jti: &str, until: Timestamp) {
        let entry = self.entry(until);
        self.token_ids.push((jti.into(), entry));
    }

    /// As [`Revocations::revoke_generation_below`].
    pub fn revoke_generation_below(&mut self, sub: &str, smallest_good: u64, until: Timestamp) {
        let entry = self.entry(until).below(smallest_good);
        self.subjects.push((sub.into(), entry));
    }

    /// As [`Revocations::revoke_issued_up_to`].
    pub fn revoke_issued_up_to(&mut self, sub: &str, moment: Timestamp, until: Timestamp) {
        let entry = self.entry(until).up_to(moment);
        self.subjects.push((sub.into(), entry));
    }

    /// As [`Revocations::withdraw_key`].
    pub fn withdraw_key(&mut self, kid: &KeyId) {
        let entry = self.entry(Timestamp::MAX);
        self.keys.push((kid.as_str().into(), entry));
    }

    /// How many entries wait here.
    pub fn len(&self) -> usize {
        self.sessions.len() + self.token_ids.len() + self.subjects.len() + self.keys.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds what waits here to the list; withdrawn keys first. It can be filled again then.
    pub fn apply(&mut self) {
        let all = self.all.clone();
        if !self.keys.is_empty() {
            all.put_keys(self.keys.drain(..));
        }
        let tables = [
            (&all.0.subjects, &mut self.subjects),
            (&all.0.sessions, &mut self.sessions),
            (&all.0.token_ids, &mut self.token_ids),
        ];
        for (table, entries) in tables {
            if !entries.is_empty() {
                all.put_all(table, entries.drain(..));
            }
        }
    }

    fn entry(&self, until: Timestamp) -> Entry {
        Entry {
            issuer: self.issuer.clone(),
            ..Entry::until(until)
        }
    }
}

impl fmt::Debug for RevocationBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationBatch")
            .field("entries", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::{Claims, Reason};

    const LATER: Timestamp = Timestamp::from_seconds(1_000);
    const ENTRIES: usize = 20_000;

    fn copied(revocations: &Revocations) -> usize {
        let tables = revocations.tables();
        tables
            .iter()
            .map(|table| table.copied.load(Ordering::Relaxed))
            .sum()
    }

    /// What the first load of a long list costs.
    #[test]
    fn a_long_list_is_copied_less_than_once_and_a_list_that_is_held_not_at_all() {
        let name = |n: usize| format!("session-{n}");
        let one_by_one = Revocations::new();
        for n in 0..ENTRIES {
            one_by_one.revoke_session(None, &name(n), LATER);
        }
        assert!(
            copied(&one_by_one) > 20 * ENTRIES,
            "the test measures nothing"
        );

        let at_once = Revocations::new();
        let mut batch = at_once.batch();
        for n in 0..ENTRIES {
            batch.revoke_session(&name(n), LATER);
        }
        batch.apply();
        assert_eq!((at_once.len(), copied(&at_once)), (ENTRIES, 0));

        for n in 0..ENTRIES {
            batch.revoke_session(&name(n), LATER);
        }
        batch.apply();
        assert_eq!((at_once.len(), copied(&at_once)), (ENTRIES, 0));

        // In parts, as it comes over a network.
        let in_parts = Revocations::new();
        let mut batch = in_parts.batch();
        for n in 0..ENTRIES {
            batch.revoke_session(&name(n), LATER);
            if batch.len() == ENTRIES / 4 {
                batch.apply();
            }
        }
        assert!(copied(&in_parts) < 2 * ENTRIES, "{}", copied(&in_parts));
        for n in [0, 1, ENTRIES / 2, ENTRIES - 1] {
            let claims = Claims {
                sid: Some(name(n)),
                ..Claims::new("ada", 900)
            };
            assert!(at_once.is_revoked(&claims) && in_parts.is_revoked(&claims));
        }
    }

    fn claims() -> Claims {
        Claims {
            iss: Some("ours".into()),
            sid: Some("s".into()),
            jti: Some("t".into()),
            generation: Some(5),
            ..Claims::new("ada", 900)
        }
    }

    #[test]
    fn each_way_is_that_of_the_list_itself() {
        type Way = (fn(&mut RevocationBatch), bool);
        let ways: [Way; 8] = [
            (|batch| batch.revoke_session("s", LATER), true),
            (|batch| batch.revoke_session("t", LATER), false),
            (|batch| batch.revoke_token_id("t", LATER), true),
            (|batch| batch.revoke_generation_below("ada", 6, LATER), true),
            (
                |batch| batch.revoke_generation_below("ada", 5, LATER),
                false,
            ),
            (
                |batch| batch.revoke_issued_up_to("ada", LATER, LATER),
                false,
            ),
            (|batch| batch.withdraw_key(&"k".into()), true),
            (|batch| batch.withdraw_key(&"s".into()), false),
        ];
        let key = KeyId::from("k");
        for (at, (way, expected)) in ways.into_iter().enumerate() {
            let all = Revocations::new();
            for (mut batch, counts) in [
                (all.of_issuer("theirs").batch(), false),
                (all.of_issuer("ours").batch(), true),
            ] {
                way(&mut batch);
                assert!(!batch.is_empty());
                let now = Timestamp::from_seconds(1);
                let before = all.check(&claims(), &key, now);
                assert_eq!(before, Ok(()), "way {at}: not before it is applied");
                batch.apply();
                assert!(batch.is_empty());
                let revoked = all.check(&claims(), &key, now).is_err();
                assert_eq!(revoked, expected && counts, "way {at}");
            }
        }
    }

    #[test]
    fn what_finds_no_room_makes_the_answer_unknown_and_the_rest_is_held() {
        let all = Revocations::with_capacity(3);
        let mut batch = all.batch();
        for sid in ["a", "s", "b", "c", "d", "a"] {
            batch.revoke_session(sid, LATER);
        }
        batch.revoke_session("e", Timestamp::from_seconds(2_000));
        batch.withdraw_key(&"other".into());
        batch.apply();
        assert_eq!(all.len(), 4, "a key takes no room of others");
        let check = |claims: &Claims, now| all.check(claims, &"k".into(), now);
        let now = Timestamp::from_seconds(1);
        assert_eq!(check(&claims(), now), Err(Reason::TokenRevoked));
        let innocent = Claims::new("eve", 900);
        assert_eq!(check(&innocent, now), Err(Reason::RevocationUnknown));
        assert_eq!(check(&innocent, LATER), Err(Reason::RevocationUnknown));
        assert_eq!(check(&innocent, Timestamp::from_seconds(2_000)), Ok(()));
    }
}
