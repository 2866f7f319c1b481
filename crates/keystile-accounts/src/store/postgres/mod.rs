//! PostgreSQL: a bounded pool of connections, prepared statements, several nodes on one database.
//!
//! Everything runs at READ COMMITTED. What may not happen together is excluded by row locks, taken in one order by all:
//! the caller's and the concerned account in the order of their ids, then a client, then sessions in the order of their ids,
//! then counters.
//! A rotation takes its session's row alone and waits for nothing while it holds it. So nobody waits in a circle.

mod account;
mod anew;
mod audit;
mod claim;
mod client;
mod connect;
mod ending;
mod error;
mod exchange;
mod incoming;
mod incoming_rows;
mod inspect;
mod issuer;
mod key;
mod key_step;
mod limit;
mod listing;
mod location;
mod migrate;
mod password;
mod refresh;
mod revocation;
mod row;
mod secret;
mod server;
mod session;
mod sweep;
mod tls;
mod work;

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use deadpool_postgres::{Object, Pool, PoolError, TimeoutType};
use tokio::sync::RwLock;
use tokio::time::timeout;

pub(super) use claim::Claimed;
pub(super) use incoming::Incoming;
pub(super) use inspect::inspect;
pub(super) use location::{CREATE, check_url};
pub use migrate::{MIGRATIONS, migrate};
pub(super) use server::inspect_server;
use work::Work;

use super::{OnRevoked, Options, RevocationRecord, StoreError, WriteError};
use location::Location;

/// A PostgreSQL database. Clones share it; it closes when the last one is gone, or by [`Postgres::close`].
#[derive(Clone)]
pub struct Postgres(Arc<Shared>);

struct Shared {
    location: Location,
    pool: Pool,
    /// One more connection, for what is revoked alone: whether guards may answer depends on it. It waits in no queue, and for
    /// no lock that keys or accounts are under.
    apart: Pool,
    options: Options,
    patience: Duration,
    queue: usize,
    /// Held by each call; closing waits for them.
    open: RwLock<()>,
    told: OnceLock<OnRevoked>,
    /// Where the next sweep goes on among the sessions.
    swept_to: Mutex<String>,
}

/// What a call does with its connection.
type Doing<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Postgres").field(&self.0.location).finish()
    }
}

impl Postgres {
    /// See [`super::Store::open`].
    pub async fn open(url: &str, options: Options) -> Result<Self, StoreError> {
        let location = Location::parse(url)?;
        let store = Self(Arc::new(Shared {
            // One for what is revoked, and one to hear that something is.
            pool: connect::pool(&location, options, options.connections.max(3) - 2)?,
            apart: connect::for_revocations(&location, options)?,
            location,
            options,
            patience: options.patience,
            queue: options.queue.max(1),
            open: RwLock::default(),
            told: OnceLock::new(),
            swept_to: Mutex::default(),
        }));
        store.prepare().await?;
        Ok(store)
    }

    /// Brings the schema up to date. Not bounded: another node may be at it, and a step may take its time.
    async fn prepare(&self) -> Result<(), StoreError> {
        let mut lent = timeout(self.0.patience, self.lend(&self.0.pool))
            .await
            .unwrap_or(Err(StoreError::Timeout))?;
        let prepared = async {
            let client = lent.client()?;
            migrate::migrate_on(client, MIGRATIONS).await?;
            migrate::follow_cluster(client).await
        };
        let prepared = prepared.await;
        lent.settle(prepared)
    }

    /// See [`super::Store::on_revoked`].
    pub fn on_revoked(&self, told: OnRevoked) {
        let _ = self.0.told.set(told);
    }

    /// See [`super::Store::close`].
    pub async fn close(&self) {
        let _all_done = self.0.open.write().await;
        self.0.pool.close();
        self.0.apart.close();
    }

    /// See [`super::Store::ping`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.ask(|client| {
            Box::pin(async move { row::number(client, "SELECT 1::bigint", &[]).await })
        })
        .await
        .map(|_| ())
    }

    /// See [`super::Store::clock`].
    pub async fn clock(&self) -> Result<i64, StoreError> {
        const CLOCK: &str = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
        self.ask(|client| Box::pin(async move { row::number(client, CLOCK, &[]).await }))
            .await
    }

    /// Runs a job in a transaction, which is kept if the job succeeds. It is told of to whoever hears of revocations
    /// before this returns.
    async fn write<T, F>(&self, job: F) -> Result<T, WriteError>
    where
        F: for<'a> FnOnce(&'a Work<'a>) -> Doing<'a, T, WriteError>,
    {
        let acts = Box::pin(async {
            let mut lent = self.lend(&self.0.pool).await?;
            let (outcome, revoked) = match work::transact(lent.client()?, job).await {
                Ok(done) => done,
                Err(error) => return lent.settle(Err(error)),
            };
            self.tell(&revoked);
            if revoked.is_empty() {
                return lent.settle(Ok(outcome));
            }
            notify(lent).await;
            Ok(outcome)
        });
        self.in_time(acts).await
    }

    /// Runs statements each of which is a transaction of its own.
    async fn ask<T, E, F>(&self, ask: F) -> Result<T, E>
    where
        F: for<'a> FnOnce(&'a Object) -> Doing<'a, T, E>,
        E: From<StoreError> + error::Breaks,
    {
        self.ask_on(&self.0.pool, ask).await
    }

    /// As [`ask`](Self::ask), past whoever waits for a connection.
    async fn ask_apart<T, E, F>(&self, ask: F) -> Result<T, E>
    where
        F: for<'a> FnOnce(&'a Object) -> Doing<'a, T, E>,
        E: From<StoreError> + error::Breaks,
    {
        self.ask_on(&self.0.apart, ask).await
    }

    async fn ask_on<T, E, F>(&self, pool: &Pool, ask: F) -> Result<T, E>
    where
        F: for<'a> FnOnce(&'a Object) -> Doing<'a, T, E>,
        E: From<StoreError> + error::Breaks,
    {
        let acts = Box::pin(async {
            let mut lent = self.lend(pool).await?;
            let outcome = ask(lent.client()?).await;
            lent.settle(outcome)
        });
        self.in_time(acts).await
    }

    /// Bounds the whole of a call by the store's patience. What is called is boxed, as a pool's future is large, and is part
    /// of every flow's.
    async fn in_time<T, E: From<StoreError>>(
        &self,
        acts: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let _open = self.0.open.read().await;
        timeout(self.0.patience, acts)
            .await
            .unwrap_or_else(|_| Err(StoreError::Timeout.into()))
    }

    async fn lend(&self, pool: &Pool) -> Result<Lent, StoreError> {
        if pool.status().waiting >= self.0.queue {
            return Err(StoreError::Busy);
        }
        match pool.get().await {
            Ok(client) => Ok(Lent(Some(client))),
            Err(PoolError::Closed) => Err(StoreError::Closed),
            Err(PoolError::Timeout(TimeoutType::Wait)) => Err(StoreError::Busy),
            Err(PoolError::Backend(error)) => Err(error.into()),
            Err(_) => Err(StoreError::Timeout),
        }
    }

    fn tell(&self, revoked: &[RevocationRecord]) {
        let (Some(told), false) = (self.0.told.get(), revoked.is_empty()) else {
            return;
        };
        let tell = std::panic::AssertUnwindSafe(|| told(revoked));
        if std::panic::catch_unwind(tell).is_err() {
            tracing::error!(
                "a revocation was committed, but telling of it broke off inside the program"
            );
        }
    }
}

/// Says to whoever listens, in other processes too, that there is something new. Nobody depends on it: who hears nothing looks all
/// the same. Nor does what was committed, so it is given up soon.
async fn notify(mut lent: Lent) {
    const PATIENCE: Duration = Duration::from_secs(1);
    let Ok(client) = lent.client() else { return };
    let told = timeout(PATIENCE, client.batch_execute(revocation::TELL)).await;
    match told {
        Ok(Ok(())) => drop(lent.0.take()),
        Ok(Err(error)) => tracing::debug!(%error, "a revocation is found by looking"),
        Err(_) => tracing::debug!("a revocation is found by looking"),
    }
}

/// A connection of the pool's. Dropped without being given back it is closed: a statement may still run on it.
struct Lent(Option<Object>);

impl Lent {
    fn client(&mut self) -> Result<&mut Object, StoreError> {
        self.0.as_mut().ok_or(StoreError::Closed)
    }

    /// Gives the connection back, unless the outcome shows that it is broken.
    fn settle<T, E: error::Breaks>(mut self, outcome: Result<T, E>) -> Result<T, E> {
        if !matches!(&outcome, Err(error) if error.breaks()) {
            drop(self.0.take());
        }
        outcome
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}
