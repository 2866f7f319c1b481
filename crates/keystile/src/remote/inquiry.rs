//! Questions that are put to somebody elsewhere: each once at a time, within a time, their answers remembered within bounds.

mod kept;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::digest;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use self::kept::{Answer, Kept};
use super::issuer::lock;
use crate::{Clock, Reason, Timestamp};

/// Most questions at a time, and so many more about what was known before: a flood to which the answers come slowly takes none of
/// their places. One more is answered with 503 at once.
const MOST_ASKED: usize = 256;
/// Most requests that wait for answers. One more is answered with 503 at once: each of them holds its token.
const MOST_WAITING: usize = 2_048;
/// Most questions within a cool-down, about what was never known, that may come to nothing.
const MOST_FRUITLESS: usize = 256;
/// Bytes of "no" that are remembered.
const MOST_NO: usize = 1024 * 1024;
/// However old an answer is when it comes, those who waited for it must find it.
const AT_LEAST: Duration = Duration::from_secs(1);

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

/// How long questions and answers may take, and count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// How long an answer may take.
    pub(super) timeout: Duration,
    /// How long "yes" counts.
    pub(super) yes_for: Duration,
    /// How long "no" counts: a flood of the same costs one question in so long.
    pub(super) no_for: Duration,
    /// How long questions that came to nothing are counted together; none: not at all.
    pub(super) cool_down: Duration,
}

impl Bounds {
    /// Unless said otherwise, where "yes" counts for so long.
    pub(super) const fn remembering(yes_for: Duration) -> Self {
        Self {
            timeout: Duration::from_secs(5),
            yes_for,
            no_for: Duration::from_secs(10),
            cool_down: Duration::from_secs(1),
        }
    }
}

/// Questions under way, and what was answered lately.
pub(super) struct Inquiries<T> {
    yes: Mutex<Kept<T>>,
    no: Mutex<Kept<Reason>>,
    asked: Mutex<UnderWay>,
    waiting: Arc<AtomicUsize>,
}

/// Questions under way.
#[derive(Default)]
struct UnderWay {
    questions: HashMap<Name, watch::Receiver<bool>>,
    /// How often all was forgotten: what was asked before counts no more.
    forgotten: u64,
    fruitless: Fruitless,
}

/// Questions of late about what was never known. Each counts as one that came to nothing, until it is answered with "yes".
#[derive(Default)]
struct Fruitless {
    since: Option<Timestamp>,
    count: usize,
}

impl Fruitless {
    /// Counts one more, and says since when; `None` where there were too many.
    fn count(&mut self, now: Timestamp, cool_down: Duration) -> Option<Timestamp> {
        let goes_on = |since: &Timestamp| now >= *since && now < since.saturating_add(cool_down);
        let since = self.since.filter(goes_on).unwrap_or_else(|| {
            self.count = 0;
            now
        });
        self.since = Some(since);
        let has_room = self.count < MOST_FRUITLESS;
        self.count += usize::from(has_room);
        has_room.then_some(since)
    }

    fn give_back(&mut self, since: Option<Timestamp>) {
        if since.is_some() && since == self.since {
            self.count = self.count.saturating_sub(1);
        }
    }
}

impl<T: Clone + Send + 'static> Inquiries<T> {
    /// Remembers "yes" in at most so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self {
            yes: Mutex::new(Kept::new(most)),
            no: Mutex::new(Kept::new(MOST_NO)),
            asked: Mutex::default(),
            waiting: Arc::default(),
        }
    }

    /// From now on in so many.
    pub(super) fn bound(&self, most: usize) {
        lock(&self.yes).bound(most);
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
        lock(&self.yes).clear();
        lock(&self.no).clear();
    }

    /// Remembers what was said to a question, unless all was forgotten since it was put.
    fn keep(&self, place: &Place<T>, said: Said<T>, clock: &Clock, bounds: &Bounds) {
        // Held until it is remembered, so that nothing is forgotten in between.
        let mut asked = lock(&self.asked);
        if asked.forgotten != place.forgotten {
            return;
        }
        let (name, from) = (place.name, place.from);
        let latest = clock.now().saturating_add(AT_LEAST);
        let until = |by| from.saturating_add(by).max(latest);
        match said {
            Said::Yes(said, bytes) => {
                asked.fruitless.give_back(place.counted);
                let until = until(bounds.yes_for);
                lock(&self.yes).put(
                    name,
                    Answer {
                        said,
                        bytes,
                        from,
                        until,
                    },
                );
            }
            Said::No(said) => {
                // What was good before is so no more.
                lock(&self.yes).remove(&name);
                let until = until(bounds.no_for);
                lock(&self.no).put(
                    name,
                    Answer {
                        said,
                        bytes: 0,
                        from,
                        until,
                    },
                );
            }
            Said::Unknown => {}
        }
    }

    /// Puts a question, or joins whoever put the same. `None` where too much is asked, too many wait, or no runtime runs.
    pub(super) fn ask<F>(
        self: &Arc<Self>,
        name: Name,
        clock: &Clock,
        bounds: Bounds,
        question: impl FnOnce() -> F + Send + 'static,
    ) -> Option<Asked>
    where
        F: Future<Output = Said<T>> + Send + 'static,
    {
        let now = clock.now();
        let mut asked = lock(&self.asked);
        // Read under the lock: what was answered is remembered before it is asked about no more.
        if self.recall(&name, now).is_some() {
            return Some(Asked::Answered);
        }
        if !asked.questions.contains_key(&name) {
            self.put_question(&mut asked, (name, now), clock, bounds, question)?;
        }
        let done = asked.questions.get(&name)?.clone();
        drop(asked);
        Some(Asked::Waits(Answered {
            done,
            limit: bounds.timeout,
            _seat: Seat::take(&self.waiting)?,
        }))
    }

    fn put_question<F>(
        self: &Arc<Self>,
        asked: &mut UnderWay,
        (name, from): (Name, Timestamp),
        clock: &Clock,
        bounds: Bounds,
        question: impl FnOnce() -> F + Send + 'static,
    ) -> Option<()>
    where
        F: Future<Output = Said<T>> + Send + 'static,
    {
        // What was known before is asked about again, whatever a flood asks besides.
        let was_known = lock(&self.yes).holds(&name);
        let most = if was_known {
            2 * MOST_ASKED
        } else {
            MOST_ASKED
        };
        if asked.questions.len() >= most {
            return None;
        }
        let runtime = Handle::try_current().ok()?;
        let counted = if was_known {
            None
        } else {
            Some(asked.fruitless.count(from, bounds.cool_down)?)
        };
        let place = Place {
            inquiries: Arc::clone(self),
            name,
            from,
            counted,
            forgotten: asked.forgotten,
        };
        let (tell, done) = watch::channel(false);
        let clock = clock.clone();
        asked.questions.insert(name, done);
        // A task of its own: whoever gives up waiting ends nothing for the others, and what panics in it tells nobody "yes".
        runtime.spawn(async move {
            let said = timeout(bounds.timeout, async { question().await }).await;
            let said = said.unwrap_or(Said::Unknown);
            place.inquiries.keep(&place, said, &clock, &bounds);
            drop(place);
            tell.send_replace(true);
        });
        Some(())
    }
}

/// A question under way.
struct Place<T> {
    inquiries: Arc<Inquiries<T>>,
    name: Name,
    /// When it was put.
    from: Timestamp,
    /// Since when it is counted among those that came to nothing, where it is.
    counted: Option<Timestamp>,
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

/// What becomes of a question.
pub(crate) enum Asked {
    /// It was answered before: the answer is remembered.
    Answered,
    /// Somebody was asked.
    Waits(Answered),
}

/// Tells when a question is answered.
pub(crate) struct Answered {
    done: watch::Receiver<bool>,
    limit: Duration,
    _seat: Seat,
}

impl Answered {
    /// Until it is answered, or cannot be, and no longer than its time.
    pub(super) async fn wait(mut self) {
        // What came of it is seen by what is remembered.
        let _ = timeout(self.limit, self.done.wait_for(|done| *done)).await;
    }
}

/// One of the places for those who wait.
pub(super) struct Seat(Arc<AtomicUsize>);

impl Seat {
    pub(super) fn take(taken: &Arc<AtomicUsize>) -> Option<Self> {
        let seat = Self(Arc::clone(taken));
        let before = taken.fetch_add(1, Ordering::AcqRel);
        (before < MOST_WAITING).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
