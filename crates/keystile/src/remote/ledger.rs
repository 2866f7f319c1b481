//! The keys that an issuer was seen to publish. One that is missing from an answer may be gone, or the answer may come from
//! a server that is behind the others: it goes only when it stays away.

use std::time::Duration;

use crate::{KeySet, Timestamp, VerifyingKey};

/// A key that was seen no longer ago than this is kept.
const GOES_AFTER: Duration = Duration::from_secs(60);
/// And one that so few answers in a row lacked.
const GOES_AFTER_ANSWERS: u32 = 3;
/// While one is missing, the issuer is asked again so soon.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(20);

/// Which keys were seen, and when.
#[derive(Default)]
pub(super) struct Ledger(Vec<Line>);

struct Line {
    key: VerifyingKey,
    /// Its JWK: two keys with the same one are the same.
    form: String,
    seen_at: Timestamp,
    /// Answers in a row that lacked it.
    lacked: u32,
}

impl Ledger {
    /// Of keys that were seen at that moment.
    pub(super) fn of(keys: &KeySet, seen_at: Timestamp) -> Self {
        let mut ledger = Self::default();
        ledger.saw(keys, seen_at);
        ledger
    }

    /// Enters an answer. Whether the keys are others now.
    pub(super) fn saw(&mut self, keys: &KeySet, now: Timestamp) -> bool {
        let mut seen: Vec<Line> = Vec::with_capacity(keys.len());
        for key in keys {
            // A key without a public form is none that an issuer publishes.
            let Ok(form) = key.to_jwk().map(|jwk| jwk.to_string()) else {
                continue;
            };
            if !seen.iter().any(|line| line.form == form) {
                seen.push(Line {
                    key: key.clone(),
                    form,
                    seen_at: now,
                    lacked: 0,
                });
            }
        }
        let before = std::mem::take(&mut self.0);
        let known = |form: &str| before.iter().any(|line| line.form == form);
        let mut changed = seen.iter().any(|line| !known(&line.form));
        for mut line in before {
            if seen.iter().any(|other| other.form == line.form) {
                continue;
            }
            line.lacked += 1;
            if line.lacked < GOES_AFTER_ANSWERS || now.since(line.seen_at) < GOES_AFTER {
                seen.push(line);
            } else {
                changed = true;
            }
        }
        self.0 = seen;
        changed
    }

    /// Enters an answer that says: the same as the last one.
    pub(super) fn saw_same(&mut self, now: Timestamp) -> bool {
        let same = self.0.iter().filter(|line| line.lacked == 0);
        let same: KeySet = same.map(|line| line.key.clone()).collect();
        self.saw(&same, now)
    }

    /// Whether a key is missing that was not given up yet.
    pub(super) fn misses_some(&self) -> bool {
        self.0.iter().any(|line| line.lacked > 0)
    }

    /// Those that count: the answer's in its order, then those that are missed.
    pub(super) fn keys(&self) -> KeySet {
        self.0.iter().map(|line| line.key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Algorithm, Random, SigningKey};

    fn key(seed: u64) -> VerifyingKey {
        let random = Random::seeded(seed);
        let key = SigningKey::generate(Algorithm::EdDsa, &random).unwrap();
        key.verifying_key().with_key_id(format!("{seed}"))
    }

    fn set(seeds: &[u64]) -> KeySet {
        seeds.iter().copied().map(key).collect()
    }

    fn ids(ledger: &Ledger) -> Vec<String> {
        let keys = ledger.keys();
        keys.iter().map(|key| key.key_id().to_string()).collect()
    }

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_key_goes_when_it_stays_away_and_not_before() {
        let mut ledger = Ledger::of(&set(&[1, 2]), at(0));
        assert!(!ledger.saw(&set(&[2]), at(20)), "kept, so nothing changed");
        assert_eq!(ids(&ledger), ["2", "1"]);
        assert!(ledger.misses_some());
        assert!(!ledger.saw_same(at(40)));
        assert!(ledger.saw_same(at(60)), "the third in a minute");
        assert_eq!(ids(&ledger), ["2"]);
        assert!(!ledger.misses_some());
    }

    #[test]
    fn neither_time_nor_number_alone_takes_a_key_away() {
        let mut ledger = Ledger::of(&set(&[1, 2]), at(0));
        for second in 0..59 {
            assert!(!ledger.saw(&set(&[2]), at(second)));
        }
        let mut ledger = Ledger::of(&set(&[1, 2]), at(0));
        assert!(!ledger.saw(&set(&[2]), at(3_600)));
        assert!(!ledger.saw(&set(&[2]), at(3_601)));
        assert!(ledger.saw(&set(&[2]), at(3_602)));
    }

    #[test]
    fn servers_that_disagree_take_nothing_away() {
        let mut ledger = Ledger::of(&set(&[1, 2]), at(0));
        for turn in 1..100 {
            let answer = if turn % 3 == 0 {
                set(&[1, 2])
            } else {
                set(&[1])
            };
            assert!(!ledger.saw(&answer, at(turn * 20)), "turn {turn}");
            assert_eq!(ledger.keys().len(), 2);
        }
    }

    #[test]
    fn another_order_or_a_key_twice_is_no_change_and_other_bytes_are() {
        let mut ledger = Ledger::of(&set(&[1, 2]), at(0));
        assert!(!ledger.saw(&set(&[2, 1, 2]), at(1)));
        assert_eq!(ids(&ledger), ["2", "1"]);
        let renamed = KeySet::new([key(3).with_key_id("1"), key(2)]);
        assert!(ledger.saw(&renamed, at(2)), "another key of the same id");
        assert_eq!(ledger.keys().len(), 3);
        assert!(ledger.saw(&set(&[1, 2, 4]), at(3)));
    }

    proptest! {
        /// Whatever comes: what the last answer had counts, and what was lacking three times and a minute does not.
        #[test]
        fn what_counts_is_what_was_seen(answers in prop::collection::vec((prop::collection::vec(0u64..4, 1..4), 0i64..90), 1..20)) {
            let all: Vec<VerifyingKey> = (0..4).map(key).collect();
            let mut ledger = Ledger::default();
            let mut now = 0;
            let mut last_seen = [None::<(i64, u32)>; 4];
            for (seeds, after) in answers {
                now += after;
                let set: KeySet = seeds.iter().map(|seed| all[usize::try_from(*seed).unwrap()].clone()).collect();
                ledger.saw(&set, at(now));
                for (seed, line) in (0u64..).zip(&mut last_seen) {
                    *line = match *line {
                        _ if seeds.contains(&seed) => Some((now, 0)),
                        Some((when, lacked)) if lacked + 1 < 3 || now - when < 60 => Some((when, lacked + 1)),
                        _ => None,
                    };
                }
                let mut found = ids(&ledger);
                found.sort();
                let expected: Vec<String> = (0..4).filter(|seed| last_seen[*seed].is_some()).map(|seed| seed.to_string()).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
