//! SQLite: a queue of small transactions to one writer, and a few readers.

mod account;
mod anew;
mod audit;
mod backup;
mod client;
mod connect;
mod copy;
mod ending;
mod error;
mod exchange;
mod inspect;
mod issuer;
mod key;
mod key_step;
mod limit;
mod listing;
mod location;
mod mark;
#[cfg(feature = "postgres")]
mod marking;
mod migrate;
#[cfg(feature = "postgres")]
mod outgoing;
mod password;
mod reader;
mod refresh;
mod replaced;
mod restore;
mod revocation;
mod secret;
mod session;
mod sweep;
mod unfinished;
mod whole;
mod writer;

use std::fmt;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Connection, Row};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};

pub(super) use backup::backup;
pub use inspect::inspect;
pub use location::ServerLock;
pub(super) use location::check_url;
#[cfg(feature = "postgres")]
pub(super) use marking::Mark;
pub use migrate::{MIGRATIONS, migrate};
#[cfg(feature = "postgres")]
pub(super) use outgoing::Outgoing;
pub(super) use restore::restore;
pub use writer::Work;

use super::{OnRevoked, Options, StoreError, WriteError};
use location::Location;
use reader::Read;
use writer::{Job, Message, Writer};

/// A SQLite database. Clones share it; it closes when the last one is gone, or by [`Sqlite::close`].
#[derive(Clone)]
pub struct Sqlite(Arc<Shared>);

struct Shared {
    location: Location,
    writes: mpsc::Sender<Message>,
    /// None for a database in memory, which only the writer's connection sees; none after closing.
    reads: Mutex<Option<mpsc::Sender<Read>>>,
    /// Closed once every reader has closed its connection.
    readers: watch::Sender<()>,
    told: Arc<OnceLock<OnRevoked>>,
    /// Where the next sweep goes on among the sessions.
    swept_to: Arc<AtomicI64>,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sqlite").field(&self.0.location).finish()
    }
}

impl Sqlite {
    /// See [`super::Store::open`].
    pub async fn open(url: &str, options: Options) -> Result<Self, StoreError> {
        let location = Location::parse(url)?;
        let told = Arc::new(OnceLock::new());
        let writes = start_writer(&location, options, Arc::clone(&told)).await?;
        let readers = watch::Sender::default();
        let reads = match location {
            Location::Memory => None,
            Location::File(_) => Some(
                reader::start(
                    &location,
                    options.patience,
                    options.readers.max(1),
                    options.queue.max(1),
                    &readers,
                )
                .map_err(|error| no_thread(&error))?,
            ),
        };
        let swept_to = Arc::default();
        Ok(Self(Arc::new(Shared {
            location,
            writes,
            reads: Mutex::new(reads),
            readers,
            told,
            swept_to,
        })))
    }

    /// See [`super::Store::claim_server_lock`].
    pub fn claim_server_lock(url: &str) -> Result<ServerLock, StoreError> {
        let location = Location::parse(url)?;
        location.prepare()?;
        ServerLock::claim(&location)
    }

    /// See [`super::Store::on_revoked`].
    pub fn on_revoked(&self, told: OnRevoked) {
        let _ = self.0.told.set(told);
    }

    /// See [`super::Store::close`].
    pub async fn close(&self) {
        drop(self.reads().take());
        // The last who closes the file folds its log into it. If that were a reader, the process could end in the middle, and
        // leave the log without its index.
        self.0.readers.closed().await;
        let (done, wait) = oneshot::channel();
        if self.0.writes.send(Message::Stop(done)).await.is_ok() {
            let _ = wait.await;
        }
    }

    /// Hands a job to the writer and waits until it is committed. An `Err` of the job rolls back what it wrote, alone.
    pub async fn write<T, F>(&self, job: F) -> Result<T, WriteError>
    where
        F: FnOnce(&Work<'_>) -> Result<T, WriteError> + Send + 'static,
        T: Send + 'static,
    {
        self.hand_over(job, false).await
    }

    /// As [`write`](Self::write), for what means nothing any more once the machine has gone: it does not wait for the disk.
    async fn write_in_passing<T, F>(&self, job: F) -> Result<T, WriteError>
    where
        F: FnOnce(&Work<'_>) -> Result<T, WriteError> + Send + 'static,
        T: Send + 'static,
    {
        self.hand_over(job, true).await
    }

    async fn hand_over<T, F>(&self, job: F, passing: bool) -> Result<T, WriteError>
    where
        F: FnOnce(&Work<'_>) -> Result<T, WriteError> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Message::Job(Box::new(Job {
            work: Some(job),
            passing,
            outcome: None,
            reply,
        }));
        self.0
            .writes
            .try_send(job)
            .map_err(|error| refused(&error))?;
        answer.await.unwrap_or(Err(StoreError::Closed.into()))
    }

    /// See [`super::Store::ping`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT count(*) FROM meta")?;
            Ok(statement.query_row([], |_| Ok(()))?)
        })
        .await
    }

    /// Reads what is committed, on a reader's thread.
    pub async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        if self.0.location == Location::Memory {
            return match self.write(move |work| Ok(read(work)?)).await {
                Ok(found) => Ok(found),
                Err(WriteError::Store(error)) => Err(error),
                Err(_) => Err(StoreError::Corrupt("a read was refused as a write")),
            };
        }
        let readers = self.reads().clone().ok_or(StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let read: Read = Box::new(move |connection| {
            let _ = reply.send(connection.and_then(read));
        });
        readers.try_send(read).map_err(|error| refused(&error))?;
        answer.await.unwrap_or_else(|_| self.unanswered())
    }

    /// Why a read got no answer: the store was closed meanwhile, or the read panicked.
    fn unanswered<T>(&self) -> Result<T, StoreError> {
        match *self.reads() {
            None => Err(StoreError::Closed),
            Some(_) => Err(StoreError::Database(
                "a read broke off inside the program".to_owned(),
            )),
        }
    }

    fn reads(&self) -> std::sync::MutexGuard<'_, Option<mpsc::Sender<Read>>> {
        self.0.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens and migrates on the writer's thread, which then waits for work.
async fn start_writer(
    location: &Location,
    options: Options,
    told: Arc<OnceLock<OnRevoked>>,
) -> Result<mpsc::Sender<Message>, StoreError> {
    let (sender, queue) = mpsc::channel(options.queue.max(1));
    let (ready, opened) = oneshot::channel();
    let location = location.clone();
    thread::Builder::new()
        .name("keystile-writer".to_owned())
        .spawn(
            move || match open_for_writing(&location, options.patience) {
                Ok(connection) => {
                    let _ = ready.send(Ok(()));
                    Writer {
                        connection,
                        queue,
                        told,
                        flushes: true,
                        left: None,
                    }
                    .work();
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            },
        )
        .map_err(|error| no_thread(&error))?;
    opened.await.unwrap_or(Err(StoreError::Closed))?;
    Ok(sender)
}

fn open_for_writing(location: &Location, patience: Duration) -> Result<Connection, StoreError> {
    location.prepare()?;
    if let Location::File(path) = location {
        mark::refuse_moved(path)?;
    }
    let mut connection = connect::writing(location, patience)?;
    // Again: a move that was waited for has ended by now, and none begins while this connection is open.
    if let Location::File(path) = location {
        mark::refuse_moved(path)?;
    }
    migrate(&mut connection, MIGRATIONS)?;
    Ok(connection)
}

fn refused<T>(error: &TrySendError<T>) -> StoreError {
    match error {
        TrySendError::Full(_) => StoreError::Busy,
        TrySendError::Closed(_) => StoreError::Closed,
    }
}

fn no_thread(error: &std::io::Error) -> StoreError {
    StoreError::Database(format!("cannot start a thread: {error}"))
}

/// Runs several statements of a read in one snapshot. A savepoint, because it also works inside a transaction.
fn snapshot<T>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection
        .prepare_cached("SAVEPOINT snapshot")?
        .execute([])?;
    let found = read(connection);
    connection.prepare_cached("RELEASE snapshot")?.execute([])?;
    found
}

/// A JSON list of texts in a column.
fn list(row: &Row<'_>, index: usize) -> rusqlite::Result<Vec<String>> {
    let text = row.get_ref(index)?.as_str()?;
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error))
    })
}
