//! A few connections to one file, each opened when it is first needed and kept: none is opened for a query.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// How long a connection waits for another process's write.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Connections that serve one at a time each. Whoever comes when all are busy waits, in order.
#[derive(Debug)]
pub(crate) struct Pool {
    file: PathBuf,
    pragmas: &'static str,
    free: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    /// At most `size` connections, each set up by `pragmas`.
    pub(crate) fn new(file: PathBuf, size: usize, pragmas: &'static str) -> Arc<Self> {
        Arc::new(Self {
            file,
            pragmas,
            free: Arc::new(Semaphore::new(size)),
            idle: Mutex::default(),
        })
    }

    /// Runs blocking work on a connection, off the threads that serve requests. Work that has begun is finished, also
    /// when the request that asked for it is gone.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.permit().await?;
        let pool = Arc::clone(self);
        let worked = tokio::task::spawn_blocking(move || {
            let worked = pool.lend(work);
            drop(permit);
            worked
        });
        Ok(worked.await??)
    }

    /// As [`run`](Self::run), in a transaction that has the right to write from its beginning.
    pub(crate) async fn transact<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run(|connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        })
        .await
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        Arc::clone(&self.free).acquire_owned().await
    }

    /// Runs work on a connection, on this thread, whether others are busy or not.
    pub(crate) fn lend<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let worked = work(&mut connection);
        // One that a failed transaction is still open on is closed.
        if connection.is_autocommit() {
            self.idle().push(connection);
        }
        worked
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        // The file is there, and its name is a path, whatever it begins with.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.file, flags)?;
        connection.busy_timeout(LOCK_WAIT)?;
        connection.execute_batch(self.pragmas)?;
        Ok(connection)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const SIZE: usize = 2;

    fn pool() -> (tempfile::TempDir, Arc<Pool>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pool.db");
        let made = Connection::open(&file).unwrap();
        made.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE row (id INTEGER)")
            .unwrap();
        (folder, Pool::new(file, SIZE, "PRAGMA synchronous = OFF;"))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_few_connections_serve_everybody() {
        let (_folder, pool) = pool();
        let at_work = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let runs = (0..100).map(|_| {
            let (pool, at_work) = (Arc::clone(&pool), Arc::clone(&at_work));
            tokio::spawn(async move {
                let work = move |connection: &mut Connection| {
                    let (now, most) = &*at_work;
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let counted = connection.query_row("SELECT count(*) FROM row", [], |_| Ok(()));
                    now.fetch_sub(1, Ordering::SeqCst);
                    counted
                };
                pool.run(work).await
            })
        });
        for run in runs.collect::<Vec<_>>() {
            run.await.unwrap().unwrap();
        }
        assert!(at_work.1.load(Ordering::SeqCst) <= SIZE);
        assert!((1..=SIZE).contains(&pool.idle().len()));
    }

    #[tokio::test]
    async fn what_fails_leaves_nothing_behind_and_no_transaction_open() {
        let (_folder, pool) = pool();
        let failed = pool.transact(|work| {
            work.execute("INSERT INTO row VALUES (1)", [])?;
            work.execute("INSERT INTO nowhere VALUES (1)", [])
        });
        assert!(failed.await.is_err());
        let left_open = pool.run(|connection| connection.execute_batch("BEGIN"));
        left_open.await.unwrap();
        assert!(pool.idle().is_empty(), "it was closed");
        let rows = pool.run(|connection| {
            connection.query_row("SELECT count(*) FROM row", [], |row| row.get::<_, i64>(0))
        });
        assert_eq!(rows.await.unwrap(), 0);
    }
    /// Else it could be told in the middle, after what it has read, that somebody else wrote first.
    #[tokio::test]
    async fn a_transaction_has_the_right_to_write_before_it_reads() {
        let (folder, pool) = pool();
        let other = Connection::open(folder.path().join("pool.db")).unwrap();
        other.busy_timeout(Duration::ZERO).unwrap();
        let between = pool.transact(move |work| {
            work.query_row("SELECT count(*) FROM row", [], |_| Ok(()))?;
            let written = other.execute("INSERT INTO row VALUES (1)", []);
            Ok(written.is_ok())
        });
        assert!(!between.await.unwrap(), "somebody wrote in between");
    }
}
