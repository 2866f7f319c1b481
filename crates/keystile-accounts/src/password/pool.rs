//! The hashing pool: operating-system threads of the lowest priority, so that a storm of sign-ins does not touch
//! what else the program does, and each with its own memory, so that it stays flat.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use argon2::Block;
use keystile::Random;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::argon2id::{Argon2Cost, Argon2Hash};
use super::bcrypt::BcryptHash;
use super::hash::{Cost, StoredHash, UnreadableHash};
use super::policy::normalise;
use super::queue::{Done, Full, Job, Queue, Work};
use super::settings::Hashing;

/// An idle thread gives its memory back after this.
const IDLE: Duration = Duration::from_secs(30);

/// Hashes and verifies passwords. The threads end with the last clone.
#[derive(Clone)]
pub(crate) struct Pool {
    threads: Arc<Threads>,
}

struct Threads {
    shared: Arc<Shared>,
    count: usize,
    settings: Hashing,
    cost: Argon2Cost,
    random: Random,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    keep_blocks: usize,
}

/// What a verification found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The password is the hash's.
    pub(crate) matches: bool,
    /// The hash is to be replaced by one of ours, as it is foreign or weaker, and may be.
    pub(crate) replace: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PoolError {
    Busy { retry_after: Duration },
    Closed,
    Failed,
}

impl Pool {
    /// Starts the threads.
    pub(crate) fn start(settings: Hashing, random: Random) -> Result<Self, std::io::Error> {
        let count = settings
            .threads
            .or_else(|| thread::available_parallelism().ok().map(usize::from))
            .unwrap_or(1);
        let cost = Argon2Cost::id(settings.memory_kib, settings.passes, settings.lanes);
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::new()),
            wake: Condvar::new(),
            keep_blocks: cost.blocks(),
        });
        let threads = Arc::new(Threads {
            shared,
            count,
            settings,
            cost,
            random,
        });
        for number in 0..count {
            let shared = Arc::clone(&threads.shared);
            thread::Builder::new()
                .name(format!("keystile-hash-{number}"))
                .spawn(move || shared.work())?;
        }
        Ok(Self { threads })
    }

    /// Whether the settings are ones that Argon2 allows.
    pub(crate) fn check(settings: Hashing) -> Result<(), UnreadableHash> {
        Argon2Cost::id(settings.memory_kib, settings.passes, settings.lanes).check()
    }

    /// The cost of the hashes that it makes.
    pub(crate) fn cost(&self) -> Cost {
        Cost::Argon2(self.threads.cost)
    }

    /// Hashes a password that the policy has passed and normalised.
    pub(crate) async fn hash(&self, password: Zeroizing<String>) -> Result<String, PoolError> {
        let work = Work::Hash {
            password,
            salt: self.threads.random.bytes(),
        };
        match self.run(work, self.cost()).await? {
            Done::Hashed(encoded) => Ok(encoded),
            Done::Verified(_) => Err(PoolError::Failed),
        }
    }

    /// Checks a password against a stored hash: ours over NFKC, foreign ones over the raw bytes.
    pub(crate) async fn verify(
        &self,
        password: &str,
        stored: StoredHash,
    ) -> Result<Verdict, PoolError> {
        let (cost, ours) = (stored.cost(), stored.cost() == self.cost());
        let normal = normalise(password);
        let too_long = normal.is_none();
        let whole = match &stored {
            StoredHash::Bcrypt(_) => BcryptHash::covers(password.as_bytes()),
            StoredHash::Argon2(_) => true,
        };
        let bytes = match (&stored, normal) {
            // The same work as any other, over something short.
            (_, None) => Zeroizing::default(),
            (StoredHash::Argon2(_), Some(normal)) => Zeroizing::new(normal.as_bytes().to_vec()),
            (StoredHash::Bcrypt(_), Some(_)) => Zeroizing::new(password.as_bytes().to_vec()),
        };
        match self
            .run(
                Work::Verify {
                    password: bytes,
                    stored,
                },
                cost,
            )
            .await?
        {
            Done::Verified(same) => {
                let matches = same && !too_long;
                Ok(Verdict {
                    matches,
                    replace: matches && !ours && whole,
                })
            }
            Done::Hashed(_) => Err(PoolError::Failed),
        }
    }

    async fn run(&self, work: Work, cost: Cost) -> Result<Done, PoolError> {
        let (answer, receiver) = oneshot::channel();
        self.submit(Job { work, cost, answer })?;
        match receiver.await {
            Ok(Some(done)) => Ok(done),
            Ok(None) => Err(PoolError::Failed),
            Err(_) => Err(PoolError::Closed),
        }
    }

    /// Whether the queue would take a password on now. It may be refused all the same: others may come first.
    pub(crate) fn has_room(&self) -> Result<(), PoolError> {
        let Threads {
            shared,
            count,
            settings,
            ..
        } = &*self.threads;
        let mut queue = shared.lock();
        let room = queue.room(settings.queue, settings.longest_wait, *count);
        room.map_err(busy)
    }

    fn submit(&self, job: Job) -> Result<(), PoolError> {
        let Threads {
            shared,
            count,
            settings,
            ..
        } = &*self.threads;
        let mut queue = shared.lock();
        if queue.closed {
            return Err(PoolError::Closed);
        }
        queue
            .push(job, settings.queue, settings.longest_wait, *count)
            .map_err(busy)?;
        drop(queue);
        shared.wake.notify_one();
        Ok(())
    }

    /// Jobs that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.threads.shared.lock().waiting()
    }

    /// Jobs done so far, by cost.
    #[cfg(feature = "testing")]
    pub(crate) fn done(&self) -> std::collections::HashMap<Cost, u64> {
        self.threads.shared.lock().done()
    }

    /// Drops what waits and ends the threads when they are through with what they do.
    pub(crate) fn close(&self) {
        self.threads.close();
    }
}

fn busy(Full(wait): Full) -> PoolError {
    PoolError::Busy {
        retry_after: wait.max(Duration::from_secs(1)),
    }
}

impl Threads {
    fn close(&self) {
        self.shared.lock().close();
        self.shared.wake.notify_all();
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// A thread that panicked left the queue whole: every change to it is one step.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One thread's life.
    fn work(&self) {
        lowest_priority();
        let mut memory = Vec::new();
        while let Some(job) = self.next(&mut memory) {
            let started = now();
            // A panic is a defect; it costs its own caller an error, not everybody a thread.
            let done = catch_unwind(AssertUnwindSafe(|| compute(&job, &mut memory)));
            if done.is_err() {
                tracing::error!("hashing a password broke off inside the program");
            }
            if done.is_err() || memory.len() > self.keep_blocks {
                memory = Vec::new();
            }
            self.lock().finished(job.cost, started.elapsed());
            // The caller may have gone in the meantime.
            let _ = job.answer.send(done.unwrap_or(None));
        }
    }

    /// Waits for a job; `None` when the pool is closed. Idle, it gives the memory back.
    fn next(&self, memory: &mut Vec<Block>) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.pop() {
                return Some(job);
            }
            if memory.is_empty() {
                queue = self
                    .wake
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (held, timed_out) = self
                .wake
                .wait_timeout(queue, IDLE)
                .unwrap_or_else(PoisonError::into_inner);
            queue = held;
            if timed_out.timed_out() {
                *memory = Vec::new();
            }
        }
    }
}

fn compute(job: &Job, memory: &mut Vec<Block>) -> Option<Done> {
    match &job.work {
        Work::Hash { password, salt } => {
            let Cost::Argon2(cost) = job.cost else {
                return None;
            };
            Argon2Hash::hash(cost, *salt, password.as_bytes(), memory).map(Done::Hashed)
        }
        Work::Verify { password, stored } => match stored {
            StoredHash::Argon2(hash) => hash.matches(password, memory).map(Done::Verified),
            StoredHash::Bcrypt(hash) => Some(Done::Verified(hash.matches(password))),
        },
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures how long a hash takes; decides nothing about tokens"
)]
fn now() -> Instant {
    Instant::now()
}

/// On Linux a thread has a niceness of its own (setpriority(2)); elsewhere only the process has one, so it is left.
#[cfg(target_os = "linux")]
fn lowest_priority() {
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 19) {
        tracing::debug!(%error, "hashing threads keep the usual priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn lowest_priority() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_costs_its_own_caller_only() {
        let settings = Hashing::default().cost(8, 1, 1).threads(1);
        let pool = Pool::start(settings, Random::seeded(1)).unwrap();
        // No parsed hash has such a cost: bcrypt itself panics at it.
        let impossible = StoredHash::dummy(Cost::Bcrypt(99));
        for _ in 0..2 {
            let broken = pool.verify("a password", impossible.clone()).await;
            assert_eq!(broken, Err(PoolError::Failed));
        }
        let hash = pool.hash(Zeroizing::new("a password".to_owned())).await;
        let stored = StoredHash::parse(&hash.unwrap()).unwrap();
        assert!(pool.verify("a password", stored).await.unwrap().matches);
    }
}
