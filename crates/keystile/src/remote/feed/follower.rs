//! The task that follows a feed: connects, reads until it ends, and connects again where it ended.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Response, Url};
use tokio::time::timeout;

use super::places::Places;
use super::stream::{self, Ended, Resume};
use super::{FeedChange, FeedState, Shared, request};
use crate::remote::FollowError;
use crate::remote::client::Clients;

/// After the first attempt in a row that failed; each further one doubles it.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Longest pause that is our own choice. While it lasts, tokens are refused though the issuer may be back.
const LONGEST_RETRY: Duration = Duration::from_secs(8);
/// Longest pause that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// Follows a feed.
pub(in crate::remote) struct Follower {
    shared: Arc<Shared>,
    clients: Clients,
    /// As they were when the feed was last connected to.
    places: Option<Places>,
    /// Where the feed was read to.
    resume: Option<Resume>,
    failures: u32,
}

impl Follower {
    /// `None` where another one follows it already.
    pub(in crate::remote) fn new(shared: &Arc<Shared>) -> Result<Option<Self>, FollowError> {
        let plan = shared.plan();
        let clients = Clients::new(plan.connect_timeout, &plan.roots)?;
        Ok(shared.begin().then(|| Self {
            shared: Arc::clone(shared),
            clients,
            places: None,
            resume: None,
            failures: 0,
        }))
    }

    /// Goes on until it is aborted.
    pub(in crate::remote) async fn run(mut self) {
        loop {
            let pause = match self.attempt().await {
                Ok(ended) => self.after_end(ended),
                Err(fault) => self.after_fault(&fault),
            };
            if !pause.is_zero() {
                let clock = self.shared.clock();
                let now = clock.now();
                clock.reach(now, now.saturating_add(pause)).await;
            }
        }
    }

    /// Connects, and reads until the server ends it.
    async fn attempt(&mut self) -> Result<Ended, FollowError> {
        self.shared
            .note(|status| status.state = FeedState::Connecting);
        let shared = Arc::clone(&self.shared);
        let plan = shared.plan();
        let within = plan.timeout;
        let opening = timeout(within, self.open()).await;
        let (url, response) = opening.unwrap_or_else(|_| {
            Err(FollowError::TimedOut {
                issuer: plan.issuer.clone(),
                within,
            })
        })?;
        shared.note(|status| {
            status.state = FeedState::CatchingUp;
            status.connections += 1;
        });
        shared.tell(FeedChange::Connected);
        stream::read(&shared, url, response, &mut self.resume).await
    }

    async fn open(&mut self) -> Result<(Url, Response), FollowError> {
        let shared = Arc::clone(&self.shared);
        let plan = shared.plan();
        let places = match self.places.take() {
            Some(places) => places,
            None => Places::find(&mut self.clients, plan, &shared.feed).await?,
        };
        let url = places.feed()?;
        let client = request::client(&mut self.clients, &url)?;
        let last_id = self.resume.as_ref().map(|resume| resume.id.as_str());
        let mut refused = None;
        loop {
            let clients = &mut self.clients;
            let tokens = &shared.tokens;
            let bearer = tokens
                .bearer(clients, &places, plan, refused.as_ref())
                .await?;
            let opened = request::open(&client, &url, bearer.clone(), last_id).await;
            match opened {
                Err(FollowError::TokenRefused { status: 401, .. }) if refused.is_none() => {
                    refused = Some(bearer);
                }
                Err(fault) => return Err(fault),
                Ok(response) => {
                    self.places = Some(places);
                    return Ok((url, response));
                }
            }
        }
    }

    /// At once, but for a server that ends each stream as soon as it has begun.
    fn after_end(&mut self, ended: Ended) -> Duration {
        self.shared.note(|status| status.state = FeedState::Lost);
        self.shared.tell(FeedChange::Ended);
        if ended.was_live {
            self.failures = 0;
        }
        if ended.was_live && ended.lasted >= FIRST_RETRY {
            return Duration::ZERO;
        }
        self.next_pause()
    }

    fn after_fault(&mut self, fault: &FollowError) -> Duration {
        self.places = None;
        self.shared.note(|status| {
            if status.state == FeedState::Live {
                self.failures = 0;
            }
            status.state = FeedState::Lost;
            status.fault = Some(fault.clone());
        });
        self.shared.tell(FeedChange::Lost(fault));
        let pause = self.next_pause();
        match fault {
            FollowError::Status {
                retry_after: Some(seconds),
                ..
            } => Duration::from_secs((*seconds).into())
                .min(LONGEST_ASKED)
                .max(pause),
            _ => pause,
        }
    }

    /// Half of it random, so that those who were cut off together do not come back together.
    fn next_pause(&mut self) -> Duration {
        let doubled = FIRST_RETRY.saturating_mul(1 << self.failures.min(8));
        self.failures = self.failures.saturating_add(1);
        let random = u32::from(u16::from_be_bytes(self.shared.plan().random.bytes()));
        let half = doubled.min(LONGEST_RETRY) / 2;
        half + half.mul_f64(f64::from(random) / 65_535.0)
    }
}

/// However it ended: another may follow.
impl Drop for Follower {
    fn drop(&mut self) {
        self.shared.end();
    }
}
