//! One connection to a feed: its events are verified and applied as they come.

use std::time::{Duration, Instant};

use reqwest::{Response, Url};
use tokio::time::timeout;

use super::set::{self, Fault, Said};
use super::sse::{Event, Parser, TooLong};
use super::{FeedChange, FeedState, Shared};
use crate::remote::FollowError;
use crate::remote::client::unreachable;
use crate::strict::{self, Piece};
use crate::{RevocationBatch, Timestamp};

/// While a list is told, its entries are applied after so long, or when there are so many: each time costs as much as is
/// held already.
const APPLY_AFTER: Duration = Duration::from_millis(200);
const APPLY_AT: usize = 65_536;
/// Signatures that are checked before others of this runtime get their turn.
const TURN: u64 = 32;
/// What has ended is dropped so often.
const FORGET: Duration = Duration::from_secs(15);
/// Longest name of a feed, and longest `id`.
const LONGEST_NAME: usize = 256;

/// Where a feed was read to.
#[derive(Clone, Debug)]
pub(super) struct Resume {
    feed: String,
    pub(super) id: String,
}

/// A stream that the server ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    /// All was told, once at least.
    pub(super) was_live: bool,
    pub(super) lasted: Duration,
}

/// Reads until the server ends the stream, or something is wrong with it.
pub(super) async fn read(
    shared: &Shared,
    url: Url,
    response: Response,
    resume: &mut Option<Resume>,
) -> Result<Ended, FollowError> {
    let begun = now();
    let mut stream = Stream {
        shared,
        feed: resume.as_ref().map(|resume| resume.feed.clone()),
        resume,
        batch: shared.of.batch(),
        waiting_since: None,
        is_live: false,
        forgot_at: Timestamp::MIN,
        told: 0,
        url,
    };
    let outcome = stream.read_on(shared.feed.dead_after, response).await;
    // What was verified counts, however it ended.
    stream.apply();
    outcome.map(|()| Ended {
        was_live: stream.is_live,
        lasted: begun.elapsed(),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a stream lasts, and entries wait, is no matter of wall clocks"
)]
fn now() -> Instant {
    Instant::now()
}

struct Stream<'s> {
    shared: &'s Shared,
    url: Url,
    /// The feed that is told; none before the first snapshot.
    feed: Option<String>,
    resume: &'s mut Option<Resume>,
    batch: RevocationBatch,
    /// Since when entries wait to be applied.
    waiting_since: Option<Instant>,
    /// All was told: what comes now is new.
    is_live: bool,
    forgot_at: Timestamp,
    told: u64,
}

impl Stream<'_> {
    async fn read_on(
        &mut self,
        dead_after: Duration,
        mut response: Response,
    ) -> Result<(), FollowError> {
        let mut parser = Parser::default();
        loop {
            let Some(bytes) = self.next(dead_after, &mut response).await? else {
                return Ok(());
            };
            let mut events = Vec::new();
            let read = parser.read(bytes.as_ref(), |event| {
                events.push(event);
                Ok::<_, TooLong>(())
            });
            for event in events {
                self.take(event).await?;
            }
            if read.is_err() {
                return Err(self.unreadable("a line or an event is longer than may be"));
            }
            let waited = self.waiting_since.map(|since| since.elapsed());
            if self.is_live || waited.is_some_and(|waited| waited >= APPLY_AFTER) {
                self.apply();
            }
        }
    }

    /// The next bytes; `None` at the end. Entries do not wait for it.
    async fn next(
        &mut self,
        dead_after: Duration,
        response: &mut Response,
    ) -> Result<Option<impl AsRef<[u8]> + use<>>, FollowError> {
        let mut left = dead_after;
        if self.waiting_since.is_some() && left > APPLY_AFTER {
            if let Ok(bytes) = timeout(APPLY_AFTER, response.chunk()).await {
                return bytes.map_err(|error| unreachable(&self.url, &error));
            }
            self.apply();
            left -= APPLY_AFTER;
        }
        let bytes = timeout(left, response.chunk()).await;
        let bytes = bytes.map_err(|_| FollowError::Silent {
            url: self.url.to_string(),
            within: dead_after,
        })?;
        bytes.map_err(|error| unreachable(&self.url, &error))
    }

    async fn take(&mut self, event: Event) -> Result<(), FollowError> {
        match event.kind.as_str() {
            "snapshot" => self.take_snapshot(&event.data),
            "revoked" => self.take_set(&event.data).await,
            "current" => self.take_current(event),
            _ => Ok(()),
        }
    }

    /// From here everything is told, from the beginning.
    fn take_snapshot(&mut self, data: &str) -> Result<(), FollowError> {
        let feed = text_member(data, "feed").filter(|feed| is_name(feed));
        let feed = feed.ok_or_else(|| self.unreadable("a snapshot does not say of which feed"))?;
        self.feed = Some(feed);
        // Until it is complete there is no place to resume at.
        *self.resume = None;
        self.is_live = false;
        self.shared.note(|status| {
            status.state = FeedState::CatchingUp;
            status.snapshots += 1;
        });
        Ok(())
    }

    async fn take_set(&mut self, set: &str) -> Result<(), FollowError> {
        let said = loop {
            match self.read_set(set) {
                Ok(said) => break said,
                Err(Fault::Wrong(what)) => return Err(self.unreadable(what)),
                Err(Fault::KeyUnknown(id)) => {
                    if !self.shared.issuer.wait_for_key(&id).await {
                        return Err(self.unreadable(
                            "a security event token is signed by a key that could not be had",
                        ));
                    }
                }
            }
        };
        self.note(&said);
        self.told += 1;
        self.shared.note(|status| status.told += 1);
        if self.told.is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn read_set(&self, set: &str) -> Result<Said, Fault> {
        let issuer = &self.shared.plan().issuer;
        let keys = self.shared.issuer.keys.load();
        let list = self.shared.list();
        set::read(set, issuer, &keys, |id| list.is_withdrawn(Some(issuer), id))
    }

    fn note(&mut self, said: &Said) {
        let batch = &mut self.batch;
        match said {
            Said::Session { sid, until } => batch.revoke_session(sid, *until),
            Said::Token { jti, until } => batch.revoke_token_id(jti, *until),
            Said::Subject {
                sub,
                generation_below,
                issued_up_to,
                until,
            } => {
                if let Some(smallest_good) = generation_below {
                    batch.revoke_generation_below(sub, *smallest_good, *until);
                }
                if let Some(moment) = issued_up_to {
                    batch.revoke_issued_up_to(sub, *moment, *until);
                }
            }
            // It decides already which of the tokens that follow are believed.
            Said::Key(kid) => self.shared.of.withdraw_key(kid),
            Said::Other => {}
        }
        if batch.len() >= APPLY_AT {
            self.apply();
        } else if !batch.is_empty() {
            self.waiting_since.get_or_insert_with(now);
        }
    }

    /// All that was committed until then has been told.
    fn take_current(&mut self, event: Event) -> Result<(), FollowError> {
        let told_up_to = integer_member(&event.data, "at")
            .ok_or_else(|| self.unreadable("a mark does not say up to when all was told"))?;
        let Some(feed) = self.feed.clone() else {
            return Err(self.unreadable("a mark came before the first list"));
        };
        let id = event.id.filter(|id| is_place_in(&feed, id));
        let id = id.ok_or_else(|| self.unreadable("a mark has no id of the feed that is told"))?;
        self.apply();
        let now = self.shared.clock().now();
        self.shared.of.mark_current(now);
        *self.resume = Some(Resume { feed, id });
        self.shared.note(|status| {
            status.state = FeedState::Live;
            status.told_up_to = Some(Timestamp::from_millis(told_up_to));
            status.fault = None;
        });
        if !std::mem::replace(&mut self.is_live, true) {
            self.shared.tell(FeedChange::Current);
        }
        if now < self.forgot_at || now.since(self.forgot_at) >= FORGET {
            self.forgot_at = now;
            self.shared.list().forget_expired(now);
        }
        Ok(())
    }

    fn apply(&mut self) {
        self.waiting_since = None;
        self.batch.apply();
    }

    fn unreadable(&self, what: &'static str) -> FollowError {
        FollowError::Unreadable {
            url: self.url.to_string(),
            what,
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether an `id` is the feed's name, a dot, and a cursor.
fn is_place_in(feed: &str, id: &str) -> bool {
    let cursor = id
        .strip_prefix(feed)
        .and_then(|rest| rest.strip_prefix('.'));
    cursor.is_some_and(is_name)
}

fn text_member(json: &str, wanted: &str) -> Option<String> {
    let mut found = None;
    let taken = strict::read_object(json.as_bytes(), |name, piece| {
        if name != wanted {
            return 0;
        }
        if let Piece::Text(text) = piece {
            found = Some(text.into_owned());
        }
        1
    });
    taken.ok().and(found)
}

fn integer_member(json: &str, wanted: &str) -> Option<i64> {
    let mut found = None;
    let taken = strict::read_object(json.as_bytes(), |name, piece| {
        if name != wanted {
            return 0;
        }
        if let Piece::Integer(number) = piece {
            found = Some(number);
        }
        1
    });
    taken.ok().and(found)
}
