//! Hearing of what an issuer revokes: its feed is read, verified and applied to a list in memory, so that a sign-out there
//! is felt here at once, without a look-up for each request.

mod follower;
mod introspect;
mod places;
pub(super) mod request;
mod set;
mod shared;
mod sse;
mod status;
mod stream;
mod tokens;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;

use super::{FollowError, address};
use crate::Secret;
pub(super) use follower::Follower;
pub(super) use introspect::introspected;
pub(super) use shared::Shared;
pub use status::{FeedChange, FeedState, FeedStatus};
use tokens::{Given, Source};

/// Entries that are held unless said otherwise.
const MOST_ENTRIES: usize = 500_000;

/// What is told of each change.
type OnChange = dyn Fn(FeedChange<'_>) + Send + Sync;

/// How an issuer's feed of revocations is followed. Given to [`Follow::revocations`](super::Follow::revocations).
///
/// ```no_run
/// # async fn example(secret: String) -> Result<(), keystile::FollowError> {
/// use std::time::Duration;
///
/// use keystile::{Feed, Guard};
///
/// let feed = Feed::client("cakes-api", secret).serve_stale(Duration::from_secs(60)).then_refuse();
/// let guard = Guard::issuer_at("https://id.example").audience("cakes").revocations(feed).connect().await?;
/// # let _ = guard;
/// # Ok(())
/// # }
/// ```
///
/// The issuer is a Keystile server, or another that speaks its wire format: Server-Sent Events with Security Event Tokens
/// (RFC 8417), each of which is verified with the issuer's own keys. A feed that breaks off is resumed where it ended.
///
/// **Before the first list is complete, and once nothing has been heard for a while**, it is not known what is revoked: the
/// issuer's tokens are then refused with `revocation_unknown`, 503, or the issuer is asked about each of them.
#[derive(Clone)]
#[must_use = "give it to Follow::revocations"]
pub struct Feed {
    source: Source,
    at: Option<String>,
    token_at: Option<String>,
    introspect_at: Option<String>,
    serve_stale: Duration,
    introspect: bool,
    most_entries: usize,
    dead_after: Duration,
    on_change: Option<Arc<OnChange>>,
}

impl Feed {
    fn from_source(source: Source) -> Self {
        Self {
            source,
            at: None,
            token_at: None,
            introspect_at: None,
            serve_stale: Duration::from_secs(60),
            introspect: false,
            most_entries: MOST_ENTRIES,
            dead_after: Duration::from_secs(10),
            on_change: None,
        }
    }

    /// As this client of the issuer's, with the secret that was shown when it was made. It asks the issuer for tokens
    /// (RFC 6749, section 4.4) with the scope `revocations:read`, keeps each until it expires, and needs another at once
    /// where one is refused.
    pub fn client(id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self::from_source(Source::Client {
            id: id.into(),
            secret: secret.into(),
        })
    }

    /// With tokens of the application's own: asked for one where there is none yet, and where the last was refused.
    ///
    /// ```
    /// use keystile::Feed;
    ///
    /// let feed = Feed::tokens(|| async { std::fs::read_to_string("/run/secrets/feed-token") });
    /// # let _ = feed;
    /// ```
    pub fn tokens<F, T, E>(source: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<Secret>,
        E: fmt::Display,
    {
        let given: Arc<Given> = Arc::new(move || {
            let asked = source();
            Box::pin(async move {
                let token = asked.await.map_err(|error| error.to_string())?;
                Ok(token.into())
            })
        });
        Self::from_source(Source::Given(given))
    }

    /// How long what was last heard counts while the feed is lost. 60 seconds unless said otherwise.
    pub fn serve_stale(mut self, by: Duration) -> Self {
        self.serve_stale = by;
        self
    }

    /// After that, refuses the issuer's tokens with `revocation_unknown`, 503. So it is unless said otherwise.
    pub fn then_refuse(mut self) -> Self {
        self.introspect = false;
        self
    }

    /// After that, asks the issuer about each token (RFC 7662), with the client's credentials or, with
    /// [`tokens`](Self::tokens), such a token: for a few seconds one answer counts for the same token. Where the issuer does
    /// not answer in time: `revocation_unknown`, 503. [`Guard::verify`](crate::Guard::verify) asks nobody, and refuses.
    pub fn then_introspect(mut self) -> Self {
        self.introspect = true;
        self
    }

    /// At most this many entries; 500,000 unless said otherwise. With one more, what is revoked is not known until that
    /// one would have ended; none is ever held in another's place.
    pub fn most_entries(mut self, entries: usize) -> Self {
        self.most_entries = entries;
        self
    }

    /// After how long without a byte the feed counts as broken off, and is connected to anew. 10 seconds unless said
    /// otherwise; a Keystile server gives a sign of life each second.
    pub fn dead_after(mut self, silence: Duration) -> Self {
        self.dead_after = silence;
        self
    }

    /// Where the feed is, instead of where the issuer's document says. The client's token is sent there.
    pub fn at(mut self, url: impl Into<String>) -> Self {
        self.at = Some(url.into());
        self
    }

    /// Where the client asks for tokens, instead of where the issuer's document says. Its secret is sent there.
    pub fn token_at(mut self, url: impl Into<String>) -> Self {
        self.token_at = Some(url.into());
        self
    }

    /// Where the issuer is asked about tokens, instead of where its document says. They are sent there, and the client's
    /// secret.
    pub fn introspect_at(mut self, url: impl Into<String>) -> Self {
        self.introspect_at = Some(url.into());
        self
    }

    /// Is told when the feed is connected, when all has been heard, and when and why it ends: to log it, or to count it.
    /// It must not block.
    pub fn on_change(mut self, tell: impl Fn(FeedChange<'_>) + Send + Sync + 'static) -> Self {
        self.on_change = Some(Arc::new(tell));
        self
    }

    pub(super) fn plan(self) -> Result<Plan, FollowError> {
        let parse = |url: Option<String>| url.as_deref().map(address::configured).transpose();
        Ok(Plan {
            source: self.source,
            at: parse(self.at)?,
            token_at: parse(self.token_at)?,
            introspect_at: parse(self.introspect_at)?,
            serve_stale: self.serve_stale,
            introspect: self.introspect,
            most_entries: self.most_entries,
            dead_after: self.dead_after,
            on_change: self.on_change,
        })
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("source", &self.source)
            .field("serve_stale", &self.serve_stale)
            .field("introspect", &self.introspect)
            .finish_non_exhaustive()
    }
}

/// What was said, checked.
pub(super) struct Plan {
    source: Source,
    at: Option<Url>,
    token_at: Option<Url>,
    introspect_at: Option<Url>,
    serve_stale: Duration,
    introspect: bool,
    most_entries: usize,
    dead_after: Duration,
    on_change: Option<Arc<OnChange>>,
}

/// For the fuzz target: reads bytes as a feed's, in two pieces, and each event's data as a SET that nobody signed. How many
/// events there were.
#[doc(hidden)]
pub fn __read(bytes: &[u8], cut: usize) -> usize {
    let (one, other) = bytes.split_at(cut.min(bytes.len()));
    let mut parser = sse::Parser::default();
    let mut events = 0;
    for piece in [one, other] {
        let read = parser.read(piece, |event| {
            events += 1;
            let keys = crate::KeySet::default();
            let set = set::read(&event.data, "", &keys, |_| false);
            assert!(set.is_err(), "nobody signed it");
            Ok::<_, sse::TooLong>(())
        });
        if read.is_err() {
            break;
        }
    }
    events
}
