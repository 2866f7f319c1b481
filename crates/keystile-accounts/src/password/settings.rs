//! What hashing costs.

use std::time::Duration;

/// Argon2id's cost and the size of the pool that computes it. The default is m = 19456 KiB, t = 2, p = 1
/// (OWASP's smallest), one thread a core, and a queue that nobody waits in for more than about 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashing {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
    pub(crate) threads: Option<usize>,
    pub(crate) queue: usize,
    pub(crate) longest_wait: Duration,
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
            threads: None,
            queue: 1_024,
            longest_wait: Duration::from_secs(5),
        }
    }
}

impl Hashing {
    /// Argon2id's memory in KiB, passes and lanes (RFC 9106). Weaker ones than the default are for tests only.
    #[must_use]
    pub fn cost(mut self, memory_kib: u32, passes: u32, lanes: u32) -> Self {
        self.memory_kib = memory_kib;
        self.passes = passes;
        self.lanes = lanes;
        self
    }

    /// The number of hashing threads; as many as cores if not set. Each keeps one hash's memory.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    /// The most jobs that may wait, whatever the time they would take.
    #[must_use]
    pub fn queue(mut self, jobs: usize) -> Self {
        self.queue = jobs;
        self
    }

    /// The longest that a job may expect to wait: beyond it the caller is told at once to come back.
    #[must_use]
    pub fn longest_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }
}
