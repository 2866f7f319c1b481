//! Connections: to the host that lets us write, how patient, how durable.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool_postgres::{
    Connect, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, timeout};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::{Hint, Options, StoreError};
use super::location::Location;
use super::{claim, tls};

/// A pool of so many connections. Makes none yet.
pub(super) fn pool(
    location: &Location,
    options: Options,
    connections: usize,
) -> Result<Pool, StoreError> {
    pooled(location, options, connections, claim::SHARE)
}

/// One connection for what is revoked. A page of it is read in the order of its index: right after many rows were written at once the planner
/// knows nothing of them, and would read and sort them all for each page.
pub(super) fn for_revocations(location: &Location, options: Options) -> Result<Pool, StoreError> {
    let in_order = "SET enable_seqscan = off; SET enable_bitmapscan = off;";
    pooled(
        location,
        options,
        1,
        &format!("{in_order} {}", claim::SHARE),
    )
}

/// A connection that shares the database with nobody yet, nor keeps anybody out.
pub(super) async fn alone(location: &Location, options: Options) -> Result<Object, StoreError> {
    first(&pooled(location, options, 1, "")?).await
}

/// A connection of a pool's, outside of any store.
pub(super) async fn first(pool: &Pool) -> Result<Object, StoreError> {
    match pool.get().await {
        Ok(client) => Ok(client),
        Err(PoolError::Backend(error)) => Err(error.into()),
        Err(_) => Err(StoreError::Timeout),
    }
}

fn pooled(
    location: &Location,
    options: Options,
    connections: usize,
    claim: &str,
) -> Result<Pool, StoreError> {
    let connector = connector(location, options, claim, None)?;
    let config = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    // The driver's own configuration is not used: the connector has one for each host.
    let manager = Manager::from_connect(Config::new(), connector, config);
    Pool::builder(manager)
        .max_size(connections)
        .wait_timeout(Some(options.patience))
        .create_timeout(Some(options.patience))
        .recycle_timeout(Some(options.patience))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| StoreError::Database(error.to_string()))
}

fn connector(
    location: &Location,
    options: Options,
    claim: &str,
    hint: Option<Hint>,
) -> Result<Connector, StoreError> {
    Ok(Connector {
        claim: claim.to_owned(),
        hosts: location.hosts.clone(),
        tls: tls::connector(&location.protection)?,
        patience: options.patience,
        good: AtomicUsize::new(0),
        hint,
    })
}

/// Listens on a connection of its own, until that ends; `hint` is called once when it begins, as nothing was heard before.
pub(super) async fn listen(
    location: &Location,
    options: Options,
    channel: &str,
    hint: Hint,
) -> Result<(), StoreError> {
    let connector = connector(location, options, claim::SHARE, Some(Arc::clone(&hint)))?;
    let listening = async {
        let (client, driven) = connector.connect_in_turn().await?;
        client.batch_execute(&format!("LISTEN {channel}")).await?;
        Ok::<_, StoreError>((client, driven))
    };
    let listening = timeout(options.patience, listening).await;
    let (_client, driven) = listening.unwrap_or(Err(StoreError::Timeout))?;
    hint();
    // It is silent while nobody revokes anything: whether the other end is there still, keep-alives find out.
    let _ = driven.await;
    Ok(())
}

/// Does a connection's work until it ends. Whatever the database says beside the answers to our questions is that there is
/// something new, or of no interest.
async fn drive<S, T>(mut connection: Connection<S, T>, hint: Option<Hint>) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
        if let (AsyncMessage::Notification(_), Some(hint)) = (message?, &hint) {
            hint();
        }
    }
    Ok(())
}

/// Tries the hosts in turn, beginning with the one that was good last, and gives none of them so long that the next
/// would not be tried. If none lets us write, the one that did not answer in its time gets what patience is left.
struct Connector {
    /// Run on each connection: what it shares the database by.
    claim: String,
    hosts: Vec<Config>,
    tls: MakeRustlsConnect,
    patience: Duration,
    good: AtomicUsize,
    /// Called when the database says that there is something new.
    hint: Option<Hint>,
}

type Connected = Result<(Client, JoinHandle<()>), Error>;

impl Connect for Connector {
    fn connect(&self, _config: &Config) -> Pin<Box<dyn Future<Output = Connected> + Send + '_>> {
        Box::pin(self.connect_in_turn())
    }
}

impl Connector {
    async fn connect_in_turn(&self) -> Connected {
        let count = self.hosts.len();
        let share = self.patience / u32::try_from(count).unwrap_or(u32::MAX).max(1);
        let first = self.good.load(Ordering::Relaxed);
        let mut slow = None;
        for turn in 0..count.saturating_sub(1) {
            let host = (first + turn) % count;
            match timeout(share, self.connect_to(host)).await {
                Ok(Ok(connected)) => return Ok(connected),
                Ok(Err(error)) => tracing::debug!(host, %error, "a host is passed over"),
                Err(_) => {
                    slow.get_or_insert(host);
                    tracing::debug!(host, "a host does not answer");
                }
            }
        }
        let last = (first + count.saturating_sub(1)) % count.max(1);
        match (self.connect_to(last).await, slow) {
            // On a busy machine the primary may be late: that a standby takes no writes is no answer then.
            (Err(error), Some(slow)) => {
                tracing::debug!(host = last, %error, "a host is passed over");
                self.connect_to(slow).await
            }
            (outcome, _) => outcome,
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "how long a host was waited for is no matter of wall clocks"
    )]
    async fn connect_to(&self, host: usize) -> Connected {
        let passes = Passes {
            good: &self.good,
            host,
            next: (host + 1) % self.hosts.len(),
            begun: Instant::now(),
        };
        let (client, connection) = self.hosts[host].connect(self.tls.clone()).await?;
        let hint = self.hint.clone();
        let driven = tokio::spawn(async move {
            if let Err(error) = drive(connection, hint).await {
                tracing::debug!(%error, "a connection to the database ended");
            }
        });
        let mut ends = Ends(Some(driven.abort_handle()));
        client.batch_execute(&self.settings()).await?;
        ends.0 = None;
        drop(passes);
        self.good.store(host, Ordering::Relaxed);
        Ok((client, driven))
    }

    /// What every connection is set to, whatever the server's defaults are: the isolation that the statements are written
    /// for, an end to what takes too long, and no acknowledgement of what is not on disk. A node that stands still inside a
    /// transaction is cut off so soon that those who wait for its rows need not give up. Whatever a transaction revokes is told
    /// [after it](super::notify), not by a trigger in it.
    fn settings(&self) -> String {
        let patience = self.patience.as_millis().max(1);
        format!(
            "SET default_transaction_isolation = 'read committed';
             SET statement_timeout = {patience};
             SET idle_in_transaction_session_timeout = {};
             SET client_min_messages = warning;
             SET keystile.tells_after_commit = 'on';
             SELECT set_config('synchronous_commit', 'on', false)
              WHERE current_setting('synchronous_commit') = 'off';
             {}",
            (patience / 2).max(1),
            self.claim
        )
    }
}

/// So long a host is waited for before it is blamed: whoever waits may have given up right after it was begun with.
const FAIR: Duration = Duration::from_millis(200);

/// Dropped before its host was found good, the next attempt begins with the next host: whoever waits may never have the
/// patience for more than one.
struct Passes<'a> {
    good: &'a AtomicUsize,
    host: usize,
    next: usize,
    begun: Instant,
}

impl Drop for Passes<'_> {
    fn drop(&mut self) {
        if self.begun.elapsed() < FAIR {
            return;
        }
        let (host, next) = (self.host, self.next);
        let order = Ordering::Relaxed;
        let _ = self.good.compare_exchange(host, next, order, order);
    }
}

/// Ends a connection that is not the pool's yet: nobody waits for it any more, and the other side may be silent for good.
struct Ends(Option<AbortHandle>);

impl Drop for Ends {
    fn drop(&mut self) {
        if let Some(driven) = &self.0 {
            driven.abort();
        }
    }
}
