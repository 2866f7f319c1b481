//! What those who verify and the task that follows the feed share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::introspect::Introspector;
use super::tokens::Tokens;
use super::{FeedChange, FeedState, FeedStatus, Plan};
use crate::remote::issuer::{self, lock};
use crate::remote::{FollowError, follow};
use crate::{Clock, Revocations, RevocationsOf, WhenStale};

/// What those who verify and the task that follows the feed share.
pub(in crate::remote) struct Shared {
    pub(super) issuer: Arc<issuer::Shared>,
    /// What was said of the feed.
    pub(super) feed: Arc<Plan>,
    pub(super) tokens: Tokens,
    pub(super) introspector: Option<Introspector>,
    list: Revocations,
    /// The part of the list that is this issuer's.
    pub(super) of: RevocationsOf,
    followed: AtomicBool,
    status: Mutex<FeedStatus>,
    /// How the first attempt went.
    first: watch::Sender<Option<Result<(), FollowError>>>,
    pub(super) introspections: AtomicU64,
}

impl Shared {
    pub(in crate::remote) fn new(plan: &Arc<Plan>, issuer: &Arc<issuer::Shared>) -> Self {
        let list = Revocations::with_capacity(plan.most_entries);
        let of = list.of_issuer(&issuer.plan.issuer);
        of.require_current_within(plan.serve_stale, WhenStale::Refuse);
        Self {
            issuer: Arc::clone(issuer),
            feed: Arc::clone(plan),
            tokens: Tokens::new(plan.source.clone()),
            introspector: plan.introspect.then(Introspector::new),
            list,
            of,
            followed: AtomicBool::new(false),
            status: Mutex::default(),
            first: watch::Sender::new(None),
            introspections: AtomicU64::new(0),
        }
    }

    /// What was said of the issuer.
    pub(super) fn plan(&self) -> &follow::Plan {
        &self.issuer.plan
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.issuer.plan.clock
    }

    pub(in crate::remote) fn list(&self) -> &Revocations {
        &self.list
    }

    /// Whether a task follows the feed.
    pub(in crate::remote) fn is_followed(&self) -> bool {
        self.followed.load(Ordering::Acquire)
    }

    /// Whether it is the caller who is to follow it now.
    pub(super) fn begin(&self) -> bool {
        !self.followed.swap(true, Ordering::AcqRel)
    }

    pub(super) fn end(&self) {
        self.followed.store(false, Ordering::Release);
        self.note(|status| status.state = FeedState::Lost);
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut FeedStatus)) {
        change(&mut lock(&self.status));
    }

    /// Tells of a change whoever wants to hear of it.
    pub(super) fn tell(&self, change: FeedChange<'_>) {
        let outcome = match change {
            FeedChange::Current => Some(Ok(())),
            FeedChange::Lost(fault) => Some(Err(fault.clone())),
            FeedChange::Connected | FeedChange::Ended => None,
        };
        if let Some(outcome) = outcome {
            self.first.send_if_modified(|first| {
                let is_first = first.is_none();
                first.get_or_insert(outcome);
                is_first
            });
        }
        if let Some(tell) = &self.feed.on_change {
            tell(change);
        }
    }

    /// Waits until all is known for the first time, or the first attempt has failed.
    pub(in crate::remote) async fn first_outcome(&self) -> Result<(), FollowError> {
        let mut first = self.first.subscribe();
        let outcome = first.wait_for(Option::is_some).await;
        match outcome.as_deref() {
            Ok(Some(Err(fault))) => Err(fault.clone()),
            // The sender lives as long as this.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    pub(in crate::remote) fn status(&self) -> FeedStatus {
        let now = self.clock().now();
        let marked_at = self.of.marked_at();
        FeedStatus {
            current: self.list.is_current(Some(&self.plan().issuer), now),
            marked_at,
            stale_for: marked_at.map(|at| now.since(at)),
            entries: self.list.len(),
            introspections: self.introspections.load(Ordering::Relaxed),
            ..lock(&self.status).clone()
        }
    }
}
