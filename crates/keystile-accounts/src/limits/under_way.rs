//! An attempt that was let through, until it is settled.

use std::sync::Arc;

use super::line::Lines;
use crate::store::{Held, Store};

/// Counts in the store as a failure would. Dropped before anything settled it (the queue was full, the caller went away,
/// something broke), it is given back, as nobody learned anything.
pub(super) struct UnderWay {
    held: Option<Held>,
    key: crate::store::Hash,
    store: Store,
    lines: Arc<Lines>,
}

impl UnderWay {
    pub(super) fn new(held: Held, store: Store, lines: Arc<Lines>) -> Self {
        Self {
            held: Some(held),
            key: held.key,
            store,
            lines,
        }
    }

    /// For a call of the store that gives it back with what it writes. Whether an error's call wrote is not always known,
    /// and what were given back twice would be another's: so from now on it lapses if that call fails.
    pub(super) fn hand_over(&mut self) -> Option<Held> {
        self.held.take()
    }

    /// That call is known to have written nothing.
    pub(super) fn take_back(&mut self, held: Option<Held>) {
        self.held = held;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let (key, lines) = (self.key, Arc::clone(&self.lines));
        let Some(held) = self.held else {
            lines.tell_of_a_leaving(&key);
            return;
        };
        let store = self.store.clone();
        // Where no runtime is left to do it, it lapses.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = store.settle_attempt(held, false).await {
                    tracing::debug!(%error, "an attempt could not be given back; it lapses");
                }
                lines.tell_of_a_leaving(&key);
            });
        }
    }
}
