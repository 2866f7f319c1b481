//! Turns: of the attempts on one counter, never more are under way at once than it has guesses left, so that a burst
//! sent in parallel gets no more guesses than one sent in turn. The rest wait; nobody is refused for being many.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::store::Hash;

/// The attempts under way in this process, by counter. Holds only counters that somebody is at.
#[derive(Default)]
pub(super) struct Turns {
    lines: Mutex<HashMap<Hash, Counted>>,
}

/// A line and how many are in it. Not the references to it: one that is about to be dropped would count as somebody.
#[derive(Default)]
struct Counted {
    line: Arc<Line>,
    people: usize,
}

#[derive(Default)]
struct Line {
    under_way: Mutex<u32>,
    left: Notify,
}

/// A place in line for one counter; left when dropped.
pub(super) struct Turn {
    turns: Arc<Turns>,
    key: Hash,
    line: Arc<Line>,
    taken: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Turns {
    pub(super) fn join(self: &Arc<Self>, key: Hash) -> Turn {
        let mut lines = locked(&self.lines);
        let counted = lines.entry(key).or_default();
        counted.people += 1;
        let line = Arc::clone(&counted.line);
        drop(lines);
        Turn {
            turns: Arc::clone(self),
            key,
            line,
            taken: false,
        }
    }
}

impl Turn {
    /// Takes the turn if fewer than `most` are under way.
    pub(super) fn take(&mut self, most: u32) -> bool {
        let mut under_way = locked(&self.line.under_way);
        if !self.taken && *under_way < most {
            *under_way += 1;
            self.taken = true;
        }
        self.taken
    }

    /// Resolves when somebody has left since this was last asked for, or leaves now. Each who leaves wakes one; whoever
    /// was woken wakes the next by leaving in their turn, taken or not.
    pub(super) async fn somebody_left(&self) {
        self.line.left.notified().await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.taken {
            *locked(&self.line.under_way) -= 1;
        }
        self.line.left.notify_one();
        if let Entry::Occupied(mut found) = locked(&self.turns.lines).entry(self.key) {
            found.get_mut().people -= 1;
            if found.get().people == 0 {
                found.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn as_many_as_are_left_go_at_once_and_the_next_when_one_leaves() {
        let turns = Arc::new(Turns::default());
        let mut first = turns.join([1; 32]);
        let mut second = turns.join([1; 32]);
        let mut elsewhere = turns.join([2; 32]);
        assert!(first.take(1) && !second.take(1) && elsewhere.take(1));
        drop(first);
        second.somebody_left().await;
        assert!(second.take(1));
        drop((second, elsewhere));
        assert!(locked(&turns.lines).is_empty());
    }
    #[test]
    fn nothing_is_held_when_all_have_left_at_once() {
        let turns = Arc::new(Turns::default());
        for number in 0..2_000_u32 {
            let mut key = [0; 32];
            key[..4].copy_from_slice(&number.to_be_bytes());
            let together = std::sync::Barrier::new(4);
            let people: Vec<_> = (0..4).map(|_| turns.join(key)).collect();
            std::thread::scope(|scope| {
                for turn in people {
                    scope.spawn(|| {
                        together.wait();
                        drop(turn);
                    });
                }
            });
            assert!(locked(&turns.lines).is_empty(), "round {number}");
        }
    }
}
