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
    /// Of the requests that need no password hashed.
    times: Mutex<Times>,
}

impl Tally {
    /// Sends a request, and counts what becomes of it and how long that took.
    pub(super) async fn send(
        &self,
        client: &mut Client,
        request: &Request,
    ) -> anyhow::Result<Answer> {
        let watch = Stopwatch::start();
        let answer = self.send_hashed(client, request).await;
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.push(watch.elapsed());
        answer
    }

    /// The same of a request for which a password is hashed: how long that takes is the machine's affair, since hashing
    /// yields to everything else.
    pub(super) async fn send_hashed(
        &self,
        client: &mut Client,
        request: &Request,
    ) -> anyhow::Result<Answer> {
        let answer = client.send(request).await;
        self.requests.fetch_add(1, Ordering::Relaxed);
        match &answer {
            Err(_) => self.unanswered.fetch_add(1, Ordering::Relaxed),
            Ok(answer) if answer.is_busy() => self.refused.fetch_add(1, Ordering::Relaxed),
            Ok(_) => 0,
        };
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

    /// The longest that anybody waited whose request needs no password hashed.
    pub fn longest(&self) -> Duration {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.longest()
    }
}
