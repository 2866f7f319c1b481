//! The bounded queue before the hashing threads: how long a newcomer would wait, by what hashes took so far.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::hash::{Cost, StoredHash};

/// Distinct costs whose times are remembered; an import with more is measured anew.
const MOST_COSTS: usize = 64;

/// One thing to compute. The answer's receiver is dropped when the caller has gone.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) cost: Cost,
    pub(super) answer: oneshot::Sender<Option<Done>>,
}

pub(super) enum Work {
    Hash {
        password: Zeroizing<String>,
        salt: [u8; 16],
    },
    Verify {
        password: Zeroizing<Vec<u8>>,
        stored: StoredHash,
    },
}

pub(super) enum Done {
    Hashed(String),
    Verified(bool),
}

/// What waits and what runs.
pub(super) struct Queue {
    jobs: VecDeque<Job>,
    running: usize,
    measured: HashMap<Cost, Duration>,
    done: HashMap<Cost, u64>,
    pub(super) closed: bool,
}

/// The queue is too long; the job's expected wait.
pub(super) struct Full(pub(super) Duration);

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            jobs: VecDeque::new(),
            running: 0,
            measured: HashMap::new(),
            done: HashMap::new(),
            closed: false,
        }
    }

    /// Takes a job, unless more wait than `most`, or it would wait longer than `longest` for `threads` threads.
    pub(super) fn push(
        &mut self,
        job: Job,
        most: usize,
        longest: Duration,
        threads: usize,
    ) -> Result<(), Full> {
        self.room(most, longest, threads)?;
        self.jobs.push_back(job);
        Ok(())
    }

    /// Whether it would take a job. Forgets those whose callers have gone, before it refuses one.
    pub(super) fn room(
        &mut self,
        most: usize,
        longest: Duration,
        threads: usize,
    ) -> Result<(), Full> {
        if self.refuses(most, longest, threads) {
            self.jobs.retain(|waiting| !waiting.answer.is_closed());
        }
        if self.refuses(most, longest, threads) {
            return Err(Full(self.wait(threads)));
        }
        Ok(())
    }

    fn refuses(&self, most: usize, longest: Duration, threads: usize) -> bool {
        let free = threads.saturating_sub(self.running + self.jobs.len());
        free == 0 && (self.jobs.len() >= most || self.wait(threads) > longest)
    }

    /// How long until a thread is free for a newcomer.
    fn wait(&self, threads: usize) -> Duration {
        let waiting: Duration = self.jobs.iter().map(|job| self.expected(job.cost)).sum();
        waiting / u32::try_from(threads).unwrap_or(u32::MAX).max(1)
    }

    /// What a hash of this cost took lately, or a guess for the first.
    fn expected(&self, cost: Cost) -> Duration {
        self.measured
            .get(&cost)
            .copied()
            .unwrap_or_else(|| guess(cost))
    }

    /// The next job whose caller still waits.
    pub(super) fn pop(&mut self) -> Option<Job> {
        while let Some(job) = self.jobs.pop_front() {
            if !job.answer.is_closed() {
                self.running += 1;
                return Some(job);
            }
        }
        None
    }

    /// A job of this cost took `time`: one part in eight of it enters the running mean.
    pub(super) fn finished(&mut self, cost: Cost, time: Duration) {
        self.running = self.running.saturating_sub(1);
        if self.measured.len() >= MOST_COSTS && !self.measured.contains_key(&cost) {
            self.measured.clear();
            self.done.clear();
        }
        let mean = self.measured.entry(cost).or_insert(time);
        *mean = (*mean * 7 + time) / 8;
        *self.done.entry(cost).or_default() += 1;
    }

    pub(super) fn waiting(&self) -> usize {
        self.jobs.len()
    }

    #[cfg(feature = "testing")]
    pub(super) fn done(&self) -> HashMap<Cost, u64> {
        self.done.clone()
    }

    /// Drops what waits; its callers hear that the pool is closed.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.jobs.clear();
    }
}

/// Argon2 moves about 4 GiB a second a core; bcrypt does about 16 rounds a millisecond. Only until measured.
fn guess(cost: Cost) -> Duration {
    match cost {
        Cost::Argon2(cost) => {
            Duration::from_nanos(250 * u64::from(cost.memory_kib) * u64::from(cost.passes))
        }
        Cost::Bcrypt(cost) => Duration::from_micros(60 << cost.min(20)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::argon2id::Argon2Cost;
    use super::*;

    const COST: Cost = Cost::Bcrypt(4);

    fn job() -> (Job, oneshot::Receiver<Option<Done>>) {
        let (answer, receiver) = oneshot::channel();
        let work = Work::Verify {
            password: Zeroizing::default(),
            stored: StoredHash::dummy(COST),
        };
        (
            Job {
                work,
                cost: COST,
                answer,
            },
            receiver,
        )
    }

    #[test]
    fn the_wait_is_what_the_queue_would_take() {
        let mut queue = Queue::new();
        queue.finished(COST, Duration::from_millis(100));
        let mut receivers = Vec::new();
        let mut taken = 0;
        loop {
            let (job, receiver) = job();
            receivers.push(receiver);
            match queue.push(job, 1_000, Duration::from_secs(1), 2) {
                Ok(()) => taken += 1,
                Err(Full(wait)) => {
                    assert_eq!(wait, Duration::from_millis(1_050));
                    break;
                }
            }
        }
        assert_eq!(taken, 21);
    }

    #[test]
    fn no_more_than_so_many_wait_and_those_who_left_make_room() {
        let mut queue = Queue::new();
        queue.running = 1;
        let (first, left) = job();
        let (second, _stays) = job();
        let (third, _comes) = job();
        let forever = Duration::from_secs(3_600);
        assert!(queue.push(first, 1, forever, 1).is_ok());
        assert!(queue.push(second, 1, forever, 1).is_err());
        drop(left);
        assert!(queue.push(third, 1, forever, 1).is_ok());
        assert_eq!(queue.waiting(), 1);
        assert!(queue.pop().is_some());
        assert!(queue.pop().is_none());
    }

    #[test]
    fn an_idle_pool_takes_a_job_whatever_it_costs() {
        let mut queue = Queue::new();
        let (job, _receiver) = job();
        assert!(queue.push(job, 0, Duration::ZERO, 1).is_ok());
    }

    #[test]
    fn times_of_ever_new_costs_do_not_pile_up() {
        let mut queue = Queue::new();
        for memory in 0..1_000 {
            let cost = Cost::Argon2(Argon2Cost::id(memory + 64, 1, 1));
            queue.finished(cost, Duration::from_millis(1));
        }
        assert!(queue.measured.len() <= MOST_COSTS && queue.done.len() <= MOST_COSTS);
    }
}
