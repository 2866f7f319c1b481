//! One reader: a place in the log and an eye on the head. Nothing waits for it, and nothing is queued for it.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::hub::{FULL_FOR, Head, State};
use super::position::Position;
use super::{FeedError, FeedEvent};
use crate::follow::Followed;
use crate::heard::{LOST, now};

/// How long the first reader waits until what lives has been read from the database.
const FIRST: Duration = Duration::from_secs(5);
/// How long a reader that is ahead of this node waits for it to catch up.
const CATCH_UP: Duration = Duration::from_secs(2);
/// About so many bytes are told in one piece.
const PIECE: usize = 16 * 1024;

/// How many read now.
const READERS: &str = "keystile_feed_readers";
/// Counts readings by how they began: the label `from` is `snapshot` or `position`.
const READINGS: &str = "keystile_feed_readings_total";

/// A reader of the feed, made by [`RevocationFeed::read`](super::RevocationFeed::read).
pub struct FeedReader {
    followed: Arc<Followed>,
    heads: watch::Receiver<Head>,
    stand: Stand,
    /// The last of the head's numbers that this reader was told to be current.
    told: u64,
}

/// How far a reader has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// It has still to be told what lives.
    Nowhere,
    In {
        history: u64,
        /// The number of the next entry.
        next: u64,
        /// Below it everything was told in an earlier reading.
        place: u64,
    },
}

pub(super) async fn begin(
    followed: Arc<Followed>,
    last: Option<&str>,
) -> Result<FeedReader, FeedError> {
    let hub = &followed.hub;
    let mut heads = hub.heads();
    let mut head = timeout(FIRST, live(&followed, &mut heads))
        .await
        .unwrap_or(Err(FeedError::NotYet))?;
    let last = last.and_then(Position::read);
    if last.is_some_and(|last| last.whole_below > head.poll.whole_below) {
        head = caught_up(&followed, &mut heads, head).await;
    }
    let stand = last.and_then(|last| resume(&followed, &head, last));
    let from = if stand.is_some() {
        "position"
    } else {
        "snapshot"
    };
    metrics::counter!(READINGS, "from" => from).increment(1);
    metrics::gauge!(READERS).increment(1.0);
    Ok(FeedReader {
        heads,
        stand: stand.unwrap_or(Stand::Nowhere),
        told: 0,
        followed,
    })
}

/// The head, once there is one.
async fn live(followed: &Followed, heads: &mut watch::Receiver<Head>) -> Result<Head, FeedError> {
    loop {
        let head = heads.borrow_and_update().clone();
        match head.state {
            State::Live => return Ok(head),
            State::Ended => return Err(FeedError::Closed),
            State::FullSince(since) if since.elapsed() < FULL_FOR => return Err(FeedError::Full),
            State::Asleep | State::FullSince(_) => followed.hub.want(),
        }
        heads.changed().await.map_err(|_| FeedError::Closed)?;
    }
}

/// Another node may have told this reader of what this one has not seen yet. What was told is in the database: a poll that
/// begins now shows it.
async fn caught_up(followed: &Followed, heads: &mut watch::Receiver<Head>, mut head: Head) -> Head {
    let arrived = now();
    let catching_up = async {
        while head.poll.asked < arrived && head.state == State::Live {
            followed.hub.await_poll();
            followed.hasten.notify_one();
            if heads.changed().await.is_err() {
                return;
            }
            head = heads.borrow_and_update().clone();
        }
    };
    let _ = timeout(CATCH_UP, catching_up).await;
    head
}

/// Where to go on. Not at a place that was never told: of another history, or beyond all that there is, as after a database
/// was put back by means that this program knows nothing of.
fn resume(followed: &Followed, head: &Head, last: Position<'_>) -> Option<Stand> {
    if last.feed != &*head.feed || last.whole_below > head.poll.whole_below {
        return None;
    }
    let log = followed.hub.log.read();
    let log = log.unwrap_or_else(PoisonError::into_inner);
    (log.history() == head.history).then(|| Stand::In {
        history: head.history,
        next: log.first_at(last.whole_below),
        place: last.whole_below,
    })
}

impl FeedReader {
    /// What is to be told next, when there is something; `None` when the feed has ended: read it anew, after the last id.
    ///
    /// Whoever asks rarely misses nothing and holds nobody up. They are not told that they are current, though, unless that
    /// is true when they ask.
    pub async fn next(&mut self) -> Option<Vec<FeedEvent>> {
        loop {
            let head = self.heads.borrow_and_update().clone();
            match head.state {
                State::Live => {}
                State::Asleep => {
                    self.heads.changed().await.ok()?;
                    continue;
                }
                State::FullSince(_) | State::Ended => return None,
            }
            let events = self.told_by(&head);
            if !events.is_empty() {
                return Some(events);
            }
            self.heads.changed().await.ok()?;
        }
    }

    fn told_by(&mut self, head: &Head) -> Vec<FeedEvent> {
        let mut events = Vec::new();
        let (next, place) = match self.stand {
            Stand::In {
                history,
                next,
                place,
            } if history == head.history => (next, place),
            _ => {
                let feed = Arc::clone(&head.feed);
                events.push(FeedEvent::Snapshot { feed });
                (0, 0)
            }
        };
        let page = {
            let log = self.followed.hub.log.read();
            let log = log.unwrap_or_else(PoisonError::into_inner);
            if log.history() != head.history {
                // The next history is there, and about to be said.
                return Vec::new();
            }
            log.page(next, head.end.max(next), place, PIECE)
        };
        events.extend(page.tokens.into_iter().map(FeedEvent::Revoked));
        self.stand = Stand::In {
            history: head.history,
            next: page.next,
            place,
        };
        let is_new = head.number != self.told;
        if page.next >= head.end && is_new && head.poll.asked.elapsed() < LOST {
            self.told = head.number;
            let position = Position {
                feed: &head.feed,
                whole_below: head.poll.whole_below,
            };
            events.push(FeedEvent::Current {
                id: position.to_string(),
                at: head.poll.at,
            });
        }
        events
    }
}

impl Drop for FeedReader {
    fn drop(&mut self) {
        metrics::gauge!(READERS).decrement(1.0);
    }
}

impl fmt::Debug for FeedReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedReader")
            .field("stand", &self.stand)
            .finish_non_exhaustive()
    }
}
