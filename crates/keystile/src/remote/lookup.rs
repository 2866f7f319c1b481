//! Keys that the application itself looks up, by what a token says before it is verified.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::inquiry::{Asked, Bounds, Inquiries, Name, Said, name_of};
use crate::compact::Parts;
use crate::entry::{Entry, Keys, Source, check_issuer};
use crate::{
    Algorithm, Clock, KeySet, KeySource, Reason, Refusal, Timestamp, UnverifiedParts, VerifyingKey,
    header, payload, take_apart_unverified,
};

/// Longest name of a key, and longest `iss` of the issuer that it is looked up for, in bytes.
const LONGEST_NAME: usize = 512;
/// About what a key takes, in bytes.
const KEY: usize = 1_024 - 128;
/// Bytes of keys that are remembered, unless said otherwise: about a thousand.
const MEMORY: usize = 1024 * 1024;
/// And at the least.
const LEAST_MEMORY: usize = 64 * 1024;

type NameOf = dyn Fn(&UnverifiedParts) -> Option<String> + Send + Sync;
type Found = Pin<Box<dyn Future<Output = Result<Option<VerifyingKey>, ()>> + Send>>;
type Find = dyn Fn(WantedKey) -> Found + Send + Sync;

/// The key that a token wants to be verified with, by what it says itself: **not verified**. Whoever sends a token chooses both.
///
/// Neither is empty, longer than 512 bytes, or has control characters in it; look them up as values, and never make a path or
/// a statement of them. Compare them byte for byte: where a database passes over case or trailing spaces, one key has many names, and
/// is withdrawn by one of them only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct WantedKey {
    /// The token's `iss`, one that the [`Trust`](crate::Trust) takes; `None` where it has none.
    pub issuer: Option<String>,
    /// The key's name: the header's `kid`, or what [`KeyLookup::named`] makes of the token.
    pub name: String,
}

impl WantedKey {
    /// Both, so that no other pair has the same.
    fn hash(&self) -> Name {
        let mut both = Vec::with_capacity(64 + self.name.len());
        if let Some(issuer) = &self.issuer {
            both.extend_from_slice(&issuer.len().to_be_bytes());
            both.extend_from_slice(issuer.as_bytes());
        }
        // No `iss` is longer than this.
        both.extend_from_slice(&usize::MAX.to_be_bytes());
        both.extend_from_slice(self.name.as_bytes());
        name_of(&both)
    }
}

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
///     move |wanted| {
///         let tenants = tenants.clone();
///         async move {
///             let secret = tenants.secret(&wanted.name).await?;
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
/// What is asked for is **not verified**: whoever sends a token chooses it. So the key must be one that may sign for just this
/// issuer and name: with the key of another tenant, that tenant's holder would sign here. The key decides the algorithm, and
/// counts for the tokens of this one trust.
///
/// A key is remembered by issuer and name, for [a while](Self::remember_for) and [in so many bytes](Self::remember); that there is none,
/// for ten seconds. However many tokens want a key, it is looked up once at a time; at most 256 at once, and 256 more that were found before; at most 2,048 requests
/// wait, and what a flood of made-up names asks is bounded [in each cool-down](Self::cool_down). What is beyond that is answered with
/// `keys_unknown`, 503, at once; so is, when its time is over, what is not found in time, fails or panics.
///
/// Nothing is looked up for a token of an issuer that the trust does not take, or by an algorithm that it does not. For any other
/// it is: why a token is refused that has expired, say, is told once its signature holds.
///
/// Waiting is for the extractors, the layer and [`Guard::verify_async`](crate::Guard::verify_async); [`Guard::verify`](crate::Guard::verify) has
/// the key looked up for the next token.
#[derive(Clone)]
pub struct KeyLookup {
    shared: Arc<Shared>,
    bounds: Bounds,
}

struct Shared {
    name: Box<NameOf>,
    find: Box<Find>,
    inquiries: Arc<Inquiries<VerifyingKey>>,
}

impl KeyLookup {
    /// By the token's `iss` and the header's `kid`; a token without a `kid` is refused with `token_key_unknown`. `find` gives the key,
    /// or `None` where that issuer has none of that name. The key has that id then: by it a key is withdrawn.
    ///
    /// Several issuers may have keys of one `kid`: give only the key of the one that is asked for.
    pub fn by_key_id<F, E>(find: impl Fn(WantedKey) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Option<VerifyingKey>, E>> + Send + 'static,
    {
        Self::named(
            |unverified| unverified.header_member("kid")?.as_str().map(str::to_owned),
            move |wanted| {
                let kid = wanted.name.clone();
                let found = find(wanted);
                async move { Ok::<_, E>(found.await?.map(|key| key.with_key_id(kid))) }
            },
        )
    }

    /// By the token's `iss` and the name that `name` makes of its unverified header and claims; where it makes none, or one that is no
    /// [`WantedKey`]'s, the token is refused with `token_key_unknown`. `name` must not block.
    pub fn named<F, E>(
        name: impl Fn(&UnverifiedParts) -> Option<String> + Send + Sync + 'static,
        find: impl Fn(WantedKey) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Option<VerifyingKey>, E>> + Send + 'static,
    {
        let find = move |wanted| -> Found {
            let found = find(wanted);
            Box::pin(async move { found.await.map_err(drop) })
        };
        Self {
            shared: Arc::new(Shared {
                name: Box::new(name),
                find: Box::new(find),
                inquiries: Arc::new(Inquiries::new(MEMORY)),
            }),
            bounds: Bounds::remembering(Duration::from_secs(300)),
        }
    }

    /// How long a look-up may take, and how long a token waits for one. 5 seconds unless said otherwise.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.bounds.timeout = timeout;
        self
    }

    /// How long a key counts before it is looked up again. 5 minutes unless said otherwise, and one second at the least.
    #[must_use]
    pub fn remember_for(mut self, by: Duration) -> Self {
        self.bounds.yes_for = by.max(Duration::from_secs(1));
        self
    }

    /// How many bytes of keys to remember, each of about 1 KiB. 1 MiB unless said otherwise, and 64 KiB at the least; for all
    /// clones. Where one more finds no room another is forgotten, and looked up again when its token comes.
    #[must_use]
    pub fn remember(self, bytes: usize) -> Self {
        self.shared.inquiries.bound(bytes.max(LEAST_MEMORY));
        self
    }

    /// How long look-ups that came to nothing are counted together: 256 of them, for names that had no key here, and until that
    /// time is over further ones of the kind are answered with 503 at once. So a flood of made-up names is no flood of look-ups,
    /// and a key that was found before is looked up all the same. One second unless said otherwise; none: they are not counted.
    #[must_use]
    pub fn cool_down(mut self, cool_down: Duration) -> Self {
        self.bounds.cool_down = cool_down;
        self
    }

    /// Forgets every key: each is looked up again. For when one was withdrawn.
    pub fn forget(&self) {
        self.shared.inquiries.forget();
    }

    /// The key that a token is to be verified with.
    pub(crate) fn key(
        &self,
        entry: &Entry,
        token: &str,
        now: Timestamp,
    ) -> Result<VerifyingKey, Refusal> {
        let wanted = self.wanted(entry, token)?.hash();
        let known = self.shared.inquiries.recall(&wanted, now);
        Ok(known.unwrap_or(Err(Reason::KeysUnknown))?)
    }

    /// Has the key of a token looked up.
    pub(crate) fn ask(&self, entry: &Entry, token: &str, clock: &Clock) -> Option<Asked> {
        let wanted = self.wanted(entry, token).ok()?;
        let shared = Arc::clone(&self.shared);
        let name = wanted.hash();
        let question = move || async move {
            match (shared.find)(wanted).await {
                Ok(Some(key)) => Said::Yes(key, KEY),
                Ok(None) => Said::No(Reason::TokenKeyUnknown),
                Err(()) => Said::Unknown,
            }
        };
        let inquiries = &self.shared.inquiries;
        inquiries.ask(name, clock, self.bounds, question)
    }

    /// What a token wants, unless no key could help it.
    fn wanted(&self, entry: &Entry, token: &str) -> Result<WantedKey, Refusal> {
        let head = header::decode(Parts::split(token)?.header)?;
        let algorithm = head.algorithm.parse::<Algorithm>();
        if !algorithm.is_ok_and(|algorithm| entry.algorithms.has(algorithm)) {
            return Err(Reason::TokenAlgorithmRefused.into());
        }
        let parts = take_apart_unverified(token)?;
        let read = payload::parse(parts.payload.as_bytes())?;
        if read.malformed == Some("iss") {
            return Err(Refusal::of_claim(Reason::TokenClaimMalformed, "iss"));
        }
        check_issuer(entry, &read.claims)?;
        let wanted = WantedKey {
            issuer: read.claims.iss,
            name: (self.shared.name)(&parts).ok_or(Reason::TokenKeyUnknown)?,
        };
        let is_one = |text: &str| {
            (1..=LONGEST_NAME).contains(&text.len()) && !text.contains(char::is_control)
        };
        if wanted.issuer.as_deref().is_none_or(is_one) && is_one(&wanted.name) {
            Ok(wanted)
        } else {
            Err(Reason::TokenKeyUnknown.into())
        }
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
