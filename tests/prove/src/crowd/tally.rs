//! What a crowd was answered, all together, and whether it is to go on.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::client::{Answer, Client, Request};
use crate::figures::{Stopwatch, Times};

/// Shared by a crowd.
#[derive(Debug, Default)]
pub struct Tally {
    over: AtomicBool,
    requests: AtomicUsize,
    refused: AtomicUsize,
    unanswered: AtomicUsize,
    times: Mutex<Times>,
}

impl Tally {
    /// Sends a request, and counts what becomes of it.
    pub(super) async fn send(
        &self,
        client: &mut Client,
        request: &Request,
    ) -> anyhow::Result<Answer> {
        let watch = Stopwatch::start();
        let answer = client.send(request).await;
        let took = watch.elapsed();
        self.requests.fetch_add(1, Ordering::Relaxed);
        match &answer {
            Err(_) => self.unanswered.fetch_add(1, Ordering::Relaxed),
            Ok(answer) if answer.is_busy() => self.refused.fetch_add(1, Ordering::Relaxed),
            Ok(_) => 0,
        };
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.push(took);
        answer
    }

    /// Nobody begins anything new.
    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// How many requests were sent.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// How many of them were answered 503 with `Retry-After`.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many of them were not answered.
    pub fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// The longest that anybody waited.
    pub fn longest(&self) -> Duration {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.longest()
    }
}
