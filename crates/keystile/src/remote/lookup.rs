//! Keys that the application itself looks up, by what a token says before it is verified.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::inquiry::{Answered, Inquiries, Said, Terms, name_of};
use crate::entry::{Keys, Source};
use crate::{
    Clock, KeySet, KeySource, Reason, Timestamp, UnverifiedParts, VerifyingKey,
    take_apart_unverified,
};

/// Longest name of a key, in bytes.
const LONGEST_NAME: usize = 512;
/// Most keys that are remembered.
const MOST_KEYS: usize = 1_024;

type NameOf = dyn Fn(&UnverifiedParts) -> Option<String> + Send + Sync;
type Found = Pin<Box<dyn Future<Output = Result<Option<VerifyingKey>, ()>> + Send>>;
type Find = dyn Fn(String) -> Found + Send + Sync;

/// Keys that the application looks up, in its database say: one of each tenant's. It stands where a [`Trust`](crate::Trust) has
/// its keys.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use keystile::remote::KeyLookup;
/// use keystile::{Claims, Expected, Guard, SigningKey, Trust, Verifier, VerifyingKey};
///
/// # #[derive(Clone)] struct Tenants;
/// # impl Tenants { async fn secret(&self, tenant: &str) -> Result<Option<[u8; 32]>, std::io::Error> { Ok((tenant == "north").then_some([7; 32])) } }
/// # let tenants = Tenants;
/// let lookup = KeyLookup::named(
///     |unverified| unverified.claim("tenant")?.as_str().map(str::to_owned),
///     move |tenant| {
///         let tenants = tenants.clone();
///         async move {
///             let secret = tenants.secret(&tenant).await?;
///             Ok::<_, Box<dyn std::error::Error + Send + Sync>>(secret.map(VerifyingKey::hs256).transpose()?)
///         }
///     },
/// );
/// let guard = Guard::new(Verifier::new(Trust {
///     issuer: Expected::Absent,
///     audience: Expected::Absent,
///     token_type: "at+jwt".into(),
///     keys: lookup,
/// }));
///
/// let claims = Claims::new("ada", 4_000_000_000).with_extra(serde_json::json!({ "tenant": "north" }));
/// let token = SigningKey::hs256([7; 32])?.issue(&claims)?;
/// assert!(guard.verify_async(&token).await.is_ok());
/// # Ok(()) }
/// ```
///
/// What the name is made of is **not verified**: whoever sends a token chooses it. So the key must be one that may sign for
/// just this name: with the key of another tenant, that tenant's holder would sign here. The key decides the algorithm, and
/// counts for the tokens of this one trust.
///
/// A key is remembered by its name, for [a while](Self::remember_for), 1,024 of them at the most; that there is none, for ten seconds. However
/// many tokens name a key, it is looked up once at a time; at most 256 names at once. Where that is not done in time, fails or
/// panics, the token is answered with `keys_unknown`, 503. It is looked up only for tokens that would pass otherwise: of the
/// right type, audience and times.
///
/// Waiting is for the extractors, the layer and [`Guard::verify_async`](crate::Guard::verify_async); [`Guard::verify`](crate::Guard::verify) has
/// the key looked up for the next token.
#[derive(Clone)]
pub struct KeyLookup {
    shared: Arc<Shared>,
    timeout: Duration,
    remember_for: Duration,
}

struct Shared {
    name: Box<NameOf>,
    find: Box<Find>,
    inquiries: Arc<Inquiries<VerifyingKey>>,
}

impl KeyLookup {
    /// By the name that the header's `kid` is; a token without one is refused with `token_key_unknown`. `find` gives the key, or
    /// `None` where there is none of that name. The key has that id then: by it a key is withdrawn. A `kid` says nothing of the
    /// issuer: where `find` knows keys of several, take [`named`](Self::named) and a name with the `iss` in it.
    pub fn by_key_id<F, E>(find: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Option<VerifyingKey>, E>> + Send + 'static,
    {
        Self::named(
            |unverified| unverified.header_member("kid")?.as_str().map(str::to_owned),
            move |kid| {
                let found = find(kid.clone());
                async move { Ok::<_, E>(found.await?.map(|key| key.with_key_id(kid))) }
            },
        )
    }

    /// By the name that `name` makes of the token's unverified header and claims, of 512 bytes at the most; where it makes none,
    /// the token is refused with `token_key_unknown`. `name` must not block.
    pub fn named<F, E>(
        name: impl Fn(&UnverifiedParts) -> Option<String> + Send + Sync + 'static,
        find: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Option<VerifyingKey>, E>> + Send + 'static,
    {
        let find = move |name| -> Found {
            let found = find(name);
            Box::pin(async move { found.await.map_err(drop) })
        };
        Self {
            shared: Arc::new(Shared {
                name: Box::new(name),
                find: Box::new(find),
                inquiries: Arc::new(Inquiries::new(MOST_KEYS * 1_024)),
            }),
            timeout: Duration::from_secs(5),
            remember_for: Duration::from_secs(300),
        }
    }

    /// How long a look-up may take, and how long a token waits for one. 5 seconds unless said otherwise.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// How long a key counts before it is looked up again. 5 minutes unless said otherwise, and one second at the least.
    #[must_use]
    pub fn remember_for(self, by: Duration) -> Self {
        let remember_for = by.max(Duration::from_secs(1));
        Self {
            remember_for,
            ..self
        }
    }

    /// Forgets every key: each is looked up again. For when one was withdrawn.
    pub fn forget(&self) {
        self.shared.inquiries.forget();
    }

    /// The key that a token is to be verified with.
    pub(crate) fn key(&self, token: &str, now: Timestamp) -> Result<VerifyingKey, Reason> {
        let name = self.name(token)?;
        let known = self.shared.inquiries.recall(&name_of(name.as_bytes()), now);
        known.unwrap_or(Err(Reason::KeysUnknown))
    }

    /// Has the key of a token looked up.
    pub(crate) fn ask(&self, token: &str, clock: &Clock) -> Option<Answered> {
        let name = self.name(token).ok()?;
        let terms = Terms {
            clock: clock.clone(),
            timeout: self.timeout,
            yes_for: self.remember_for,
        };
        let shared = Arc::clone(&self.shared);
        let hash = name_of(name.as_bytes());
        let question = move || async move {
            match (shared.find)(name).await {
                // About what a key takes.
                Ok(Some(key)) => Said::Yes(key, 1_024 - 128),
                Ok(None) => Said::No(Reason::TokenKeyUnknown),
                Err(()) => Said::Unknown,
            }
        };
        self.shared.inquiries.ask(hash, terms, question)
    }

    fn name(&self, token: &str) -> Result<String, Reason> {
        let parts = take_apart_unverified(token).map_err(|refusal| refusal.reason())?;
        (self.shared.name)(&parts)
            .filter(|name| name.len() <= LONGEST_NAME)
            .ok_or(Reason::TokenKeyUnknown)
    }
}

impl From<&KeyLookup> for KeySource {
    fn from(lookup: &KeyLookup) -> Self {
        Self {
            keys: Arc::new(Keys::new(KeySet::default())),
            source: Source::LookedUp(lookup.clone()),
        }
    }
}

impl From<KeyLookup> for KeySource {
    fn from(lookup: KeyLookup) -> Self {
        Self::from(&lookup)
    }
}

impl fmt::Debug for KeyLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLookup")
    }
}
