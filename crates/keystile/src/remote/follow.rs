//! How an issuer is followed: what the application says, before it begins.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;

use super::feed::{self, Feed};
use super::keeper::Keeper;
use super::{FollowError, Issuer, address};
use crate::{Clock, Expected, Guard, Random, header};

/// What is told of each fetch.
type OnFetch = dyn Fn(Result<(), &FollowError>) + Send + Sync;

/// An issuer, before it is said whom its tokens must be meant for. Made by [`Guard::issuer_at`] and [`Issuer::at`].
#[derive(Clone, Debug)]
#[must_use = "say the audience, and connect"]
pub struct IssuerAt<T> {
    issuer: String,
    becomes: PhantomData<fn() -> T>,
}

impl<T> IssuerAt<T> {
    pub(super) fn new(issuer: String) -> Self {
        Self {
            issuer,
            becomes: PhantomData,
        }
    }

    /// What `aud` must contain: the name by which the issuer knows this service.
    ///
    /// `Expected::Unchecked` takes every token of the issuer, those for other services too; say why beside it.
    pub fn audience(self, audience: impl Into<Expected>) -> Follow<T> {
        Follow {
            settings: Settings {
                issuer: self.issuer,
                audience: audience.into(),
                token_type: header::ACCESS_TOKEN.into(),
                keys_at: None,
                clock: Clock::system(),
                random: Random::system(),
                timeout: Duration::from_secs(5),
                connect_timeout: Duration::from_secs(2),
                cool_down: Duration::from_secs(2),
                fresh: (Duration::from_secs(30), Duration::from_secs(3_600)),
                serve_stale: Duration::from_secs(3_600),
                roots: Vec::new(),
                on_fetch: None,
                feed: None,
            },
            becomes: PhantomData,
        }
    }
}

/// How an issuer is followed. Ends in [`connect`](Self::connect) or [`connect_lazy`](Self::connect_lazy).
#[derive(Clone, Debug)]
#[must_use = "nothing is followed before connect"]
pub struct Follow<T> {
    settings: Settings,
    becomes: PhantomData<fn() -> T>,
}

#[derive(Clone)]
struct Settings {
    issuer: String,
    audience: Expected,
    token_type: Expected,
    keys_at: Option<String>,
    clock: Clock,
    random: Random,
    timeout: Duration,
    connect_timeout: Duration,
    cool_down: Duration,
    fresh: (Duration, Duration),
    serve_stale: Duration,
    roots: Vec<u8>,
    on_fetch: Option<Arc<OnFetch>>,
    feed: Option<Feed>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("token_type", &self.token_type)
            .field("keys_at", &self.keys_at)
            .field("feed", &self.feed)
            .finish_non_exhaustive()
    }
}

/// What was said, checked.
pub(super) struct Plan {
    pub(super) issuer: String,
    pub(super) issuer_url: Url,
    pub(super) audience: Expected,
    pub(super) token_type: Expected,
    pub(super) keys_at: Option<Url>,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) cool_down: Duration,
    /// The shortest and the longest time for which an answer counts as fresh.
    pub(super) fresh: (Duration, Duration),
    pub(super) serve_stale: Duration,
    pub(super) roots: Vec<u8>,
    pub(super) on_fetch: Option<Arc<OnFetch>>,
    pub(super) feed: Option<Arc<feed::Plan>>,
}

impl<T> Follow<T> {
    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// What the header's `typ` must be. `at+jwt` (RFC 9068) unless said otherwise; older issuers write `JWT`, or nothing.
    pub fn token_type(self, token_type: impl Into<Expected>) -> Self {
        let token_type = token_type.into();
        self.with(|settings| settings.token_type = token_type)
    }

    /// Takes the keys from this address, and asks no document where they are.
    pub fn keys_at(self, url: impl Into<String>) -> Self {
        let url = url.into();
        self.with(|settings| settings.keys_at = Some(url))
    }

    /// The clock to go by. The system's unless said otherwise. Time-outs go by the machine's own, whatever is said here.
    pub fn clock(self, clock: Clock) -> Self {
        self.with(|settings| settings.clock = clock)
    }

    /// What spreads the fetches of many processes over time. The system's randomness unless said otherwise.
    pub fn random(self, random: Random) -> Self {
        self.with(|settings| settings.random = random)
    }

    /// How long a fetch may take, all in all, and how long a token may wait for one. 5 seconds unless said otherwise.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.timeout = timeout)
    }

    /// How long a connection may take to come about. 2 seconds unless said otherwise.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.connect_timeout = timeout)
    }

    /// How long after one fetch began the next may begin, however many tokens name keys that nobody knows. 2 seconds
    /// unless said otherwise.
    ///
    /// Keep it well below the time-out: then a token of a key that was not published beforehand waits for the next fetch,
    /// and is not refused.
    pub fn cool_down(self, cool_down: Duration) -> Self {
        self.with(|settings| settings.cool_down = cool_down)
    }

    /// The shortest and the longest time between two fetches, whatever the `max-age` of the answers says. 30 seconds and
    /// one hour unless said otherwise; an answer that says nothing counts for five minutes, within these bounds.
    pub fn fetch_between(self, shortest: Duration, longest: Duration) -> Self {
        self.with(|settings| settings.fresh = (shortest, longest.max(shortest)))
    }

    /// How long keys still count once they should have been fetched anew, while the issuer cannot be reached. After that
    /// tokens are refused with `keys_unknown`, 503. One hour unless said otherwise.
    pub fn serve_stale(self, by: Duration) -> Self {
        self.with(|settings| settings.serve_stale = by)
    }

    /// Certificates in PEM that are trusted beside the system's, for an issuer with a certificate of one's own.
    pub fn root_certificates(self, pem: impl Into<Vec<u8>>) -> Self {
        let pem = pem.into();
        self.with(|settings| settings.roots = pem)
    }

    /// Hears of what the issuer revokes, by its feed: a token is refused as soon as its session has ended, wherever that
    /// was. See [`Feed`].
    pub fn revocations(self, feed: Feed) -> Self {
        self.with(|settings| settings.feed = Some(feed))
    }

    /// Is told how each fetch went: to log it, or to count it. It must not block.
    pub fn on_fetch(self, tell: impl Fn(Result<(), &FollowError>) + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.on_fetch = Some(Arc::new(tell)))
    }

    fn plan(self) -> Result<Arc<Plan>, FollowError> {
        let said = self.settings;
        Ok(Arc::new(Plan {
            issuer_url: address::issuer(&said.issuer)?,
            keys_at: said
                .keys_at
                .as_deref()
                .map(address::configured)
                .transpose()?,
            issuer: said.issuer,
            audience: said.audience,
            token_type: said.token_type,
            clock: said.clock,
            random: said.random,
            timeout: said.timeout,
            connect_timeout: said.connect_timeout,
            cool_down: said.cool_down,
            fresh: said.fresh,
            serve_stale: said.serve_stale,
            roots: said.roots,
            on_fetch: said.on_fetch,
            feed: said.feed.map(Feed::plan).transpose()?.map(Arc::new),
        }))
    }
}

impl<T: From<Issuer>> Follow<T> {
    /// Fetches the keys, and goes on following them; with a [feed](Self::revocations), also all that the issuer has
    /// revoked. What is wrong with the address, the issuer, its document or the client is told here; there is one attempt.
    pub async fn connect(self) -> Result<T, FollowError> {
        let mut keeper = Keeper::new(self.plan()?)?;
        keeper.fetch().await?;
        let issuer = Issuer::kept_by(keeper)?;
        if let Some(feed) = issuer.feed() {
            feed.first_outcome().await?;
        }
        Ok(T::from(issuer))
    }

    /// Begins without keys: until they are there, tokens of this issuer are answered with `keys_unknown`, 503. For programs
    /// that may start before their issuer does. What the application itself said is checked at once.
    pub fn connect_lazy(self) -> Result<T, FollowError> {
        Issuer::kept_by(Keeper::new(self.plan()?)?).map(T::from)
    }
}

impl Guard {
    /// A guard for the tokens of an issuer that publishes its keys: found by its metadata (RFC 8414 or `OpenID` Connect
    /// Discovery), fetched, and kept up to date for as long as the guard lives. See [`remote`](crate::remote).
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), keystile::FollowError> {
    /// use keystile::Guard;
    ///
    /// let guard = Guard::issuer_at("https://id.example").audience("cakes").connect().await?;
    /// # let _ = guard;
    /// # Ok(())
    /// # }
    /// ```
    pub fn issuer_at(issuer: impl Into<String>) -> IssuerAt<Self> {
        IssuerAt::new(issuer.into())
    }
}
