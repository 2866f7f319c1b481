//! Lines of those who wait because as many attempts are under way as a counter has guesses left. Each process has one line
//! for a counter, and only its first asks the store, so that many who wait cost the database no more than one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::store::Hash;

/// The lines of this process. Holds only counters that somebody waits at.
#[derive(Default)]
pub(super) struct Lines(Mutex<HashMap<Hash, Counted>>);

/// A line and how many are in it. Not the references to it: one that is about to be dropped would count as somebody.
#[derive(Default)]
struct Counted {
    line: Arc<Line>,
    people: usize,
}

#[derive(Default)]
struct Line {
    front: tokio::sync::Mutex<()>,
    left: Notify,
}

/// A place in the line of one counter; left when dropped.
pub(super) struct Place {
    lines: Arc<Lines>,
    key: Hash,
    line: Arc<Line>,
}

/// Being the first in line.
pub(super) struct Front<'a> {
    place: &'a Place,
    _first: tokio::sync::MutexGuard<'a, ()>,
}

impl Lines {
    fn locked(&self) -> MutexGuard<'_, HashMap<Hash, Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody waits at this counter.
    pub(super) fn is_waited_at(&self, key: &Hash) -> bool {
        self.locked().contains_key(key)
    }

    pub(super) fn join(self: &Arc<Self>, key: Hash) -> Place {
        let mut lines = self.locked();
        let counted = lines.entry(key).or_default();
        counted.people += 1;
        let line = Arc::clone(&counted.line);
        drop(lines);
        let lines = Arc::clone(self);
        Place { lines, key, line }
    }

    /// Tells the first in line that an attempt of this process is over.
    pub(super) fn tell_of_a_leaving(&self, key: &Hash) {
        if let Some(counted) = self.locked().get(key) {
            counted.line.left.notify_one();
        }
    }
}

impl Place {
    /// Resolves when all who came before have gone.
    pub(super) async fn front(&self) -> Front<'_> {
        Front {
            place: self,
            _first: self.line.front.lock().await,
        }
    }
}

impl Front<'_> {
    /// Resolves when somebody has left since this was last asked for, or leaves now.
    pub(super) async fn somebody_left(&self) {
        self.place.line.left.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Entry::Occupied(mut found) = self.lines.locked().entry(self.key) {
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
    async fn the_first_hears_of_a_leaving_and_the_next_comes_to_the_front_after_it() {
        let lines = Arc::new(Lines::default());
        let (first, second) = (lines.join([1; 32]), lines.join([1; 32]));
        let elsewhere = lines.join([2; 32]);
        elsewhere.front().await;
        {
            let front = first.front().await;
            // Told before it is asked for: it is not lost.
            lines.tell_of_a_leaving(&[1; 32]);
            front.somebody_left().await;
            let waits = tokio::time::timeout(std::time::Duration::ZERO, second.front());
            assert!(waits.await.is_err(), "one is the first");
        }
        second.front().await;
        drop((first, elsewhere));
        assert!(lines.is_waited_at(&[1; 32]) && !lines.is_waited_at(&[2; 32]));
    }

    #[test]
    fn nothing_is_held_when_all_have_left_at_once() {
        let lines = Arc::new(Lines::default());
        for number in 0..2_000_u32 {
            let mut key = [0; 32];
            key[..4].copy_from_slice(&number.to_be_bytes());
            let together = std::sync::Barrier::new(4);
            let people: Vec<_> = (0..4).map(|_| lines.join(key)).collect();
            std::thread::scope(|scope| {
                for place in people {
                    scope.spawn(|| {
                        together.wait();
                        drop(place);
                    });
                }
            });
            assert!(lines.locked().is_empty(), "round {number}");
        }
    }
}
