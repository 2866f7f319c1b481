//! Turns: of the attempts on one counter, never more are under way at once than it has guesses left, so that a burst
//! sent in parallel gets no more guesses than one sent in turn. The rest wait; nobody is refused for being many.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::store::Hash;

/// The attempts under way in this process, by counter. Holds only counters that somebody is at.
#[derive(Default)]
pub(super) struct Turns {
    lines: Mutex<HashMap<Hash, Arc<Line>>>,
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
        let line = Arc::clone(locked(&self.lines).entry(key).or_default());
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
        let mut lines = locked(&self.turns.lines);
        // The map and this turn hold the last two.
        if Arc::strong_count(&self.line) <= 2 {
            lines.remove(&self.key);
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
}
