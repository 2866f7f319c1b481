//! Whether the server wants requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// A switch shared by the router and whoever shuts the server down. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    draining: AtomicBool,
    ended: watch::Sender<bool>,
}

impl Readiness {
    /// From now on `/readyz` answers 503, and every answer closes its connection: the server is about to end.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the server is about to end.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// Ends the answers that have no end of their own, those of the revocation feed, now: for the moment in which no more
    /// connections are taken. Their readers go on at once elsewhere, so it is not to be said before a balancer knows.
    pub fn end_streams(&self) {
        self.0.ended.send_replace(true);
    }

    /// When [`end_streams`](Self::end_streams) was said.
    pub(crate) async fn ended(self) {
        let mut ended = self.0.ended.subscribe();
        // The sender is this value's own: it cannot go.
        let _ = ended.wait_for(|ended| *ended).await;
    }
}
