//! Asking the issuer about one token (RFC 7662), while what it revokes is not heard of.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::digest;
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use super::places::Places;
use super::{Shared, request};
use crate::guard::Later;
use crate::remote::FollowError;
use crate::remote::client::Clients;
use crate::remote::issuer::lock;
use crate::{Guard, Reason, Timestamp};

/// How long the answer "it is good" counts.
const GOOD_FOR: Duration = Duration::from_secs(5);
/// A token that is not good never is again: this bounds memory only.
const BAD_FOR: Duration = Duration::from_secs(60);
/// Most answers that are remembered.
const MOST_KNOWN: usize = 10_000;
/// Most tokens that are asked about at a time. One more is answered with 503 at once.
const MOST_ASKED: usize = 256;

type Hash = [u8; digest::SHA256_OUTPUT_LEN];
/// What the issuer says: `None` while it is asked.
type Answers = watch::Receiver<Option<Result<(), Reason>>>;

/// What the issuer said about tokens lately, and which of them it is being asked about.
#[derive(Default)]
pub(super) struct Introspector {
    known: Mutex<HashMap<Hash, Known>>,
    asked: Mutex<HashMap<Hash, Answers>>,
    desk: tokio::sync::Mutex<Option<Desk>>,
}

#[derive(Clone, Copy)]
struct Known {
    is_good: bool,
    from: Timestamp,
    until: Timestamp,
}

/// Where, and with which clients.
struct Desk {
    clients: Clients,
    places: Option<Places>,
}

/// The issuer's answer about a token that holds but for not knowing what is revoked; `None` where nobody is to be asked.
pub(in crate::remote) fn introspected(guard: &Guard, token: &str) -> Option<Later> {
    let now = guard.now();
    let verified = guard.verify_or_remember(token, now).ok()?;
    let feed = guard.verifier().followed_by(&verified)?.feed()?;
    feed.introspector.as_ref()?;
    let (claims, key) = (verified.claims(), verified.key_id()?);
    // Where it is the guard's own list that is not known, the issuer's word does not replace it.
    if !guard.revoked().is_same(feed.list()) {
        guard.revoked().check(claims, key, now).ok()?;
    }
    let mut answers = match feed.look_up(token) {
        Ok(known) => {
            let answer = known.map(|()| verified).map_err(Into::into);
            return Some(Box::pin(std::future::ready(answer)));
        }
        Err(answers) => answers?,
    };
    let limit = feed.plan().timeout;
    Some(Box::pin(async move {
        let answer = timeout(limit, answers.wait_for(Option::is_some)).await;
        let answer = answer.ok().and_then(Result::ok).and_then(|answer| *answer);
        let answer = answer.unwrap_or(Err(Reason::RevocationUnknown));
        answer.map(|()| verified).map_err(Into::into)
    }))
}

impl Shared {
    /// What is known of a token, or who will be told; nobody, where too many are asked about.
    fn look_up(self: &Arc<Self>, token: &str) -> Result<Result<(), Reason>, Option<Answers>> {
        let Some(introspector) = &self.introspector else {
            return Err(None);
        };
        let hash = hash(token);
        let mut asked = lock(&introspector.asked);
        // Read under the lock: what was answered is known before it is asked about no more.
        if let Some(known) = introspector.recall(&hash, self.clock().now()) {
            return Ok(known);
        }
        if let Some(answers) = asked.get(&hash) {
            return Err(Some(answers.clone()));
        }
        if asked.len() >= MOST_ASKED {
            return Err(None);
        }
        let runtime = Handle::try_current().map_err(|_| None)?;
        let (answer, answers) = watch::channel(None);
        asked.insert(hash, answers.clone());
        drop(asked);
        // A task of its own: whoever gives up waiting ends nothing for the others.
        let asking = Asking {
            shared: Arc::clone(self),
            hash,
        };
        let token = crate::Secret::from(token);
        runtime.spawn(async move {
            let said = asking.ask(&token).await;
            answer.send_replace(Some(said));
        });
        Err(Some(answers))
    }
}

impl Introspector {
    fn recall(&self, hash: &Hash, now: Timestamp) -> Option<Result<(), Reason>> {
        let known = *lock(&self.known).get(hash)?;
        if now < known.from || now >= known.until {
            return None;
        }
        Some(if known.is_good {
            Ok(())
        } else {
            Err(Reason::TokenRevoked)
        })
    }

    fn remember(&self, hash: Hash, is_good: bool, now: Timestamp) {
        let mut known = lock(&self.known);
        if known.len() >= MOST_KNOWN {
            known.retain(|_, known| now >= known.from && now < known.until);
        }
        if known.len() >= MOST_KNOWN {
            // They can all be asked about again.
            known.clear();
        }
        let by = if is_good { GOOD_FOR } else { BAD_FOR };
        let until = now.saturating_add(by);
        let from = now;
        known.insert(
            hash,
            Known {
                is_good,
                from,
                until,
            },
        );
    }
}

/// A question under way.
struct Asking {
    shared: Arc<Shared>,
    hash: Hash,
}

impl Asking {
    async fn ask(&self, token: &crate::Secret) -> Result<(), Reason> {
        let shared = &self.shared;
        shared.introspections.fetch_add(1, Ordering::Relaxed);
        let asked_at = shared.clock().now();
        let answer = timeout(shared.plan().timeout, shared.introspect(token)).await;
        match answer {
            Ok(Ok(is_good)) => {
                if let Some(introspector) = &shared.introspector {
                    introspector.remember(self.hash, is_good, asked_at);
                }
                if is_good {
                    Ok(())
                } else {
                    Err(Reason::TokenRevoked)
                }
            }
            Ok(Err(fault)) => {
                shared.note(|status| status.fault = Some(fault));
                Err(Reason::RevocationUnknown)
            }
            Err(_) => Err(Reason::RevocationUnknown),
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(introspector) = &self.shared.introspector {
            lock(&introspector.asked).remove(&self.hash);
        }
    }
}

impl Shared {
    /// Whether the issuer says that a token is active.
    async fn introspect(&self, token: &crate::Secret) -> Result<bool, FollowError> {
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

fn hash(token: &str) -> Hash {
    let mut hash = Hash::default();
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}
