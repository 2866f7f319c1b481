//! Where the one who polls, the one who signs and all who read meet.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use keystile::Timestamp;
use tokio::sync::{Notify, watch};

use super::log::Log;
use crate::heard::now;
use crate::store::RevocationRecord;

/// Rows that are held for readers at the most: as many as a guard holds unless told otherwise.
pub(super) const MOST: usize = 500_000;
/// So long nobody is let in after that was too little.
pub(super) const FULL_FOR: Duration = Duration::from_secs(30);

/// A page of what a poll found.
#[derive(Debug)]
pub(crate) struct Polled {
    pub(crate) feed_id: String,
    pub(crate) rows: Vec<RevocationRecord>,
    /// Where this was its last page.
    pub(crate) end: Option<End>,
}

/// All that a poll had to tell has been told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// See `RevocationPoll`.
    pub(crate) whole_below: u64,
    /// When the database was asked.
    pub(crate) asked: Instant,
    /// The same, by the issuer's clock.
    pub(crate) at: Timestamp,
}

/// How far readers may read, and what they may take for current.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) state: State,
    /// Whose numbers `end` is of; see [`Log`].
    pub(super) history: u64,
    pub(super) feed: Arc<str>,
    /// The number behind the last entry that is to be told.
    pub(super) end: u64,
    pub(super) poll: End,
    /// Counts what was said to readers.
    pub(super) number: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody has read yet.
    Asleep,
    Live,
    /// More than is held.
    FullSince(Instant),
    /// Nobody listens to the database any more.
    Ended,
}

#[derive(Debug, Default)]
struct Inbox {
    polled: VecDeque<Polled>,
    rows: usize,
    /// Something was left out.
    overflown: bool,
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Hub {
    /// Whether anybody has asked for it: nothing is held before.
    wanted: AtomicBool,
    /// A reader waits for the next poll, be it empty.
    awaited: AtomicBool,
    inbox: Mutex<Inbox>,
    /// The keeper has work.
    pub(super) work: Notify,
    pub(super) log: RwLock<Log>,
    head: watch::Sender<Head>,
}

impl Hub {
    pub(crate) fn new() -> Self {
        let poll = End {
            whole_below: 0,
            asked: now(),
            at: Timestamp::default(),
        };
        let head = Head {
            state: State::Asleep,
            history: 0,
            feed: "".into(),
            end: 0,
            poll,
            number: 0,
        };
        Self {
            wanted: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
            inbox: Mutex::default(),
            work: Notify::new(),
            log: RwLock::new(Log::new(0)),
            head: watch::Sender::new(head),
        }
    }

    /// Whether what a poll finds is of interest here.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }

    /// Takes over what a poll found.
    pub(crate) fn hear(&self, polled: Polled) {
        if !self.is_wanted() {
            return;
        }
        let mut inbox = self.inbox();
        inbox.rows += polled.rows.len();
        if inbox.rows > MOST {
            *inbox = Inbox {
                overflown: true,
                ..Inbox::default()
            };
        }
        match inbox.polled.back_mut() {
            Some(last) if last.feed_id == polled.feed_id => {
                last.rows.extend(polled.rows);
                last.end = polled.end;
            }
            _ => inbox.polled.push_back(polled),
        }
        drop(inbox);
        self.work.notify_one();
    }

    /// What was heard and not taken yet, in order; `None` where something was left out.
    pub(super) fn take(&self) -> Option<VecDeque<Polled>> {
        let inbox = std::mem::take(&mut *self.inbox());
        (!inbox.overflown).then_some(inbox.polled)
    }

    /// Somebody wants to read: from now on everything that is heard is kept.
    pub(super) fn want(&self) {
        if !self.wanted.swap(true, Ordering::AcqRel) {
            self.work.notify_one();
        }
    }

    /// The next poll is said to readers though it may find nothing.
    pub(super) fn await_poll(&self) {
        self.awaited.store(true, Ordering::Release);
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.awaited.swap(false, Ordering::AcqRel)
    }

    pub(super) fn heads(&self) -> watch::Receiver<Head> {
        self.head.subscribe()
    }

    /// Says to all readers how far they may read.
    pub(super) fn say(&self, history: u64, feed: &Arc<str>, end: u64, poll: End) {
        self.head.send_modify(|head| {
            if head.state == State::Ended {
                return;
            }
            *head = Head {
                state: State::Live,
                history,
                feed: Arc::clone(feed),
                end,
                poll,
                number: head.number + 1,
            };
        });
    }

    /// Too much lives: everybody is sent away, and nothing is held until somebody asks again.
    pub(super) fn give_up(&self) {
        self.wanted.store(false, Ordering::Release);
        let _ = self.take();
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        *log = Log::new(log.history() + 1);
        drop(log);
        self.turn(State::FullSince(now()));
    }

    /// Nobody hears of revocations from now on: all readers are sent away.
    pub(crate) fn end(&self) {
        self.turn(State::Ended);
    }

    fn turn(&self, state: State) {
        self.head.send_modify(|head| {
            if head.state != State::Ended {
                head.state = state;
                head.number += 1;
            }
        });
    }

    /// Drops what ended by then.
    pub(crate) fn forget_ended(&self, by: Timestamp) {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        log.forget_ended(by.as_millis());
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
