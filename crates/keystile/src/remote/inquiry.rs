//! Questions that are put to somebody elsewhere: each once at a time, within a time, their answers remembered within bounds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::digest;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use super::issuer::lock;
use crate::{Clock, Reason, Timestamp};

/// Most questions at a time. One more is answered with 503 at once.
const MOST_ASKED: usize = 256;
/// How long "no" counts: a flood of the same costs one question in so long.
const NO_FOR: Duration = Duration::from_secs(10);
/// Bytes of "no" that are remembered.
const MOST_NO: usize = 1024 * 1024;
/// What an answer takes beside what it says.
const BESIDE: usize = 128;

/// What is asked about, hashed.
pub(super) type Name = [u8; digest::SHA256_OUTPUT_LEN];

pub(super) fn name_of(asked_about: &[u8]) -> Name {
    let mut name = Name::default();
    name.copy_from_slice(digest::digest(&digest::SHA256, asked_about).as_ref());
    name
}

/// What somebody elsewhere says.
pub(super) enum Said<T> {
    /// This, of so many bytes.
    Yes(T, usize),
    No(Reason),
    /// They cannot tell. It is not remembered.
    Unknown,
}

/// How a question is put.
pub(super) struct Terms {
    pub(super) clock: Clock,
    pub(super) timeout: Duration,
    /// How long "yes" counts.
    pub(super) yes_for: Duration,
}

/// Questions under way, and what was answered lately.
pub(super) struct Inquiries<T> {
    yes: Mutex<Kept<T>>,
    no: Mutex<Kept<Reason>>,
    asked: Mutex<Asked>,
}

/// Questions under way.
#[derive(Default)]
struct Asked {
    questions: HashMap<Name, watch::Receiver<bool>>,
    /// How often all was forgotten: what was asked before counts no more.
    forgotten: u64,
}

/// Answers, in so many bytes. Where one more finds no room, any other makes it.
struct Kept<T> {
    answers: HashMap<Name, Answer<T>>,
    bytes: usize,
    most: usize,
}

struct Answer<T> {
    said: T,
    bytes: usize,
    from: Timestamp,
    until: Timestamp,
}

impl<T: Clone> Kept<T> {
    fn new(most: usize) -> Self {
        Self {
            answers: HashMap::new(),
            bytes: 0,
            most,
        }
    }

    fn get(&self, name: &Name, now: Timestamp) -> Option<T> {
        let answer = self.answers.get(name)?;
        // A clock that was set back says nothing about how old it is.
        (now >= answer.from && now < answer.until).then(|| answer.said.clone())
    }

    fn remove(&mut self, name: &Name) {
        if let Some(old) = self.answers.remove(name) {
            self.bytes -= old.bytes;
        }
    }

    fn put(&mut self, name: Name, answer: Answer<T>) {
        self.remove(&name);
        if answer.bytes > self.most {
            return;
        }
        while self.bytes + answer.bytes > self.most {
            let Some(any) = self.answers.keys().next().copied() else {
                return;
            };
            self.remove(&any);
        }
        self.bytes += answer.bytes;
        self.answers.insert(name, answer);
    }
}

impl<T: Clone + Send + 'static> Inquiries<T> {
    /// Remembers "yes" in at most so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self {
            yes: Mutex::new(Kept::new(most)),
            no: Mutex::new(Kept::new(MOST_NO)),
            asked: Mutex::default(),
        }
    }

    pub(super) fn recall(&self, name: &Name, now: Timestamp) -> Option<Result<T, Reason>> {
        let yes = lock(&self.yes).get(name, now);
        yes.map(Ok)
            .or_else(|| lock(&self.no).get(name, now).map(Err))
    }

    pub(super) fn forget(&self) {
        let mut asked = lock(&self.asked);
        asked.questions.clear();
        asked.forgotten += 1;
        let mut yes = lock(&self.yes);
        *yes = Kept::new(yes.most);
        *lock(&self.no) = Kept::new(MOST_NO);
    }

    /// Remembers what was said to a question that was put at `from`, unless all was forgotten meanwhile.
    fn keep(&self, place: &Place<T>, said: Said<T>, terms: &Terms, from: Timestamp) {
        // Held until it is remembered, so that nothing is forgotten in between.
        let asked = lock(&self.asked);
        if asked.forgotten != place.forgotten {
            return;
        }
        let name = place.name;
        match said {
            Said::Yes(said, bytes) => lock(&self.yes).put(
                name,
                Answer {
                    said,
                    bytes: bytes + BESIDE,
                    from,
                    until: from.saturating_add(terms.yes_for),
                },
            ),
            Said::No(said) => {
                // What was good before is so no more.
                lock(&self.yes).remove(&name);
                lock(&self.no).put(
                    name,
                    Answer {
                        said,
                        bytes: BESIDE,
                        from,
                        until: from.saturating_add(NO_FOR),
                    },
                );
            }
            Said::Unknown => {}
        }
    }

    /// Puts a question, or joins whoever put the same. `None` where it is answered already, where too many are asked, or
    /// where no runtime runs.
    pub(super) fn ask<F>(
        self: &Arc<Self>,
        name: Name,
        terms: Terms,
        question: impl FnOnce() -> F + Send + 'static,
    ) -> Option<Answered>
    where
        F: Future<Output = Said<T>> + Send + 'static,
    {
        let limit = terms.timeout;
        let from = terms.clock.now();
        let mut asked = lock(&self.asked);
        if let Some(done) = asked.questions.get(&name) {
            let done = done.clone();
            return Some(Answered { done, limit });
        }
        // Read under the lock: what was answered is remembered before it is asked about no more.
        if self.recall(&name, from).is_some() || asked.questions.len() >= MOST_ASKED {
            return None;
        }
        let runtime = Handle::try_current().ok()?;
        let (tell, done) = watch::channel(false);
        asked.questions.insert(name, done.clone());
        let place = Place {
            inquiries: Arc::clone(self),
            name,
            forgotten: asked.forgotten,
        };
        drop(asked);
        // A task of its own: whoever gives up waiting ends nothing for the others, and what panics in it tells nobody "yes".
        runtime.spawn(async move {
            let said = timeout(terms.timeout, async { question().await }).await;
            let said = said.unwrap_or(Said::Unknown);
            place.inquiries.keep(&place, said, &terms, from);
            drop(place);
            tell.send_replace(true);
        });
        Some(Answered { done, limit })
    }
}

/// A question under way.
struct Place<T> {
    inquiries: Arc<Inquiries<T>>,
    name: Name,
    forgotten: u64,
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        let mut asked = lock(&self.inquiries.asked);
        // Since then it may have been put again.
        if asked.forgotten == self.forgotten {
            asked.questions.remove(&self.name);
        }
    }
}

/// Tells when a question is answered.
pub(crate) struct Answered {
    done: watch::Receiver<bool>,
    limit: Duration,
}

impl Answered {
    /// Until it is answered, or cannot be, and no longer than its time.
    pub(super) async fn wait(mut self) {
        // What came of it is seen by what is remembered.
        let _ = timeout(self.limit, self.done.wait_for(|done| *done)).await;
    }
}

#[cfg(test)]
mod tests {
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
    }

    #[test]
    fn however_many_come_the_bytes_are_bounded() {
        let mut kept = Kept::new(1_000);
        for number in 0..10_000_u32 {
            let name = name_of(&number.to_be_bytes());
            kept.put(name, answer(90 + number as usize % 40, 0));
            kept.put(name, answer(90, 0));
            let counted: usize = kept.answers.values().map(|answer| answer.bytes).sum();
            assert!(counted == kept.bytes && counted <= 1_000);
            assert!(kept.get(&name, Timestamp::from_seconds(1)).is_some());
        }
        kept.put([0; 32], answer(1_001, 0));
        assert!(kept.get(&[0; 32], Timestamp::from_seconds(1)).is_none());
        // The last came with 129 bytes beside nine of 90, and was then put again with 90.
        assert_eq!(kept.answers.len(), 10);
    }
}
