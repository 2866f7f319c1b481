//! Signs what is heard, keeps it, and says to readers how far they may read.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use keystile::{SigningKey, Timestamp};

use super::hub::{End, MOST, Polled};
use super::log::{Entry, Log};
use super::token;
use crate::engine::Engine;
use crate::error::Fault;
use crate::follow::{self, Followed};
use crate::heard::now;
use crate::store::{Cursor, RevocationRecord};
use crate::tokens::Keys;

/// Readers are told that they are current so often at the least. Polls come five times a second.
const BEAT: Duration = Duration::from_millis(900);
const ROWS: u32 = 10_000;
/// After what failed.
const RETRY: Duration = Duration::from_millis(200);
/// So few are signed at once; more on a thread where nobody waits for it.
const FEW: usize = 8;

struct Keeper {
    engine: Arc<Engine>,
    followed: Arc<Followed>,
    /// The history that is held; `None` while none is.
    held: Option<Held>,
    /// What was heard and is not done yet.
    to_do: VecDeque<Polled>,
}

struct Held {
    history: u64,
    feed: Arc<str>,
    /// The keys that nothing is signed by others than.
    keys: Arc<Keys>,
    /// When readers were last told something, and how far they could read then.
    said: Option<(Instant, u64)>,
}

/// However the keeper ends, readers hear of it.
struct Keeping(Arc<Followed>);

impl Drop for Keeping {
    fn drop(&mut self) {
        self.0.hub.end();
    }
}

/// Runs for as long as the engine does. Asks nothing of anybody until somebody reads.
pub(crate) async fn keep(engine: Arc<Engine>, followed: Arc<Followed>) {
    let _keeping = Keeping(Arc::clone(&followed));
    let mut keeper = Keeper {
        engine,
        followed: Arc::clone(&followed),
        held: None,
        to_do: VecDeque::new(),
    };
    loop {
        followed.hub.work.notified().await;
        if !followed.hub.is_wanted() {
            continue;
        }
        if let Err(error) = keeper.work().await {
            tracing::warn!(%error, "the revocation feed stands still; it goes on by itself");
            tokio::time::sleep(RETRY).await;
            followed.hub.work.notify_one();
        }
    }
}

impl Keeper {
    /// Does all that was heard. What fails is done again from where it failed.
    async fn work(&mut self) -> Result<(), Fault> {
        match self.followed.hub.take() {
            Some(polled) => self.to_do.extend(polled),
            None => self.held = None,
        }
        if self.held.is_none() && !self.load().await? {
            return Ok(());
        }
        while let Some(polled) = self.to_do.front_mut() {
            let is_ours = self
                .held
                .as_ref()
                .is_some_and(|held| *held.feed == *polled.feed_id);
            if is_ours {
                let rows = std::mem::take(&mut polled.rows);
                let end = polled.end;
                if let Err(error) = self.absorb(&rows).await {
                    if let Some(polled) = self.to_do.front_mut() {
                        polled.rows = rows;
                    }
                    return Err(error);
                }
                if let Some(end) = end {
                    self.say(end);
                }
            } else if !self.load().await? {
                // All of the history that it is of was read just now, if that is not older.
                return Ok(());
            }
            self.to_do.pop_front();
        }
        Ok(())
    }

    /// Reads everything from the beginning of the present history, in pages, so that the one connection for it is not held up.
    /// Answers whether it could be held.
    async fn load(&mut self) -> Result<bool, Fault> {
        let (asked, at) = (now(), self.engine.now());
        let (mut cursor, mut rows, mut feed) = (Cursor::default(), Vec::new(), None);
        let whole_below = loop {
            let poll = self.engine.store.revocations_after(cursor, ROWS).await?;
            if feed.get_or_insert_with(|| poll.feed_id.clone()) != &poll.feed_id {
                return Err(Fault::new(
                    "store_conflict",
                    "the history of revocations changed while it was read",
                ));
            }
            let whole = poll.rows.len() < ROWS as usize;
            rows.extend(poll.rows);
            cursor = poll.cursor;
            if whole {
                break poll.whole_below;
            }
            if rows.len() > MOST {
                self.give_up();
                return Ok(false);
            }
        };
        let keys = self.keys().await?;
        let entries = self.sign(&keys, rows).await?;
        let history = {
            let log = self.followed.hub.log.write();
            let mut log = log.unwrap_or_else(PoisonError::into_inner);
            *log = Log::new(log.history() + 1);
            log.append(entries);
            log.history()
        };
        self.held = Some(Held {
            history,
            feed: feed.unwrap_or_default().into(),
            keys,
            said: None,
        });
        self.say(End {
            whole_below,
            asked,
            at,
        });
        Ok(true)
    }

    /// Takes rows over, and signs anew what a key signed that does not count any more.
    async fn absorb(&mut self, rows: &[RevocationRecord]) -> Result<(), Fault> {
        let keys = self.keys().await?;
        self.sign_anew(&keys).await?;
        let new: Vec<RevocationRecord> = {
            let log = self.followed.hub.log.read();
            let log = log.unwrap_or_else(PoisonError::into_inner);
            let new = rows.iter().filter(|row| !log.holds(row.id));
            new.cloned().collect()
        };
        if new.is_empty() {
            return Ok(());
        }
        let entries = self.sign(&keys, new).await?;
        let held = {
            let log = self.followed.hub.log.write();
            let mut log = log.unwrap_or_else(PoisonError::into_inner);
            log.append(entries);
            log.len()
        };
        if held > MOST {
            self.give_up();
        }
        Ok(())
    }

    /// The present keys. Where one was withdrawn they are read first: a token that it signed would be refused.
    async fn keys(&self) -> Result<Arc<Keys>, Fault> {
        if self.followed.doubts_keys() {
            follow::reload_keys(&self.engine, &self.followed).await?;
        }
        Ok(self.engine.tokens.keys())
    }

    async fn sign_anew(&mut self, keys: &Arc<Keys>) -> Result<(), Fault> {
        let Some(held) = &mut self.held else {
            return Ok(());
        };
        if Arc::ptr_eq(&held.keys, keys) {
            return Ok(());
        }
        let strange = {
            let log = self.followed.hub.log.read();
            let log = log.unwrap_or_else(PoisonError::into_inner);
            log.signed_by_others(&keys.verifying)
        };
        if !strange.is_empty() {
            let key = keys.signing.clone();
            let signed = on_a_thread(strange.len(), move || {
                let anew = |(id, token): (i64, Arc<str>)| {
                    Ok((id, token::sign_anew(&key, &token)?.map(Into::into)))
                };
                strange.into_iter().map(anew).collect::<Result<Vec<_>, _>>()
            });
            let signed: HashMap<i64, Option<Arc<str>>> = signed.await?.into_iter().collect();
            let kid: Arc<str> = keys.signing.key_id().as_str().into();
            let log = self.followed.hub.log.write();
            let mut log = log.unwrap_or_else(PoisonError::into_inner);
            log.replace(&kid, |id| signed.get(&id).cloned().flatten());
        }
        held.keys = Arc::clone(keys);
        Ok(())
    }

    async fn sign(&self, keys: &Keys, rows: Vec<RevocationRecord>) -> Result<Vec<Entry>, Fault> {
        let Some(issuer) = self.engine.issuer_of_events().map(str::to_owned) else {
            return Ok(Vec::new());
        };
        let (key, at) = (keys.signing.clone(), self.engine.now());
        on_a_thread(rows.len(), move || signed(&key, &issuer, &rows, at)).await
    }

    /// Lets readers read all that is here, and says so if there is something new, somebody waits for it, or it is time.
    fn say(&mut self, poll: End) {
        let Some(held) = &mut self.held else {
            return;
        };
        let end = {
            let log = self.followed.hub.log.read();
            log.unwrap_or_else(PoisonError::into_inner).next()
        };
        let awaited = self.followed.hub.is_awaited();
        let due = held
            .said
            .is_none_or(|(at, to)| to != end || at.elapsed() >= BEAT);
        if due || awaited {
            held.said = Some((now(), end));
            self.followed.hub.say(held.history, &held.feed, end, poll);
        }
    }

    fn give_up(&mut self) {
        tracing::error!(
            most = MOST,
            "more is revoked than the revocation feed holds: its readers are sent away; shorten tokens.access_lifetime"
        );
        self.held = None;
        self.to_do.clear();
        self.followed.hub.give_up();
    }
}

fn signed(
    key: &SigningKey,
    issuer: &str,
    rows: &[RevocationRecord],
    at: Timestamp,
) -> Result<Vec<Entry>, Fault> {
    let kid: Arc<str> = key.key_id().as_str().into();
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(token) = token::sign(key, issuer, row, at)? {
            entries.push(Entry {
                id: row.id,
                place: row.place,
                until: row.until,
                kid: Arc::clone(&kid),
                token: token.into(),
            });
        }
    }
    Ok(entries)
}

/// Signs here where that takes next to no time.
async fn on_a_thread<T: Send + 'static>(
    count: usize,
    sign: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    if count <= FEW {
        return sign();
    }
    let signed = tokio::task::spawn_blocking(sign).await;
    signed.map_err(|error| Fault::because("issue_failed", "signing broke off", error))?
}
