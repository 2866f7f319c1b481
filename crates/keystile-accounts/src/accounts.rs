//! [`Accounts`]: the handle that everything is asked of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keystile::{Expected, Guard, KeySet, Verifier};
use tokio::task::AbortHandle;
use zeroize::Zeroizing;

use crate::builder::Builder;
use crate::dummy::Dummies;
use crate::engine::{Engine, LEEWAY, millis};
use crate::error::{Fault, OpenError};
use crate::follow::{self, Followed};
use crate::keys::{KeyRing, KeyTimes};
use crate::lead;
use crate::limits::Attempts;
use crate::options;
use crate::password::Pool;
use crate::store::{Act, Store};
use crate::tokens::Tokens;

/// Accounts, their sessions and the keys that sign their tokens, over one store. Cheap to clone.
///
/// Tasks run while a handle lives: they follow revocations of other processes for the [guard](Self::guard) and the
/// [feed](Self::revocation_feed), follow their keys, and sweep away what has expired. Keep a handle as long as a guard is in use: without one nobody hears of revocations,
/// and the guard refuses with `revocation_unknown`.
#[derive(Clone)]
pub struct Accounts {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Arc<Engine>,
    followed: Arc<Followed>,
    guard: Guard,
    /// The same for tokens of any audience: for those who ask about a token.
    any_audience: Guard,
    tasks: [AbortHandle; 5],
}

impl Accounts {
    /// Opens with every default. The URL is `sqlite://` and a path: `sqlite://shop.db`, `sqlite:///var/lib/shop.db`; or,
    /// with the feature `postgres`, `postgres://USER:PASSWORD@HOST/DATABASE`, where several hosts may stand side by side.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Self::builder(url).open().await
    }

    /// Starts from the defaults.
    pub fn builder(url: &str) -> Builder {
        Builder::new(url)
    }

    pub(crate) async fn open_with(builder: Builder) -> Result<Self, OpenError> {
        options::check(&builder)?;
        let store = Store::open(&builder.url, builder.store)
            .await
            .map_err(Fault::from)?;
        let clock = lead::clock_of(&store, builder.clock.clone()).await?;
        let builder = builder.clock(clock);
        let engine = Arc::new(assemble(builder, store).await?);
        let followed = Arc::clone(&engine.followed);
        let told = Arc::clone(&followed);
        engine
            .store
            .on_revoked(Box::new(move |rows| told.apply_own(rows)));
        let tasks = follow::start(&engine, &followed).await?;
        let guard = followed.guard();
        let any_audience = guard.clone().audience(Expected::Unchecked).remember(0);
        Ok(Self {
            shared: Arc::new(Shared {
                engine,
                followed,
                guard,
                any_audience,
                tasks,
            }),
        })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    pub(crate) async fn reload_keys(&self) -> Result<(), Fault> {
        follow::reload_keys(self.engine(), &self.shared.followed).await
    }

    /// A guard for routes: this store's keys, issuer and audience, and its revocations: those of this process at once,
    /// those of other processes within about 200 ms. If the store has not answered for a second the guard refuses
    /// with `revocation_unknown`, 503.
    pub fn guard(&self) -> Guard {
        self.shared.guard.clone()
    }

    pub(crate) fn any_audience(&self) -> &Guard {
        &self.shared.any_audience
    }

    /// The public keys that verify this store's tokens; empty under a signing secret.
    pub fn key_set(&self) -> KeySet {
        let engine = self.engine();
        engine.key_ring.published(&engine.tokens.keys())
    }

    /// How long a verifier may keep the [`key_set`](Self::key_set).
    pub fn key_max_age(&self) -> Duration {
        self.engine().key_ring.times().max_age()
    }

    /// How long a new key is published before it signs, so that no verifier is surprised.
    pub fn key_lead(&self) -> Duration {
        self.engine().key_ring.times().lead()
    }

    /// Bytes that all processes on this database share, to sign the places of lists with.
    pub fn cursor_secret(&self) -> [u8; 32] {
        *self.engine().cursor_secret
    }

    /// Bytes that all processes on this database share, to make CSRF tokens with.
    pub fn csrf_secret(&self) -> [u8; 32] {
        *self.engine().csrf_secret
    }

    /// The `iss` of the tokens; `None` for minimal claims without one.
    pub fn issuer(&self) -> Option<&str> {
        self.engine().tokens.issuer()
    }

    /// The issuer that processes on this store have, as far as they say so here: what the first of them said, until one
    /// [insists](Self::insist_on_issuer) on another. `None` where tokens carry none. Who has another refuses the others' tokens.
    pub async fn agreed_issuer(&self) -> Result<Option<String>, Fault> {
        let Some(own) = self.issuer() else {
            return Ok(None);
        };
        Ok(Some(self.engine().store.issuer_or_insert(own).await?))
    }

    /// Puts this process's issuer in the place of the one that was agreed on, if it is still `known`; says whether it was.
    pub async fn insist_on_issuer(&self, known: &str) -> Result<bool, Fault> {
        match self.issuer() {
            Some(own) => Ok(self.engine().store.replace_issuer(known, own).await?),
            None => Ok(false),
        }
    }

    /// How long an access token is good.
    pub fn access_lifetime(&self) -> Duration {
        self.engine().tokens.lifetime()
    }

    /// Whether the store answers, and it is known what is revoked.
    pub async fn ping(&self) -> Result<(), Fault> {
        self.engine().store.ping().await?;
        if self.shared.followed.heard.is_current() {
            return Ok(());
        }
        Err(Fault::new(
            "revocation_unknown",
            "the store has not told for a second what is revoked; see whether it is slow to answer",
        ))
    }

    /// Finishes what the store has taken on and closes it. Later calls, of any clone, answer with a fault.
    pub async fn close(&self) {
        self.shared.end_tasks();
        self.engine().pool.close();
        self.engine().store.close().await;
    }

    /// Sweeps now, as the task does every 15 s.
    #[cfg(feature = "testing")]
    pub async fn sweep(&self) -> Result<(), Fault> {
        let engine = self.engine();
        follow::sweep_once(engine, &self.shared.followed, engine.now()).await
    }

    /// Makes the steps of keys that are due, as the task does every second.
    #[cfg(feature = "testing")]
    pub async fn turn_keys(&self) -> Result<(), Fault> {
        let engine = self.engine();
        follow::turn_keys(engine, &self.shared.followed, engine.now()).await
    }

    /// How many hashes of each cost were computed so far.
    #[cfg(feature = "testing")]
    pub fn hashes_done(&self) -> std::collections::BTreeMap<String, u64> {
        let done = self.engine().pool.done();
        done.into_iter()
            .map(|(cost, count)| (cost.to_string(), count))
            .collect()
    }

    /// How many passwords wait to be hashed.
    pub fn hashes_waiting(&self) -> usize {
        self.engine().pool.waiting()
    }
}

/// The shortest schedule of [`Builder::rotate_keys_every`] for key sets of this age and access tokens of this life.
pub fn least_key_schedule(key_max_age: Duration, access_lifetime: Duration) -> Duration {
    KeyTimes::new(key_max_age).least_schedule(access_lifetime)
}

/// While it is held no other server opens the same database.
#[derive(Debug)]
pub struct ServerLock {
    _held: crate::store::ServerLock,
}

impl ServerLock {
    pub(crate) fn claim(url: &str) -> Result<Self, Fault> {
        Ok(Self {
            _held: Store::claim_server_lock(url)?,
        })
    }
}

impl Shared {
    fn end_tasks(&self) {
        for task in &self.tasks {
            task.abort();
        }
        self.followed.end();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.end_tasks();
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("issuer", &self.issuer())
            .finish_non_exhaustive()
    }
}

async fn assemble(builder: Builder, store: Store) -> Result<Engine, OpenError> {
    let now = builder.clock.now();
    let random = builder.random;
    let act = Act {
        now: now.as_millis(),
        revoked_until: now.as_millis(),
        ..Act::default()
    };
    let life = builder.tokens.lifetime.saturating_add(LEEWAY);
    store
        .remember_token_life(millis(life))
        .await
        .map_err(Fault::from)?;
    let (key_ring, keys) =
        KeyRing::open(&builder.tokens, &builder.keys, &store, &random, act).await?;
    let counters = shared_secret(&store, "guess-counters", &random).await?;
    let dummies = shared_secret(&store, "dummy-hashes", &random).await?;
    let cursors = shared_secret(&store, "cursors", &random).await?;
    let csrf = shared_secret(&store, "csrf", &random).await?;
    let pool = Pool::start(builder.hashing, random.clone()).map_err(|error| {
        Fault::because(
            "threads_failed",
            "the hashing threads could not be started",
            error,
        )
    })?;
    let tokens = Tokens::new(builder.tokens, keys, random.clone());
    let verifier = Verifier::new(tokens.trust()).clock(builder.clock.clone());
    let engine = Engine {
        followed: Arc::new(Followed::new(verifier)),
        dummies: Dummies::new(pool.cost(), &dummies),
        cursor_secret: Zeroizing::new(cursors),
        csrf_secret: Zeroizing::new(csrf),
        attempts: Attempts::new(
            builder.guess_limits,
            &counters,
            store.clone(),
            builder.clock.clone(),
        ),
        tokens,
        sessions: builder.sessions,
        policy: builder.password_policy,
        usernames: builder.usernames,
        account_ids: builder.account_ids,
        admin_role: builder.admin_role,
        clock: builder.clock,
        gate: builder.gate,
        store,
        pool,
        key_ring,
        random,
    };
    engine.learn_formats().await?;
    Ok(engine)
}

/// Bytes that every process on this database shares: counters of one must be found by the others.
async fn shared_secret(
    store: &Store,
    name: &str,
    random: &keystile::Random,
) -> Result<[u8; 32], OpenError> {
    let secret = store
        .shared_secret(name, random.bytes())
        .await
        .map_err(Fault::from)?;
    Ok(secret)
}
