//! What lives, signed, in the order in which this process heard of it.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use keystile::KeySet;

/// A revocation that readers are told of.
#[derive(Debug)]
pub(super) struct Entry {
    /// The row's.
    pub(super) id: i64,
    /// The row's.
    pub(super) place: u64,
    /// When it is of no use any more, in milliseconds.
    pub(super) until: i64,
    /// Which key signed it.
    pub(super) kid: Arc<str>,
    pub(super) token: Arc<str>,
}

/// An entry and its number here.
#[derive(Debug)]
struct Kept {
    number: u64,
    /// The largest place up to here: it never falls, so that it can be searched for.
    reach: u64,
    entry: Entry,
}

/// All of one history, as far as it lives.
#[derive(Debug)]
pub(super) struct Log {
    /// Counts the histories of this process: numbers mean something in one of them only.
    history: u64,
    kept: VecDeque<Kept>,
    ids: HashSet<i64>,
    next: u64,
}

/// Some of a log's entries, and where to go on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) tokens: Vec<Arc<str>>,
    pub(super) next: u64,
}

impl Log {
    pub(super) fn new(history: u64) -> Self {
        Self {
            history,
            kept: VecDeque::new(),
            ids: HashSet::new(),
            next: 0,
        }
    }

    pub(super) fn history(&self) -> u64 {
        self.history
    }

    /// The number that the next entry will have.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn holds(&self, id: i64) -> bool {
        self.ids.contains(&id)
    }

    /// Adds entries at the end. One that is there already is not added again.
    pub(super) fn append(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            if !self.ids.insert(entry.id) {
                continue;
            }
            let reach = self.kept.back().map_or(0, |last| last.reach);
            self.kept.push_back(Kept {
                number: self.next,
                reach: reach.max(entry.place),
                entry,
            });
            self.next += 1;
        }
    }

    /// The number from which on whoever was told all below this place has something to be told, if anybody has.
    pub(super) fn first_at(&self, place: u64) -> u64 {
        let at = self.kept.partition_point(|kept| kept.reach < place);
        self.kept.get(at).map_or(self.next, |kept| kept.number)
    }

    /// The entries from this number on and before that one, but those below the place; about so many bytes of them.
    pub(super) fn page(&self, from: u64, to: u64, place: u64, bytes: usize) -> Page {
        let start = self.kept.partition_point(|kept| kept.number < from);
        let mut page = Page {
            tokens: Vec::new(),
            next: to,
        };
        let mut length = 0;
        for kept in self.kept.range(start..) {
            if kept.number >= to {
                break;
            }
            if length >= bytes {
                page.next = kept.number;
                break;
            }
            if kept.entry.place >= place {
                length += kept.entry.token.len();
                page.tokens.push(Arc::clone(&kept.entry.token));
            }
        }
        page
    }

    /// The entries that a key signed which is not among these.
    pub(super) fn signed_by_others(&self, keys: &KeySet) -> Vec<(i64, Arc<str>)> {
        let strange = |kept: &&Kept| keys.get(&kept.entry.kid).is_none();
        let found = self.kept.iter().filter(strange);
        found
            .map(|kept| (kept.entry.id, Arc::clone(&kept.entry.token)))
            .collect()
    }

    /// Puts other tokens in the place of theirs.
    pub(super) fn replace(
        &mut self,
        kid: &Arc<str>,
        mut token_of: impl FnMut(i64) -> Option<Arc<str>>,
    ) {
        for kept in &mut self.kept {
            if let Some(token) = token_of(kept.entry.id) {
                kept.entry.token = token;
                kept.entry.kid = Arc::clone(kid);
            }
        }
    }

    /// Drops what ended by then.
    pub(super) fn forget_ended(&mut self, by: i64) {
        let ids = &mut self.ids;
        self.kept.retain(|kept| {
            let lives = kept.entry.until > by;
            if !lives {
                ids.remove(&kept.entry.id);
            }
            lives
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: i64, place: u64, until: i64) -> Entry {
        Entry {
            id,
            place,
            until,
            kid: "k".into(),
            token: format!("t{id}").into(),
        }
    }

    fn log(entries: &[(i64, u64, i64)]) -> Log {
        let mut log = Log::new(1);
        let entries = entries
            .iter()
            .map(|&(id, place, until)| entry(id, place, until));
        log.append(entries.collect());
        log
    }

    fn told(log: &Log, from: u64, place: u64) -> Vec<String> {
        let page = log.page(from, log.next(), place, usize::MAX);
        assert_eq!(page.next, log.next());
        page.tokens.iter().map(ToString::to_string).collect()
    }

    /// Whoever goes on from a place is told all at or above it, also what began early and was kept late.
    #[test]
    fn a_place_leads_to_all_that_is_not_below_it() {
        // 3 began at place 5 and was kept after those of 8 and 9.
        let log = log(&[(1, 3, 99), (2, 8, 99), (4, 9, 99), (3, 5, 99), (5, 12, 99)]);
        let from = |place| told(&log, log.first_at(place), place);
        assert_eq!(from(0), ["t1", "t2", "t4", "t3", "t5"]);
        assert_eq!(from(4), ["t2", "t4", "t3", "t5"]);
        assert_eq!(from(6), ["t2", "t4", "t5"]);
        assert_eq!(from(9), ["t4", "t5"]);
        assert_eq!(from(12), ["t5"]);
        assert_eq!(from(13), [""; 0]);
        assert_eq!(from(u64::MAX), [""; 0]);
    }

    #[test]
    fn pages_are_of_about_so_many_bytes_and_lose_nothing() {
        let entries: Vec<_> = (0..50).map(|id| (id, 1, 99)).collect();
        let log = log(&entries);
        let (mut at, mut seen) = (0, Vec::new());
        while at < log.next() {
            let page = log.page(at, log.next(), 0, 10);
            assert!((1..=5).contains(&page.tokens.len()));
            seen.extend(page.tokens);
            at = page.next;
        }
        assert_eq!(seen.len(), 50);
        assert_eq!(log.page(7, 9, 0, 100).tokens, ["t7".into(), "t8".into()]);
    }

    #[test]
    fn what_ended_is_forgotten_and_numbers_stay() {
        let mut log = log(&[(1, 1, 10), (2, 2, 30), (3, 3, 20), (4, 4, 40)]);
        log.forget_ended(20);
        assert_eq!(log.len(), 2);
        assert_eq!(told(&log, 1, 0), ["t2", "t4"]);
        assert_eq!(told(&log, 2, 0), ["t4"]);
        assert_eq!(log.first_at(3), 3);
        assert!(log.holds(2) && !log.holds(1));
        log.append(vec![entry(4, 4, 40), entry(5, 5, 50)]);
        assert_eq!(told(&log, 2, 0), ["t4", "t5"], "each once");
    }
}
