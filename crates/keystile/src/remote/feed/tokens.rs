//! The tokens that open the feed.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::places::Places;
use super::request;
use crate::remote::address::shown;
use crate::remote::client::Clients;
use crate::remote::{FollowError, follow};
use crate::{Secret, Timestamp};

/// What a token for the feed must allow.
const SCOPE: &str = "revocations:read";
/// A token is used no longer than until so much before its end, or a tenth of its time.
const MARGIN: Duration = Duration::from_secs(60);

/// An application's own source.
pub(super) type Given = dyn Fn() -> Asked + Send + Sync;
type Asked = Pin<Box<dyn Future<Output = Result<Secret, String>> + Send>>;

/// Where tokens come from.
#[derive(Clone)]
pub(super) enum Source {
    Client { id: String, secret: Secret },
    Given(Arc<Given>),
}

impl Source {
    pub(super) const fn is_client(&self) -> bool {
        matches!(self, Self::Client { .. })
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client { id, secret } => f
                .debug_struct("Client")
                .field("id", id)
                .field("secret", secret)
                .finish(),
            Self::Given(_) => f.write_str("Given"),
        }
    }
}

/// Tokens, and the one that is held.
pub(super) struct Tokens {
    source: Source,
    held: Mutex<Option<Held>>,
}

struct Held {
    bearer: HeaderValue,
    until: Timestamp,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    token_type: String,
    expires_in: Option<u32>,
}

impl Tokens {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            held: Mutex::new(None),
        }
    }

    /// A token, as a header says it; another one than `refused`. The caller bounds its time.
    pub(super) async fn bearer(
        &self,
        clients: &mut Clients,
        places: &Places,
        plan: &follow::Plan,
        refused: Option<&HeaderValue>,
    ) -> Result<HeaderValue, FollowError> {
        let mut held = self.held.lock().await;
        if let Some(held) = &*held
            && refused != Some(&held.bearer)
            && plan.clock.now() < held.until
        {
            return Ok(held.bearer.clone());
        }
        *held = None;
        let asked = match &self.source {
            Source::Client { id, secret } => ask_issuer(clients, places, plan, id, secret).await?,
            Source::Given(source) => {
                let no_token = |cause: &str| FollowError::NoToken {
                    cause: shown(cause),
                };
                let token = source().await.map_err(|cause| no_token(&cause))?;
                Held {
                    bearer: as_header(&token).ok_or_else(|| no_token("this is no token"))?,
                    until: Timestamp::MAX,
                }
            }
        };
        Ok(held.insert(asked).bearer.clone())
    }

    /// What the issuer is asked about a token with: the client's own credentials, or a token of the application's.
    pub(super) async fn for_introspection(
        &self,
        clients: &mut Clients,
        places: &Places,
        plan: &follow::Plan,
    ) -> Result<HeaderValue, FollowError> {
        match &self.source {
            Source::Client { id, secret } => client_header(id, secret),
            Source::Given(_) => self.bearer(clients, places, plan, None).await,
        }
    }
}

/// `client_credentials` (RFC 6749, section 4.4), for a token that is meant for the issuer itself (RFC 8707).
async fn ask_issuer(
    clients: &mut Clients,
    places: &Places,
    plan: &follow::Plan,
    id: &str,
    secret: &Secret,
) -> Result<Held, FollowError> {
    let url = places.token()?;
    let form = format!(
        "grant_type=client_credentials&scope={}&resource={}",
        request::encoded(SCOPE),
        request::encoded(&plan.issuer)
    );
    let client = request::client(clients, &url)?;
    let credentials = client_header(id, secret)?;
    let asked_at = plan.clock.now();
    let answer: Answer = request::post(&client, &url, credentials, form).await?;
    let unreadable = |what| FollowError::Unreadable {
        url: url.to_string(),
        what,
    };
    if !answer.token_type.eq_ignore_ascii_case("Bearer") {
        return Err(unreadable("it gives a token that is no bearer's"));
    }
    let token = Secret::new(answer.access_token);
    let lifetime = answer.expires_in.map(|seconds| {
        let all = Duration::from_secs(seconds.into());
        all.saturating_sub(MARGIN.min(all / 10))
    });
    Ok(Held {
        bearer: as_header(&token).ok_or_else(|| unreadable("it gives a token that is none"))?,
        until: lifetime.map_or(Timestamp::MAX, |lifetime| asked_at.saturating_add(lifetime)),
    })
}

fn client_header(id: &str, secret: &Secret) -> Result<HeaderValue, FollowError> {
    request::basic(id, secret).ok_or(FollowError::NoToken {
        cause: "the client's secret is no text".to_owned(),
    })
}

fn as_header(token: &Secret) -> Option<HeaderValue> {
    let text = std::str::from_utf8(token.expose()).ok()?;
    // A file's last line ends too.
    request::bearer(text.trim_end_matches(['\r', '\n']))
}
