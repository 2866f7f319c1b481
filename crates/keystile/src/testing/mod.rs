//! For tests: an issuer in the test's own process, with a clock to turn, keys that rotate now, and sessions that end now.
//!
//! **For tests only.** The keys are made from a fixed seed, so that whoever has this crate has them too. Turn the feature on
//! under `[dev-dependencies]`, where no program that is shipped gets it:
//!
//! ```toml
//! [dev-dependencies]
//! keystile = { version = "0.1", features = ["testing"] }
//! ```
//!
//! A guarded route, tested:
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```text")]
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use keystile::{Guard, Principal, testing::TestIssuer};
//! use tower_service::Service;
//!
//! fn app(guard: Guard) -> Router {
//!     Router::new().route("/me", get(|me: Principal| async move { me.sub.clone() })).with_state(guard)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let issuer = TestIssuer::new();
//! let mut app = app(issuer.guard());
//! let ada = issuer.token("ada").role("admin").bearer();
//! let get_me = || Request::get("/me").header("authorization", &ada).body(Body::empty()).unwrap();
//! assert_eq!(app.call(get_me()).await.unwrap().status(), 200);
//!
//! issuer.revoke_subject_now("ada");
//! assert_eq!(app.call(get_me()).await.unwrap().status(), 401);
//! # }
//! ```
//!
//! # What it does
//!
//! - **A token with any claim in one line**: [`TestIssuer::token`], and what [`TestToken`] lets one say of it.
//! - **A clock to turn**: [`TestIssuer::clock`], which the guard goes by too. Nothing sleeps.
//! - **What happens to tokens**: [`rotate_now`](TestIssuer::rotate_now), [`withdraw_now`](TestIssuer::withdraw_now),
//!   [`revoke_session_now`](TestIssuer::revoke_session_now), [`lose_feed`](TestIssuer::lose_feed), felt by every guard at
//!   once.
//! - **A bad token for every reason**: [`TestIssuer::bad`], to see your own answers.
//! - **A key server that can fail**: [`TestIssuer::serve`] publishes metadata, keys and the feed of revocations on loopback,
//!   for a guard made by `Guard::issuer_at` in this or in another process; [`Fault`] makes it slow, silent or wrong.
//!
//! Two issuers of one process share nothing but their keys, and those of another [name](TestIssuer::named) not even these.
//! Claims, key ids and times are the same at every run; ES256 signatures differ, as they must.

mod bad;
mod keys;
mod revoke;
mod served;
mod settings;
mod token;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use self::keys::Ring;
use self::revoke::Log;
use self::settings::{Settings, Signing};
use crate::{
    Algorithm, Clock, Expected, Guard, KeyError, KeySet, Revocations, SigningKey, Timestamp, Trust,
    Verifier,
};

pub use self::served::{Fault, ServedIssuer};
pub use self::token::TestToken;

/// Where the clock of a test issuer stands at first: 2030-01-01T00:00:00Z.
const BEGINNING: Timestamp = Timestamp::from_seconds(1_893_456_000);

/// How many bytes of verified tokens a guard of a test issuer remembers.
const MEMORY: usize = 64 * 1024;

/// An issuer for tests: signs tokens, makes the guard that trusts them, and can do at once what an issuer does in weeks.
/// Clones share it. See [the module](self).
///
/// ```
/// use std::time::Duration;
/// use keystile::testing::TestIssuer;
///
/// let issuer = TestIssuer::new();
/// let guard = issuer.guard();
/// let token = issuer.token("ada").role("admin").scope("cakes:read").claim("shop", "north").build();
/// assert!(guard.verify(&token).is_ok());
///
/// issuer.clock().advance(Duration::from_secs(900));
/// assert_eq!(guard.verify(&token).unwrap_err().code(), "token_expired");
/// ```
///
/// What is set up, from [`issuer`](Self::issuer) to [`clock`](Self::with_clock), is said before tokens and guards are made:
/// each gives an issuer that begins anew.
#[derive(Clone)]
pub struct TestIssuer(Arc<State>);

struct State {
    settings: Settings,
    clock: Clock,
    ring: Mutex<Ring>,
    /// What every guard of this issuer has its keys from.
    verifier: Verifier,
    revocations: Revocations,
    log: Log,
    /// How many tokens were begun: it makes their ids.
    begun: AtomicU64,
}

impl Default for TestIssuer {
    fn default() -> Self {
        Self::new()
    }
}

impl TestIssuer {
    /// `https://issuer.test`, whose tokens are for `https://api.test` and signed with ES256. Its clock stands at
    /// 2030-01-01T00:00:00Z until it is turned.
    pub fn new() -> Self {
        Self::named("issuer")
    }

    /// `https://NAME.test`, with keys of its own: another issuer beside the first. What cannot stand in the name of a host
    /// is left out of `name`.
    pub fn named(name: &str) -> Self {
        Self::begin(Settings::named(name))
    }

    /// For an application that makes its guard by [`Guard::hs256`]: signs with this secret, of at least 32 bytes, and
    /// writes no `aud` until [`audience`](Self::audience) says one.
    pub fn hs256(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let key = SigningKey::hs256(secret)?;
        Ok(Self::new().signing_key(key).audience(Expected::Absent))
    }

    fn begin(settings: Settings) -> Self {
        let clock = settings.clock.clone();
        let clock = clock.unwrap_or_else(|| Clock::manual(BEGINNING));
        let ring = Ring::of(&settings);
        let verifier = settings.required.iter().fold(
            Verifier::new(settings.trust(ring.published())).clock(clock.clone()),
            |verifier, (name, value)| verifier.require_claim(name, value.clone()),
        );
        let log = Log::default();
        Self(Arc::new(State {
            revocations: log.revocations(),
            settings,
            clock,
            ring: Mutex::new(ring),
            verifier,
            log,
            begun: AtomicU64::new(0),
        }))
    }

    fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.0.settings.clone();
        change(&mut settings);
        Self::begin(settings)
    }

    /// The algorithm of its keys: ES256 unless said otherwise. All keys of RS256 are one, which lies in the crate, under
    /// several ids: a new one would take a second.
    #[must_use]
    pub fn algorithm(self, algorithm: Algorithm) -> Self {
        self.with(|settings| settings.signing = Signing::Seeded(algorithm))
    }

    /// Signs with this key, under its own id, until it [rotates](Self::rotate_now).
    #[must_use]
    pub fn signing_key(self, key: SigningKey) -> Self {
        self.with(|settings| settings.signing = Signing::Given(key))
    }

    /// What `iss` says.
    #[must_use]
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        self.with(|settings| settings.issuer = issuer.into())
    }

    /// Whom its tokens are for, and what its guards ask of `aud`. Of several the first is written; `Expected::Absent` and
    /// `Expected::Unchecked` write none.
    #[must_use]
    pub fn audience(self, audience: impl Into<Expected>) -> Self {
        self.with(|settings| settings.audience = audience.into())
    }

    /// The header's `typ`: `at+jwt` unless said otherwise.
    #[must_use]
    pub fn token_type(self, token_type: impl Into<String>) -> Self {
        self.with(|settings| settings.token_type = token_type.into())
    }

    /// A claim that its tokens carry and its guards require: `type`, `access`, say, as some issuers tell kinds of tokens
    /// apart.
    #[must_use]
    pub fn require_claim(self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.with(|settings| settings.required.push((name.into(), value.into())))
    }

    /// How long its tokens last unless they say so themselves: 15 minutes.
    #[must_use]
    pub fn lifetime(self, lifetime: Duration) -> Self {
        self.with(|settings| settings.lifetime = lifetime)
    }

    /// Goes by this clock: one that the test shares with its application, or the system's.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        self.with(|settings| settings.clock = Some(clock))
    }

    /// The clock that tokens are issued and verified by. Turn it instead of sleeping.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What `iss` says.
    pub fn iss(&self) -> &str {
        &self.0.settings.issuer
    }

    /// A guard that trusts this issuer, goes by its clock, and feels at once what it rotates, withdraws and revokes. What an
    /// application says of its own guard is said of it as well: `issuer.guard().token_from_query("token")`.
    pub fn guard(&self) -> Guard {
        // Little memory is quickly made and let go, and a test has few tokens.
        let guard = Guard::new(self.0.verifier.clone()).remember(MEMORY);
        guard.revocations(self.0.revocations.clone())
    }

    /// This issuer as an entry beside others: `Verifier::new(ours.trust()).or_trust(theirs.trust())`. It holds the keys of
    /// now; only the guards of [`guard`](Self::guard) hear of later ones.
    pub fn trust(&self) -> Trust {
        self.0.settings.trust(self.keys())
    }

    /// What it publishes: the key that signs, the next one, and those before it that were not withdrawn.
    pub fn keys(&self) -> KeySet {
        self.ring().published()
    }

    /// A token of this subject, to be said more of. Given to a text, or [built](TestToken::build), it is signed.
    pub fn token(&self, subject: impl Into<String>) -> TestToken {
        TestToken::begin(self, subject.into())
    }

    /// The number of a token: its id, so that no two are the same.
    fn next_number(&self) -> u64 {
        self.0.begun.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn signing(&self) -> SigningKey {
        self.ring().signing().clone()
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        lock(&self.0.ring)
    }
}

/// Whoever panicked while it held the lock failed a test of their own.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIssuer")
            .field("issuer", &self.0.settings.issuer)
            .field("audience", &self.0.settings.audience)
            .field("now", &self.0.clock.now())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
