//! The writer: one thread that owns the write connection and commits jobs in groups.
//!
//! A group is what waits when the writer gets to it; a lone job waits for nobody. Each job has its own savepoint, so that one
//! user's conflict never touches another's write. Answers leave after COMMIT, which waits for the disk unless all that is in it
//! may be lost with the machine; a COMMIT that fails, fails them all.

use std::cell::RefCell;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use rusqlite::{Connection, Error};
use tokio::sync::{mpsc, oneshot};

use super::super::{OnRevoked, RevocationRecord, StoreError, WriteError};
use super::error::translate;

/// Most jobs in one transaction: a bound on how long other processes wait for the lock.
const MOST_IN_GROUP: usize = 512;

/// What a job writes with: the connection, inside the job's savepoint.
#[derive(Debug)]
pub struct Work<'a> {
    connection: &'a Connection,
    revoked: RefCell<Vec<RevocationRecord>>,
}

impl Work<'_> {
    /// Runs a cached statement; answers how many rows it changed.
    pub(super) fn run(
        &self,
        sql: &'static str,
        values: impl rusqlite::Params,
    ) -> Result<usize, WriteError> {
        Ok(self.connection.prepare_cached(sql)?.execute(values)?)
    }

    /// Notes a revocation that was inserted, to be told after the commit.
    pub(super) fn note_revoked(&self, record: RevocationRecord) {
        self.revoked.borrow_mut().push(record);
    }
}

impl Deref for Work<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

/// What is sent to the writer.
pub(super) enum Message {
    Job(Box<dyn Pending>),
    Stop(oneshot::Sender<()>),
}

/// A job between its queue and its answer.
pub(super) trait Pending: Send {
    /// Whether anybody still waits for the answer.
    fn is_wanted(&self) -> bool;
    /// Whether it may be lost with the machine, though not with the process.
    fn is_passing(&self) -> bool;
    /// Does the work; `false` asks for its savepoint to be rolled back.
    fn run(&mut self, work: &Work<'_>) -> bool;
    /// Sends the answer: the job's own, or that the group failed.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

/// A job made of a closure.
pub(super) struct Job<F, T> {
    pub(super) work: Option<F>,
    pub(super) passing: bool,
    pub(super) outcome: Option<Result<T, WriteError>>,
    pub(super) reply: oneshot::Sender<Result<T, WriteError>>,
}

impl<F, T> Pending for Job<F, T>
where
    F: FnOnce(&Work<'_>) -> Result<T, WriteError> + Send,
    T: Send,
{
    fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    fn is_passing(&self) -> bool {
        self.passing
    }

    fn run(&mut self, work: &Work<'_>) -> bool {
        self.outcome = self.work.take().map(|job| job(work));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        // Nobody hears an answer to a request that was given up; that is no error.
        let _ = self.reply.send(match (failure, self.outcome) {
            // What failed the whole group says more in the job that met it.
            (Some(_), Some(Err(WriteError::Store(own)))) => Err(own.into()),
            (Some(failure), _) => Err(failure.into()),
            (None, Some(outcome)) => outcome,
            (None, None) => {
                Err(StoreError::Database("a write broke off inside the program".to_owned()).into())
            }
        });
    }
}

/// The writer's own state, on its thread.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) queue: mpsc::Receiver<Message>,
    pub(super) told: Arc<OnceLock<OnRevoked>>,
    /// Whether a commit waits for the disk now, as it does at the beginning.
    pub(super) flushes: bool,
    /// A job that the last group did not take on.
    pub(super) left: Option<Box<dyn Pending>>,
}

/// The jobs of one transaction and what they revoked.
#[derive(Default)]
struct Group {
    jobs: Vec<Box<dyn Pending>>,
    revoked: Vec<RevocationRecord>,
}

impl Writer {
    /// Works until it is told to stop or nobody is left to ask.
    pub(super) fn work(mut self) {
        while let Some(message) = self.next() {
            let stop = match message {
                Message::Job(job) => self.commit_group(job),
                Message::Stop(done) => Some(done),
            };
            if let Some(done) = stop {
                self.queue.close();
                drop(self.connection);
                let _ = done.send(());
                return;
            }
        }
    }

    fn next(&mut self) -> Option<Message> {
        match self.left.take() {
            Some(job) => Some(Message::Job(job)),
            None => self.queue.blocking_recv(),
        }
    }

    /// One transaction: `first`, and whatever else waits. Answers a request to stop that it met. A group of passing jobs
    /// alone does not wait for the disk; one of others takes passing ones along.
    fn commit_group(&mut self, first: Box<dyn Pending>) -> Option<oneshot::Sender<()>> {
        let passing = first.is_passing();
        let begun = self.flush_at_commit(!passing);
        if let Err(error) = begun.and_then(|()| self.execute("BEGIN IMMEDIATE")) {
            return self.refuse_waiting(first, &error);
        }
        let mut group = Group::default();
        let mut stop = None;
        let mut next = Some(first);
        while let Some(job) = next.take() {
            self.run_job(job, &mut group);
            if self.connection.is_autocommit() || group.jobs.len() >= MOST_IN_GROUP {
                break;
            }
            match self.queue.try_recv() {
                Ok(Message::Job(job)) if passing && !job.is_passing() => self.left = Some(job),
                Ok(Message::Job(job)) => next = Some(job),
                Ok(Message::Stop(done)) => stop = Some(done),
                Err(_) => {}
            }
        }
        self.finish(group);
        stop
    }

    /// Between transactions. Not from the cache of statements: SQLite takes this word when it prepares it.
    fn flush_at_commit(&mut self, flush: bool) -> Result<(), Error> {
        if self.flushes != flush {
            let how = if flush { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", how)?;
            self.flushes = flush;
        }
        Ok(())
    }

    /// Runs a job in its own savepoint.
    fn run_job(&self, mut job: Box<dyn Pending>, group: &mut Group) {
        if !job.is_wanted() {
            return;
        }
        let work = Work {
            connection: &self.connection,
            revoked: RefCell::default(),
        };
        let kept = self.execute("SAVEPOINT job").is_ok()
            // A panic is a defect; it costs its own caller an error, not everybody the writer.
            && catch_unwind(AssertUnwindSafe(|| job.run(&work))).unwrap_or(false);
        let settled = if kept {
            self.execute("RELEASE job")
        } else {
            self.execute("ROLLBACK TO job")
                .and_then(|()| self.execute("RELEASE job"))
        };
        if settled.is_err() && !self.connection.is_autocommit() {
            // Without its savepoint settled the job cannot be told from the others: nothing of this group is kept.
            let _ = self.execute("ROLLBACK");
        }
        if kept {
            group.revoked.append(&mut work.revoked.into_inner());
        }
        group.jobs.push(job);
    }

    /// Commits and answers.
    fn finish(&self, group: Group) {
        // SQLite ends the transaction itself on some errors (disk full, I/O): then there is nothing to commit.
        let committed = if self.connection.is_autocommit() {
            Err(None)
        } else {
            self.execute("COMMIT").map_err(Some)
        };
        if committed.is_err() && !self.connection.is_autocommit() {
            let _ = self.execute("ROLLBACK");
        }
        if committed.is_ok()
            && !group.revoked.is_empty()
            && let Some(told) = self.told.get()
        {
            // The write is on disk, so its answer stays what it is. Whoever follows the table hears of it by the next poll.
            let tell = AssertUnwindSafe(|| told(&group.revoked));
            if catch_unwind(tell).is_err() {
                tracing::error!(
                    "a revocation was committed, but telling of it broke off inside the program"
                );
            }
        }
        for job in group.jobs {
            job.answer(committed.as_ref().err().map(|error| match error {
                Some(error) => translate(error),
                None => {
                    StoreError::Database("the transaction was rolled back; try again".to_owned())
                }
            }));
        }
    }

    /// The lock was not to be had: everyone who waits is told at once, rather than each after a wait of their own. Who
    /// comes after the first is told gets a try of their own: the lock may be free by then.
    fn refuse_waiting(
        &mut self,
        first: Box<dyn Pending>,
        error: &Error,
    ) -> Option<oneshot::Sender<()>> {
        let waiting = self.queue.len();
        first.answer(Some(translate(error)));
        for _ in 0..waiting {
            match self.queue.try_recv() {
                Ok(Message::Job(job)) => job.answer(Some(translate(error))),
                Ok(Message::Stop(done)) => return Some(done),
                Err(_) => return None,
            }
        }
        None
    }

    fn execute(&self, sql: &'static str) -> Result<(), Error> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }
}
