//! How to open a store.

use std::time::Duration;

/// How to open a database.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long a call may take. On SQLite: how long a write waits for another process's lock before it is answered
    /// [`StoreError::Locked`](super::StoreError::Locked). On PostgreSQL: the whole of any call, a new connection included.
    pub patience: Duration,
    /// Calls that may wait before the next is answered [`StoreError::Busy`](super::StoreError::Busy).
    pub queue: usize,
    /// SQLite: threads that read.
    pub readers: usize,
    /// PostgreSQL: most connections of this process.
    pub connections: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(5),
            queue: 4_096,
            readers: 2,
            connections: 16,
        }
    }
}
