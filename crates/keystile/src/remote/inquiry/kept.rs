//! Answers, in so many bytes.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::Name;
use crate::Timestamp;

/// What an answer takes beside what it says.
pub(super) const BESIDE: usize = 128;

/// Answers, in so many bytes. Where one more finds no room, whichever has stood longest makes it, roughly: a hand goes round the
/// names, which are hashes.
pub(super) struct Kept<T> {
    answers: BTreeMap<Name, Answer<T>>,
    bytes: usize,
    most: usize,
    /// What made room last.
    hand: Name,
}

/// An answer, and when it counts.
pub(super) struct Answer<T> {
    pub(super) said: T,
    /// Of what it says.
    pub(super) bytes: usize,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

impl<T: Clone> Kept<T> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            answers: BTreeMap::new(),
            bytes: 0,
            most,
            hand: Name::default(),
        }
    }

    pub(super) fn get(&self, name: &Name, now: Timestamp) -> Option<T> {
        let answer = self.answers.get(name)?;
        // A clock that was set back says nothing about how old it is.
        (now >= answer.from && now < answer.until).then(|| answer.said.clone())
    }

    /// Whether there is an answer, also one that counts no more.
    pub(super) fn holds(&self, name: &Name) -> bool {
        self.answers.contains_key(name)
    }

    pub(super) fn remove(&mut self, name: &Name) {
        if let Some(old) = self.answers.remove(name) {
            self.bytes -= old.bytes + BESIDE;
        }
    }

    pub(super) fn put(&mut self, name: Name, answer: Answer<T>) {
        self.remove(&name);
        let bytes = answer.bytes + BESIDE;
        if bytes <= self.most {
            self.shrink_to(self.most - bytes);
            self.bytes += bytes;
            self.answers.insert(name, answer);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.most);
    }

    /// From now on in so many bytes.
    pub(super) fn bound(&mut self, most: usize) {
        self.most = most;
        self.shrink_to(most);
    }

    fn shrink_to(&mut self, most: usize) {
        while self.bytes > most {
            let beyond = (Bound::Excluded(self.hand), Bound::Unbounded);
            let next = self.answers.range(beyond).next();
            let Some((&next, _)) = next.or_else(|| self.answers.first_key_value()) else {
                return;
            };
            self.remove(&next);
            self.hand = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::name_of;
    use super::*;

    fn answer(bytes: usize, from: i64) -> Answer<u8> {
        let from = Timestamp::from_seconds(from);
        Answer {
            said: 7,
            bytes,
            from,
            until: from.saturating_add(Duration::from_secs(10)),
        }
    }

    #[test]
    fn answers_count_for_their_time_and_no_longer() {
        let mut kept = Kept::new(1_000);
        kept.put([1; 32], answer(100, 50));
        let at = |seconds| kept.get(&[1; 32], Timestamp::from_seconds(seconds));
        assert_eq!(
            [at(49), at(50), at(59), at(60)],
            [None, Some(7), Some(7), None]
        );
        assert!(kept.holds(&[1; 32]) && !kept.holds(&[2; 32]));
    }

    #[test]
    fn however_many_come_the_bytes_are_bounded() {
        let mut kept = Kept::new(10_000);
        let counted = |kept: &Kept<u8>| {
            let each = kept.answers.values().map(|answer| answer.bytes + BESIDE);
            assert_eq!(each.sum::<usize>(), kept.bytes);
            kept.bytes
        };
        for number in 0..10_000_u32 {
            let name = name_of(&number.to_be_bytes());
            kept.put(name, answer(90 + number as usize % 40, 0));
            kept.put(name, answer(90, 0));
            assert!(counted(&kept) <= 10_000);
            assert!(kept.get(&name, Timestamp::from_seconds(1)).is_some());
        }
        assert!(kept.answers.len() >= 40);
        kept.put([0; 32], answer(10_000 - BESIDE + 1, 0));
        assert!(!kept.holds(&[0; 32]));
        kept.bound(500);
        assert!(counted(&kept) <= 500 && kept.answers.len() == 2);
        kept.clear();
        assert_eq!((counted(&kept), kept.most), (0, 500));
    }

    /// Answers of tokens that have long had their time leave before those that came lately: else a memory that was full once
    /// would be of no use ever after.
    #[test]
    fn what_came_long_ago_makes_room_for_what_comes() {
        const ROOM: u32 = 500;
        let mut kept = Kept::new(ROOM as usize * (BESIDE + 100));
        for number in 0..100 * ROOM {
            kept.put(name_of(&number.to_be_bytes()), answer(100, 0));
        }
        let held = |from: u32, to: u32| {
            let names = (from..to).map(|number| name_of(&number.to_be_bytes()));
            names.filter(|name| kept.holds(name)).count()
        };
        let lately = held(99 * ROOM, 100 * ROOM);
        let long_ago = held(0, 95 * ROOM);
        assert!(
            lately > 250 && long_ago < 50,
            "{lately} of the last, {long_ago} of old"
        );
    }
}
