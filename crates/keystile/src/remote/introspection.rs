//! Opaque tokens: their issuer is asked about each (RFC 7662), and its answer remembered for a while.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use reqwest::header::HeaderValue;
use reqwest::{Client, Url};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use super::client::Clients;
use super::feed::request;
use super::inquiry::{Asked, Bounds, Inquiries, Said, name_of};
use super::{FollowError, address};
use crate::compact::LONGEST_TOKEN;
use crate::entry::{Entry, Keys, Source, check_entry};
use crate::secret::REFRESH_TOKEN_PREFIX;
use crate::{
    Clock, KeySet, KeySource, OpaqueToken, Reason, Refusal, Secret, Timestamp, Verified, Verifier,
    payload,
};

/// Bytes of answers that are remembered, unless said otherwise.
const MEMORY: usize = 8 * 1024 * 1024;
/// And at the least: twice what an answer may have.
const LEAST_MEMORY: usize = 128 * 1024;

/// An issuer that is asked about each token (RFC 7662): for tokens that say nothing themselves. It stands where a
/// [`Trust`](crate::Trust) has its keys, and what the trust states is held against the issuer's answer: `iss`, `aud`, and its
/// `token_type`.
///
/// ```no_run
/// use keystile::remote::Introspection;
/// use keystile::{ExpiryRule, Guard, Trust, Trusted, Verifier};
///
/// # fn example(secret: &str) -> Result<(), keystile::FollowError> {
/// let introspection = Introspection::at("https://id.example/oauth/introspect", "cakes-api", secret)?;
/// let guard = Guard::new(Verifier::new(Trust {
///     issuer: "https://id.example".into(),
///     audience: "cakes".into(),
///     token_type: "Bearer".into(),
///     keys: &introspection,
/// }));
/// # let _ = guard;
/// # Ok(())
/// # }
/// ```
///
/// An answer counts for [a while](Self::remember_for), never beyond the token's `exp`; "not active" counts for ten seconds. A
/// token that is not active is refused with `token_inactive`: the issuer says no more, whether it has expired, was revoked or was
/// never issued. The guard's own list of what is revoked is asked besides, each time.
///
/// However many requests bring a token, its issuer is asked once at a time; at most 256 tokens are asked about at once, and 256 more that were active
/// before; at most 2,048 requests wait, and what a flood of made-up tokens asks is bounded [in each cool-down](Self::cool_down). What is beyond that is answered
/// with `revocation_unknown`, 503, at once; so is, when its time is over, what the issuer does not answer, or not as RFC 7662 says.
///
/// Where it is the only issuer, every token is asked about; beside others, those that are no JWT (three parts with two dots between). Nothing
/// in such a token says whose it is, so a verifier asks one issuer of opaque tokens: the first. Waiting is
/// for the extractors, the layer and [`Guard::verify_async`](crate::Guard::verify_async); [`Guard::verify`](crate::Guard::verify) has
/// the issuer asked for the next request. An answer without `exp` is refused, unless the trust says
/// [`ExpiryRule::Optional`](crate::ExpiryRule::Optional). Clones share what was answered.
#[derive(Clone)]
pub struct Introspection {
    shared: Arc<Shared>,
    bounds: Bounds,
    connect_timeout: Duration,
    roots: Arc<[u8]>,
    /// Made by the first question after what is said of it.
    client: Arc<OnceCell<Client>>,
}

struct Shared {
    url: Url,
    credentials: HeaderValue,
    inquiries: Arc<Inquiries<Arc<Answer>>>,
    fault: ArcSwapOption<FollowError>,
}

/// What an issuer says of a token that is active.
struct Answer {
    json: Vec<u8>,
    token_type: Option<String>,
}

impl Introspection {
    /// The address to ask, and the client's credentials there (HTTP Basic). Only on this machine may it be plain http.
    ///
    /// It may be told that the address cannot be used, or that the secret is no text.
    pub fn at(
        url: impl AsRef<str>,
        client_id: impl AsRef<str>,
        client_secret: impl AsRef<str>,
    ) -> Result<Self, FollowError> {
        let secret = Secret::from(client_secret.as_ref());
        let credentials = request::basic(client_id.as_ref(), &secret);
        let credentials = credentials.ok_or_else(|| FollowError::NoToken {
            cause: "the client's secret is no text".to_owned(),
        })?;
        Ok(Self {
            shared: Arc::new(Shared {
                url: address::configured(url.as_ref())?,
                credentials,
                inquiries: Arc::new(Inquiries::new(MEMORY)),
                fault: ArcSwapOption::empty(),
            }),
            bounds: Bounds::remembering(Duration::from_secs(30)),
            connect_timeout: Duration::from_secs(2),
            roots: Arc::default(),
            client: Arc::default(),
        })
    }

    /// How long an answer may take, and how long a request waits for one. 5 seconds unless said otherwise.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.bounds.timeout = timeout;
        self
    }

    /// How long a connection may take to come about. 2 seconds unless said otherwise.
    #[must_use]
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        Self {
            connect_timeout: timeout,
            client: Arc::default(),
            ..self
        }
    }

    /// Certificates in PEM that are trusted beside the system's, for an issuer with a certificate of one's own. What is wrong with
    /// them is told here.
    pub fn root_certificates(self, pem: impl Into<Vec<u8>>) -> Result<Self, FollowError> {
        let changed = Self {
            roots: pem.into().into(),
            client: Arc::default(),
            ..self
        };
        changed.make_client()?;
        Ok(changed)
    }

    /// How long "active" counts after it was asked: so long a token that was revoked may still pass. 30 seconds unless said
    /// otherwise, and one second at the least.
    #[must_use]
    pub fn remember_for(mut self, by: Duration) -> Self {
        self.bounds.yes_for = by.max(Duration::from_secs(1));
        self
    }

    /// How many bytes of answers to remember. 8 MiB unless said otherwise, and 128 KiB at the least; for all clones. Where one
    /// more finds no room another is forgotten, and asked again when its token comes.
    #[must_use]
    pub fn remember(self, bytes: usize) -> Self {
        self.shared.inquiries.bound(bytes.max(LEAST_MEMORY));
        self
    }

    /// How long questions that came to nothing are counted together: 256 of them, about tokens that were never active here, and
    /// until that time is over further ones of the kind are answered with 503 at once. So a flood of made-up tokens is no flood of
    /// questions, and tokens that were found active before are asked about all the same. One second unless said otherwise; none:
    /// they are not counted.
    #[must_use]
    pub fn cool_down(mut self, cool_down: Duration) -> Self {
        self.bounds.cool_down = cool_down;
        self
    }

    /// Forgets every answer: the next request of each token has its issuer asked.
    pub fn forget(&self) {
        self.shared.inquiries.forget();
    }

    /// What was wrong with the last answer; `None` if nothing was.
    pub fn fault(&self) -> Option<FollowError> {
        self.shared.fault.load().as_deref().cloned()
    }

    /// What a token is, by its issuer's answer and by what the entry demands; `at` is the entry's place.
    pub(crate) fn verify(
        &self,
        verifier: &Verifier,
        (at, entry): (usize, &Entry),
        token: &str,
        now: Timestamp,
    ) -> Result<Arc<Verified>, Refusal> {
        check_form(token)?;
        let known = self
            .shared
            .inquiries
            .recall(&name_of(token.as_bytes()), now);
        let answer = known.ok_or(Reason::RevocationUnknown)??;
        let mut read = payload::parse(&answer.json)?;
        check_entry(entry, &mut read, answer.token_type.as_deref(), &answer.json)?;
        verifier.check_times(entry, &read.claims, now)?;
        let json = answer.json.clone();
        Ok(Arc::new(Verified::introspected(read, json, (at, entry))))
    }

    /// Asks about a token that nothing is known of.
    pub(crate) fn ask(&self, token: &str, clock: &Clock) -> Option<Asked> {
        check_form(token).ok()?;
        let asking = self.clone();
        let secret = Secret::from(token);
        let name = name_of(token.as_bytes());
        let question = move || async move { asking.introspect(&secret).await };
        let inquiries = &self.shared.inquiries;
        inquiries.ask(name, clock, self.bounds, question)
    }

    async fn introspect(&self, token: &Secret) -> Said<Arc<Answer>> {
        let unanswered = Unanswered(self);
        let answer = self.answer(token).await;
        std::mem::forget(unanswered);
        let note = |fault| self.shared.fault.store(fault);
        match answer {
            Ok(answer) => {
                note(None);
                match answer {
                    Some(answer) => {
                        let bytes = answer.json.len();
                        Said::Yes(Arc::new(answer), bytes)
                    }
                    None => Said::No(Reason::TokenInactive),
                }
            }
            Err(fault) => {
                note(Some(Arc::new(fault)));
                Said::Unknown
            }
        }
    }

    /// What the issuer says; `None` for a token that is not active.
    async fn answer(&self, token: &Secret) -> Result<Option<Answer>, FollowError> {
        let shared = &self.shared;
        let client = self.client().await?;
        let token = String::from_utf8_lossy(token.expose());
        let form = format!(
            "token={}&token_type_hint=access_token",
            request::encoded(&token)
        );
        let credentials = shared.credentials.clone();
        let answer: Map<String, Value> =
            request::post(&client, &shared.url, credentials, form).await?;
        match answer.get("active") {
            Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => return Ok(None),
            _ => {
                return Err(FollowError::Unreadable {
                    url: shared.url.to_string(),
                    what: "it does not say whether the token is active",
                });
            }
        }
        let token_type = answer.get("token_type").and_then(Value::as_str);
        Ok(Some(Answer {
            token_type: token_type.map(str::to_owned),
            json: Value::Object(answer).to_string().into_bytes(),
        }))
    }

    async fn client(&self) -> Result<Client, FollowError> {
        let made = self.client.get_or_try_init(async || self.make_client());
        made.await.cloned()
    }

    fn make_client(&self) -> Result<Client, FollowError> {
        let mut clients = Clients::new(self.connect_timeout, &self.roots)?;
        request::client(&mut clients, &self.shared.url)
    }
}

/// A question under way: dropped, it was given up, since nothing came of it in time.
struct Unanswered<'i>(&'i Introspection);

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let Introspection { shared, bounds, .. } = self.0;
        let fault = FollowError::TimedOut {
            issuer: shared.url.to_string(),
            within: bounds.timeout,
        };
        shared.fault.store(Some(Arc::new(fault)));
    }
}

/// What cannot be a token is asked about nowhere, and a refresh token of ours is told to nobody.
fn check_form(token: &str) -> Result<(), Reason> {
    if token.len() > LONGEST_TOKEN {
        return Err(Reason::TokenTooLarge);
    }
    if OpaqueToken::parse(REFRESH_TOKEN_PREFIX, token).is_some() {
        return Err(Reason::AccessTokenNeeded);
    }
    // RFC 6750, section 2.1: b64token.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(is_token) {
        return Err(Reason::TokenMalformed);
    }
    Ok(())
}

impl From<&Introspection> for KeySource {
    fn from(introspection: &Introspection) -> Self {
        Self {
            keys: Arc::new(Keys::new(KeySet::default())),
            source: Source::Introspected(introspection.clone()),
        }
    }
}

impl From<Introspection> for KeySource {
    fn from(introspection: Introspection) -> Self {
        Self::from(&introspection)
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection")
            .field("url", &self.shared.url.as_str())
            .finish_non_exhaustive()
    }
}
