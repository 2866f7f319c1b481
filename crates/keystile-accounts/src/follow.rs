//! Tasks beside the flows: one follows what other processes revoke, one which keys they make and what time it is where the
//! database is, one sweeps away what has had its time, one listens for hints that there is something to follow; and the
//! keeper of the [feed](crate::feed). They end with the last handle of [`Accounts`](crate::Accounts).
//!
//! The first waits for nothing but the revocations: whether guards may answer hangs on it.

mod sweep;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use keystile::{Guard, KeyId, KeySet, Revocations, Timestamp, Verifier};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::engine::Engine;
use crate::error::Fault;
use crate::feed::{self, End, Hub, Polled};
use crate::heard::{Heard, LOST, now};
use crate::lead;
use crate::store::{Cursor, RevocationRecord, Revoked, StoreError};
use sweep::Settled;
#[cfg(feature = "testing")]
pub(crate) use sweep::sweep_once;

const POLL: Duration = Duration::from_millis(200);
/// However often somebody says that there is something new, polls are so far apart.
const GAP: Duration = Duration::from_millis(5);
/// Before the hints are listened for: it takes a connection, which a command that is over by then has no use for.
const LISTEN_AT: Duration = Duration::from_millis(500);
/// Before they are listened for again; the longest after a row of failures.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);
const LONGEST_DEAF: Duration = Duration::from_secs(30);
/// Keys change rarely; a withdrawal is heard of by the revocations anyway.
const KEYS: Duration = Duration::from_secs(1);
/// A page. Many may be written at once, and guards do not answer for longer than a second without having read all.
const ROWS: u32 = 10_000;

/// What the guard reads, and whether the store answers.
pub(crate) struct Followed {
    revocations: Revocations,
    verifier: Verifier,
    pub(crate) heard: Arc<Heard>,
    /// Where readers of the feed are told what is heard.
    pub(crate) hub: Hub,
    /// The next poll need not wait for its time.
    pub(crate) hasten: Notify,
    /// The next look at the keys need not wait for its time.
    withdrawn: Notify,
    /// How many withdrawals of keys were heard of, and how many of them the last look at the keys has taken in: until it
    /// has, the key that signs here may be one of them.
    withdrawals: AtomicU64,
    taken_in: AtomicU64,
}

/// Where the reader of the table of revocations stands.
struct Place {
    feed_id: String,
    cursor: Cursor,
    /// When the first page of a poll was asked for whose last is still to come: all its pages show what was kept by then.
    begun: Option<(Instant, Timestamp)>,
}

impl Followed {
    /// Nothing is known until the first snapshot is in.
    pub(crate) fn new(verifier: Verifier) -> Self {
        let heard = Arc::new(Heard::nothing());
        let revocations = Revocations::new();
        let hears = Arc::clone(&heard);
        revocations.require_known(move || hears.is_current());
        Self {
            revocations,
            verifier,
            heard,
            hub: Hub::new(),
            hasten: Notify::new(),
            withdrawn: Notify::new(),
            withdrawals: AtomicU64::new(0),
            taken_in: AtomicU64::new(0),
        }
    }

    /// Whether the keys are to be looked at before one signs: one was withdrawn, or nothing was heard for too long.
    pub(crate) fn doubts_keys(&self) -> bool {
        let heard_of = self.withdrawals.load(Ordering::Acquire);
        self.taken_in.load(Ordering::Acquire) < heard_of || !self.heard.is_current()
    }

    /// What refuses what is revoked.
    pub(crate) fn guard(&self) -> Guard {
        Guard::new(self.verifier.clone()).revocations(self.revocations.clone())
    }

    /// Takes over what this process itself revoked, before that is answered. Readers of the feed get it by a poll, since
    /// only that knows what else was kept before it.
    pub(crate) fn apply_own(&self, rows: &[RevocationRecord]) {
        self.apply(rows);
        if self.hub.is_wanted() {
            self.hasten.notify_one();
        }
    }

    /// Nobody hears of revocations from now on.
    pub(crate) fn end(&self) {
        self.heard.end();
        self.hub.end();
    }

    fn apply(&self, rows: &[RevocationRecord]) {
        let mut batch = self.revocations.batch();
        let mut withdrawals = 0;
        for row in rows {
            let until = Timestamp::from_millis(row.until);
            match &row.revoked {
                Revoked::Session { session_id } => batch.revoke_session(session_id, until),
                Revoked::Subject {
                    account_id,
                    smallest_generation,
                } => batch.revoke_generation_below(account_id, *smallest_generation, until),
                Revoked::Token { token_id } => batch.revoke_token_id(token_id, until),
                Revoked::Key { kid } => {
                    batch.withdraw_key(&KeyId::from(kid.as_str()));
                    withdrawals += 1;
                }
            }
        }
        batch.apply();
        self.withdrawals.fetch_add(withdrawals, Ordering::AcqRel);
    }
}

/// Follows the table from its beginning; answers the tasks to run once the first snapshot is in.
pub(crate) async fn start(
    engine: &Arc<Engine>,
    followed: &Arc<Followed>,
) -> Result<[AbortHandle; 5], Fault> {
    let place = snapshot(engine, followed).await?;
    let both = || (Arc::clone(engine), Arc::clone(followed));
    let ((polls, following), (turns, turned), (sweeps, swept)) = (both(), both(), both());
    let ((listens, hastened), (keeps, kept)) = (both(), both());
    let tasks = [
        tokio::spawn(follow(polls, Following(following), place)),
        tokio::spawn(follow_keys(turns, turned)),
        tokio::spawn(sweep::sweep(sweeps, swept)),
        tokio::spawn(listen(listens, hastened)),
        tokio::spawn(feed::keep(keeps, kept)),
    ];
    Ok(tasks.map(|task| task.abort_handle()))
}

async fn snapshot(engine: &Engine, followed: &Followed) -> Result<Place, Fault> {
    let asked = now();
    let poll = engine
        .store
        .revocation_snapshot(engine.now().as_millis())
        .await?;
    followed.apply(&poll.rows);
    followed.heard.all_until(asked);
    Ok(Place {
        feed_id: poll.feed_id,
        cursor: poll.cursor,
        begun: None,
    })
}

/// Whoever follows says so by holding this: however it ends (a panic, a runtime that was shut down), nobody hears of
/// revocations from then on, and guards refuse.
struct Following(Arc<Followed>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Held by whoever follows the keys: if a panic ends it, keys and time are not known any more, and guards refuse.
struct ToldOfPanic(Arc<Followed>);

impl Drop for ToldOfPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("following the keys broke off inside the program; start it again");
            self.0.heard.end();
        }
    }
}

async fn follow(engine: Arc<Engine>, following: Following, mut place: Place) {
    let followed = &*following.0;
    let (mut lost, mut begun, mut polled) = (false, now(), now());
    loop {
        let left = POLL.saturating_sub(begun.elapsed());
        let _ = timeout(left, hastened(followed, polled)).await;
        begun = now();
        // Once it is lost there is no hurry, and a connection that is slow to come must not be given up again and again.
        let left = if lost {
            LOST
        } else {
            followed.heard.left().max(POLL)
        };
        match read_on(&engine, followed, &mut place, left).await {
            Ok(true) => followed.withdrawn.notify_one(),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the revocations could not be read"),
        }
        polled = now();
        let lost_now = !followed.heard.is_current();
        if lost_now != lost {
            lost = lost_now;
            tracing::warn!(lost, "whether guards can know what is revoked has changed");
        }
    }
}

/// When somebody has said that there is something new, and the last poll is not just over.
async fn hastened(followed: &Followed, polled: Instant) {
    followed.hasten.notified().await;
    tokio::time::sleep(GAP.saturating_sub(polled.elapsed())).await;
}

/// Hears from the database that somebody revoked something, at this node or another. It hastens the next poll and does no
/// more: where nothing can be heard, polls go on at their own pace.
async fn listen(engine: Arc<Engine>, followed: Arc<Followed>) {
    tokio::time::sleep(LISTEN_AT).await;
    let mut pause = LISTEN_AGAIN;
    loop {
        let (hears, began) = (Arc::clone(&followed), now());
        let hint = move || hears.hasten.notify_one();
        let ended = engine.store.hear_of_revocations(Arc::new(hint)).await;
        if began.elapsed() > LONGEST_DEAF {
            pause = LISTEN_AGAIN;
        }
        tracing::info!(error = %ended, again_in = ?pause, "what other nodes revoke is heard of by looking only, five times a second");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_DEAF);
    }
}

/// Goes by the database's clock, makes the steps of keys that are due, and takes over what is there then.
async fn follow_keys(engine: Arc<Engine>, followed: Arc<Followed>) {
    let _told = ToldOfPanic(Arc::clone(&followed));
    let mut turned = now();
    let mut settled = Settled {
        reached: engine.now(),
    };
    loop {
        let _ = timeout(KEYS, followed.withdrawn.notified()).await;
        if !followed.heard.is_current() {
            continue;
        }
        if let Err(error) = lead::lead(&engine.store, &engine.clock).await {
            tracing::warn!(%error, "the database's clock could not be read");
        }
        let elapsed = turned.elapsed();
        turned += elapsed;
        let due_by = settled.after(elapsed, engine.now());
        if let Err(error) = turn_keys(&engine, &followed, due_by).await {
            tracing::warn!(%error, "the signing keys could not be followed");
        }
    }
}

/// Reads every row after the place. Another feed id means another history (a restored copy): all of it is read then,
/// and united with what is held. Whoever heard nothing for long has missed a new key too, perhaps, and takes it over before
/// answering anybody. Answers whether a key was withdrawn.
///
/// A poll may take as long as is `left`. All of a history may take as long as the store waits for anything: the database has
/// just answered, and a long list is not to be begun again and again.
async fn read_on(
    engine: &Engine,
    followed: &Followed,
    place: &mut Place,
    left: Duration,
) -> Result<bool, Fault> {
    let keys = || async {
        timeout(left, reload_keys(engine, followed))
            .await
            .unwrap_or_else(|_| Err(StoreError::Timeout.into()))
    };
    let mut withdrawn = false;
    loop {
        let (asked, at) = place.begun.unwrap_or_else(|| (now(), engine.now()));
        let polls = engine.store.revocations_after(place.cursor.clone(), ROWS);
        let poll = timeout(left, polls)
            .await
            .unwrap_or(Err(StoreError::Timeout))?;
        let end = (poll.rows.len() < ROWS as usize).then_some(End {
            whole_below: poll.whole_below,
            asked,
            at,
        });
        if poll.feed_id != place.feed_id {
            keys().await?;
            *place = snapshot(engine, followed).await?;
            return Ok(true);
        }
        followed.apply(&poll.rows);
        withdrawn |= poll
            .rows
            .iter()
            .any(|row| matches!(row.revoked, Revoked::Key { .. }));
        place.cursor = poll.cursor;
        place.begun = end.is_none().then_some((asked, at));
        followed.hub.hear(Polled {
            feed_id: poll.feed_id,
            rows: poll.rows,
            end,
        });
        if end.is_some() {
            if !followed.heard.is_current() {
                keys().await?;
            }
            followed.heard.all_until(asked);
            return Ok(withdrawn);
        }
    }
}

/// Makes the steps of keys that are due by `due_by`, and takes over what is there then.
pub(crate) async fn turn_keys(
    engine: &Engine,
    followed: &Followed,
    due_by: Timestamp,
) -> Result<(), Fault> {
    let act = engine.act_by(None, None, engine.now());
    let turned = engine
        .key_ring
        .turn(&engine.store, &act, due_by.as_millis())
        .await;
    // What others did is taken over whether or not a step could be made here.
    reload_keys(engine, followed).await?;
    turned
}

/// Takes over the store's keys if they are others than those in use. Reads private keys only then. Whoever finds that
/// another took some over meanwhile looks again: what it read may be older.
pub(crate) async fn reload_keys(engine: &Engine, followed: &Followed) -> Result<(), Fault> {
    let heard_of = followed.withdrawals.load(Ordering::Acquire);
    loop {
        let held = engine.tokens.keys();
        let Some(keys) = engine.key_ring.changed(&engine.store, &held).await? else {
            break;
        };
        let verify = |keys: &KeySet| {
            followed.verifier.replace_keys(0, keys.clone());
        };
        if engine.tokens.replace_keys(&held, keys, verify) {
            break;
        }
    }
    followed.taken_in.fetch_max(heard_of, Ordering::AcqRel);
    Ok(())
}

#[cfg(test)]
mod tests;
