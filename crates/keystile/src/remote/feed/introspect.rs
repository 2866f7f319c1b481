//! Asking the issuer about one token (RFC 7662), while what it revokes is not heard of.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Deserialize;

use super::places::Places;
use super::{Shared, request};
use crate::guard::Later;
use crate::remote::FollowError;
use crate::remote::client::Clients;
use crate::remote::inquiry::{Asked, Bounds, Inquiries, Said, name_of};
use crate::{Guard, Reason, Secret};

/// How long the answer "it is good" counts.
const GOOD_FOR: Duration = Duration::from_secs(5);
/// A token that is not good never is again: this bounds memory only.
const BAD_FOR: Duration = Duration::from_secs(60);
/// Bytes of good answers that are remembered: about ten thousand.
const MEMORY: usize = 1280 * 1024;

/// What the issuer said about tokens lately, which of them it is being asked about, and how it is asked.
pub(super) struct Introspector {
    inquiries: Arc<Inquiries<()>>,
    desk: tokio::sync::Mutex<Option<Desk>>,
}

impl Introspector {
    pub(super) fn new() -> Self {
        Self {
            inquiries: Arc::new(Inquiries::new(MEMORY)),
            desk: tokio::sync::Mutex::default(),
        }
    }
}

/// Where, and with which clients.
struct Desk {
    clients: Clients,
    places: Option<Places>,
}

/// The issuer's answer about a token that holds but for not knowing what is revoked; `None` where nobody is to be asked.
pub(in crate::remote) fn introspected(guard: &Guard, token: &str) -> Option<Later> {
    let now = guard.now();
    let verified = guard.verify_or_remember(&token.into(), now).ok()?;
    let feed = guard.verifier().followed_by(&verified)?.feed()?;
    let inquiries = Arc::clone(&feed.introspector.as_ref()?.inquiries);
    let (claims, key) = (verified.claims(), verified.key_id()?);
    // Where it is the guard's own list that is not known, the issuer's word does not replace it.
    if !guard.revoked().is_same(feed.list()) {
        guard.revoked().check(claims, key, now).ok()?;
    }
    let asked = feed.ask_about(&inquiries, token)?;
    let (clock, name) = (feed.clock().clone(), name_of(token.as_bytes()));
    Some(Box::pin(async move {
        if let Asked::Waits(answered) = asked {
            answered.wait().await;
        }
        match inquiries.recall(&name, clock.now()) {
            Some(Ok(())) => Ok(verified),
            Some(Err(reason)) => Err(reason.into()),
            None => Err(Reason::RevocationUnknown.into()),
        }
    }))
}

impl Shared {
    /// Has the issuer asked, unless it was lately. Only who holds a good token has it asked: no flood is counted.
    fn ask_about(self: &Arc<Self>, inquiries: &Arc<Inquiries<()>>, token: &str) -> Option<Asked> {
        let bounds = Bounds {
            timeout: self.plan().timeout,
            no_for: BAD_FOR,
            cool_down: Duration::ZERO,
            ..Bounds::remembering(GOOD_FOR)
        };
        let (shared, secret) = (Arc::clone(self), Secret::from(token));
        let question = move || async move {
            shared.introspections.fetch_add(1, Ordering::Relaxed);
            match shared.introspect(&secret).await {
                Ok(true) => Said::Yes((), 0),
                // Signed, and not expired: it was good until it was revoked.
                Ok(false) => Said::No(Reason::TokenRevoked),
                Err(fault) => {
                    shared.note(|status| status.fault = Some(fault));
                    Said::Unknown
                }
            }
        };
        inquiries.ask(name_of(token.as_bytes()), self.clock(), bounds, question)
    }

    /// Whether the issuer says that a token is active.
    async fn introspect(&self, token: &Secret) -> Result<bool, FollowError> {
        #[derive(Deserialize)]
        struct Answer {
            active: bool,
        }
        let Some(introspector) = &self.introspector else {
            return Ok(false);
        };
        let (client, url, credentials) = {
            let mut desk = introspector.desk.lock().await;
            self.prepare(&mut desk).await?
        };
        let token = String::from_utf8_lossy(token.expose());
        let form = format!(
            "token={}&token_type_hint=access_token",
            request::encoded(&token)
        );
        let answer = request::post(&client, &url, credentials, form).await;
        if answer.is_err() {
            // It may have moved.
            *introspector.desk.lock().await = None;
        }
        answer.map(|Answer { active }| active)
    }

    async fn prepare(
        &self,
        desk: &mut Option<Desk>,
    ) -> Result<(reqwest::Client, reqwest::Url, reqwest::header::HeaderValue), FollowError> {
        let plan = self.plan();
        let desk = match desk {
            Some(desk) => desk,
            None => desk.insert(Desk {
                clients: Clients::new(plan.connect_timeout, &plan.roots)?,
                places: None,
            }),
        };
        let clients = &mut desk.clients;
        let places = match &mut desk.places {
            Some(places) => places,
            none => none.insert(Places::find(clients, plan, &self.feed).await?),
        };
        let url = places.introspection()?;
        let client = request::client(clients, &url)?;
        let credentials = self.tokens.for_introspection(clients, places, plan).await?;
        Ok((client, url, credentials))
    }
}
