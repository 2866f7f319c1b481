//! Where an issuer's keys are, and how they are had.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;

use super::FollowError;
use super::address::{self, Allowed, Depth};
use super::client::{Answer, Asking, Clients};
use super::follow::Plan;
use super::metadata::{self, Document};
use crate::{KeySet, Timestamp};

/// An issuer's document is read again after so long, and after a fetch of its keys that failed.
const DOCUMENT_EVERY: Duration = Duration::from_secs(24 * 3_600);
/// Most keys of one set.
const MOST_KEYS: usize = 256;

/// Fetches an issuer's keys.
pub(super) struct Source {
    plan: Arc<Plan>,
    clients: Clients,
    place: Option<Place>,
    tag: Option<String>,
    /// The last fetch failed: the keys may have moved.
    doubted: bool,
}

/// Where the keys are.
struct Place {
    url: Url,
    allowed: Allowed,
    read_at: Timestamp,
}

/// What a fetch gave.
pub(super) struct Fetched {
    /// `None`: those of the last time.
    pub(super) keys: Option<KeySet>,
    pub(super) lifetime: Option<Duration>,
}

impl Source {
    pub(super) fn new(plan: Arc<Plan>) -> Result<Self, FollowError> {
        let clients = Clients::new(plan.connect_timeout, &plan.roots)?;
        let place = plan.keys_at.as_ref().map(|url| Place {
            url: url.clone(),
            allowed: Allowed::configured(url),
            read_at: Timestamp::MAX,
        });
        Ok(Self {
            plan,
            clients,
            place,
            tag: None,
            doubted: false,
        })
    }

    /// The keys as they are now; `anew`, past every cache.
    pub(super) async fn fetch(&mut self, anew: bool) -> Result<Fetched, FollowError> {
        let (url, allowed) = self.find().await?;
        // Until it is known to have gone well: this may end at any `await`, where its time is up.
        self.doubted = true;
        let asking = Asking {
            unless: self.tag.as_deref().filter(|_| !anew),
            anew,
        };
        let answer = self.clients.get(&url, allowed, asking).await?;
        let fetched = match &answer.body {
            None => Fetched {
                keys: None,
                lifetime: answer.lifetime,
            },
            Some(body) => {
                let keys = read_keys(&url, body)?;
                self.tag = answer.tag;
                Fetched {
                    keys: Some(keys),
                    lifetime: answer.lifetime,
                }
            }
        };
        self.doubted = false;
        Ok(fetched)
    }

    /// Where the keys are: as the application says, or as the issuer's document does. One that cannot be read just now
    /// takes nothing away from what is known; one that says something else does.
    async fn find(&mut self) -> Result<(Url, Allowed), FollowError> {
        let now = self.plan.clock.now();
        let known = match &mut self.place {
            Some(place) if self.plan.keys_at.is_some() => Some(place),
            Some(place) if !self.doubted && now.since(place.read_at) < DOCUMENT_EVERY => {
                Some(place)
            }
            Some(place) => {
                // Whatever becomes of the question, it is not asked each time.
                self.doubted = false;
                place.read_at = now;
                None
            }
            None => None,
        };
        if let Some(place) = known {
            return Ok((place.url.clone(), place.allowed));
        }
        match (self.ask(now).await, &self.place) {
            (Ok(place), known) => {
                if known.as_ref().is_none_or(|known| known.url != place.url) {
                    self.tag = None;
                }
                let found = (place.url.clone(), place.allowed);
                self.place = Some(place);
                Ok(found)
            }
            (Err(fault), Some(known)) if !contradicts(&fault) => {
                Ok((known.url.clone(), known.allowed))
            }
            (Err(fault), _) => {
                self.doubted = true;
                Err(fault)
            }
        }
    }

    async fn ask(&mut self, now: Timestamp) -> Result<Place, FollowError> {
        let plan = Arc::clone(&self.plan);
        discover(&mut self.clients, &plan, |document, place, depth| {
            let url = address::learned(&document.keys(place)?, &plan.issuer_url, depth)?;
            Ok(Place {
                allowed: Allowed::learned(&url, &plan.issuer_url, depth),
                url,
                read_at: now,
            })
        })
        .await
    }
}

/// Reads the issuer's document, wherever it is of the two places.
pub(super) async fn discover<T>(
    clients: &mut Clients,
    plan: &Plan,
    read: impl Fn(Document, &Url, Depth) -> Result<T, FollowError>,
) -> Result<T, FollowError> {
    let [first, second] = metadata::places(&plan.issuer_url);
    let one = match discover_at(clients, plan, &first, &read).await {
        // Both places are on one host.
        Err(fault) if !matches!(fault, FollowError::Unreachable { .. }) => fault,
        other => return other,
    };
    let other = discover_at(clients, plan, &second, &read).await;
    other.map_err(|fault| {
        if weight(&fault) > weight(&one) {
            fault
        } else {
            one
        }
    })
}

async fn discover_at<T>(
    clients: &mut Clients,
    plan: &Plan,
    place: &Url,
    read: &impl Fn(Document, &Url, Depth) -> Result<T, FollowError>,
) -> Result<T, FollowError> {
    let allowed = Allowed::configured(place);
    let Answer { body, depth, .. } = clients.get(place, allowed, Asking::default()).await?;
    let document = Document::read(&body.unwrap_or_default(), &plan.issuer, place)?;
    read(document, place, depth)
}

/// Whether a document was read that says something else than what is known.
fn contradicts(fault: &FollowError) -> bool {
    matches!(
        fault,
        FollowError::IssuerDiffers { .. } | FollowError::AddressRefused { .. }
    )
}

/// Which of two faults tells more.
fn weight(fault: &FollowError) -> u8 {
    match fault {
        FollowError::IssuerDiffers { .. } | FollowError::AddressRefused { .. } => 4,
        FollowError::Unreadable { .. } | FollowError::TooLarge { .. } => 3,
        FollowError::Redirected { .. } | FollowError::ContentType { .. } => 2,
        FollowError::Status { status: 404, .. } => 0,
        _ => 1,
    }
}

/// A set without a usable key is what a half-broken server answers; it is no reason to forget those that are known.
fn read_keys(url: &Url, body: &[u8]) -> Result<KeySet, FollowError> {
    let unreadable = |what| FollowError::Unreadable {
        url: url.to_string(),
        what,
    };
    let json = std::str::from_utf8(body).map_err(|_| unreadable("it is not UTF-8"))?;
    let keys = KeySet::from_jwks_json(json)
        .map_err(|_| unreadable("it is not a JSON object with an array 'keys'"))?;
    if keys.is_empty() {
        return Err(FollowError::NoKeys {
            url: url.to_string(),
        });
    }
    if keys.len() > MOST_KEYS {
        return Err(unreadable("it has more than 256 keys"));
    }
    Ok(keys)
}
