//! Options of [`Accounts`], each with a sound default.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keystile::Algorithm;
use keystile::Clock;
use keystile::Random;
use keystile::SigningKey;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::accounts::{Accounts, ServerLock};
use crate::answer::Account;
use crate::error::{Fault, OpenError};
use crate::gate::Gate;
use crate::issuance::Issuance;
use crate::keys::KeyOptions;
use crate::limits::GuessLimits;
use crate::names::UsernameRule;
use crate::password::{Hashing, PasswordPolicy};
use crate::store;

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

/// How ids of new accounts are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountIds {
    /// UUIDv7 (RFC 9562): unguessable enough, in the order of creation.
    #[default]
    Uuid,
    /// Decimal numbers from 1, as older systems have them.
    Sequence,
}

/// What the extra claims of one token are: a JSON object.
pub(crate) type ExtraClaims =
    Arc<dyn Fn(&Issuance<'_>) -> Result<serde_json::Value, serde_json::Error> + Send + Sync>;

/// The options of [`Accounts`]. Made by [`Accounts::builder`].
#[derive(Clone)]
#[must_use = "nothing happens until `open` is awaited"]
pub struct Builder {
    pub(crate) url: String,
    pub(crate) tokens: TokenOptions,
    pub(crate) keys: KeyOptions,
    pub(crate) sessions: SessionOptions,
    pub(crate) password_policy: PasswordPolicy,
    pub(crate) hashing: Hashing,
    pub(crate) guess_limits: GuessLimits,
    pub(crate) usernames: UsernameRule,
    pub(crate) account_ids: AccountIds,
    pub(crate) admin_role: String,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) gate: Gate,
    pub(crate) store: store::Options,
}

/// What access tokens look like.
#[derive(Clone)]
pub(crate) struct TokenOptions {
    pub(crate) issuer: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) signing_secret: Option<Zeroizing<Vec<u8>>>,
    pub(crate) token_type: String,
    pub(crate) minimal: bool,
    pub(crate) not_before: bool,
    pub(crate) lifetime: Duration,
    pub(crate) extra: Option<ExtraClaims>,
}

/// How long sessions live and how their refresh tokens are kept.
#[derive(Clone)]
pub(crate) struct SessionOptions {
    pub(crate) refresh_lifetime: Duration,
    pub(crate) idle_limit: Option<Duration>,
    pub(crate) absolute_limit: Option<Duration>,
    pub(crate) replay_grace: Duration,
    pub(crate) limit: Option<u32>,
    pub(crate) refresh_hash_key: Option<Zeroizing<Vec<u8>>>,
}

impl SessionOptions {
    /// Whether a session goes by its idle limit, and not by the refresh token's own lifetime.
    pub(crate) fn is_idle_limited(&self) -> bool {
        self.idle_limit
            .is_some_and(|limit| limit <= self.refresh_lifetime)
    }
}

impl Builder {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            tokens: TokenOptions {
                issuer: None,
                audience: None,
                algorithm: None,
                signing_secret: None,
                token_type: "at+jwt".to_owned(),
                minimal: false,
                not_before: false,
                lifetime: Duration::from_secs(15 * MINUTE),
                extra: None,
            },
            keys: KeyOptions::default(),
            sessions: SessionOptions {
                refresh_lifetime: Duration::from_secs(30 * DAY),
                idle_limit: None,
                absolute_limit: None,
                replay_grace: Duration::from_secs(MINUTE),
                limit: None,
                refresh_hash_key: None,
            },
            password_policy: PasswordPolicy::default(),
            hashing: Hashing::default(),
            guess_limits: GuessLimits::default(),
            usernames: UsernameRule::default(),
            account_ids: AccountIds::default(),
            admin_role: "admin".to_owned(),
            clock: Clock::system(),
            random: Random::system(),
            gate: Gate::default(),
            store: store::Options::default(),
        }
    }

    /// The `iss` of every token, and what the guard requires. `urn:keystile:accounts` if not set.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.tokens.issuer = Some(issuer.into());
        self
    }

    /// The `aud` of every token, and what the guard requires. The issuer if not set.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.tokens.audience = Some(audience.into());
        self
    }

    /// The algorithm of the signing key that the store keeps. Not set: ES256 for the first key, then whatever the
    /// present one has. Set to another than the present key's: a new key is published, signs as soon as everybody can have
    /// it, and tokens of the old one stay good until they expire.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.tokens.algorithm = Some(algorithm);
        self
    }

    /// How long a verifier may keep the published keys, which the answer that publishes them must say too (`max-age`):
    /// 5 minutes by default. A new key is published for longer than that before it signs. After lowering it, wait for the
    /// old time before the next rotation.
    pub fn key_max_age(mut self, max_age: Duration) -> Self {
        self.keys.max_age = max_age;
        self
    }

    /// Makes a new signing key when the present one has signed for so long; not by itself if not set. At least about half
    /// an hour by default: the times of a key and the access lifetime must fit into it.
    pub fn rotate_keys_every(mut self, every: Option<Duration>) -> Self {
        self.keys.rotate_every = every;
        self
    }

    /// Seals the private keys in the database (AES-256-GCM), and derives successors of refresh tokens under it, so that who
    /// has the database alone can sign nothing. Keep it: without it the database does not open.
    pub fn sealing_key(mut self, key: [u8; 32]) -> Self {
        self.keys.sealing_key = Some(Zeroizing::new(key));
        self
    }

    /// The sealing key before a change: what it sealed is sealed anew at the opening.
    pub fn previous_sealing_key(mut self, key: [u8; 32]) -> Self {
        self.keys.previous_sealing_key = Some(Zeroizing::new(key));
        self
    }

    /// Signs with keys that are kept elsewhere, in files or in a vault: the first signs, the others verify and are published
    /// too. They are never written to the store. The store's own key is retired: its tokens stay good until they expire. To
    /// change the key without a refusal, add the new one at the end, wait for [`Accounts::key_lead`], then put it first, and
    /// leave the old one out when its tokens have expired. With several nodes, at all of them.
    pub fn signing_keys(mut self, keys: impl IntoIterator<Item = SigningKey>) -> Self {
        self.keys.elsewhere = keys.into_iter().collect();
        self
    }

    /// Leaves the store's signing key as it is though [`signing_keys`](Self::signing_keys) are given: for a command beside
    /// the server, whose configuration is not the command's to follow.
    pub fn leave_stored_keys(mut self) -> Self {
        self.keys.leave_stored = true;
        self
    }

    /// Signs by HS256 under this secret (at least 32 bytes), for a program that signs and verifies for itself.
    /// The secret is never stored and never published.
    pub fn signing_secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.tokens.signing_secret = Some(Zeroizing::new(secret.into()));
        self
    }

    /// The `typ` of access tokens: `at+jwt` (RFC 9068) by default.
    pub fn token_type(mut self, token_type: impl Into<String>) -> Self {
        self.tokens.token_type = token_type.into();
        self
    }

    /// Writes only `sub`, `iat`, `exp`, `jti`, `sid`, `gen` and the extra claims; `iss` and `aud` only if they are set.
    pub fn minimal_claims(mut self) -> Self {
        self.tokens.minimal = true;
        self
    }

    /// Writes `nbf` too, the moment of issue, for verifiers that want one.
    pub fn not_before(mut self) -> Self {
        self.tokens.not_before = true;
        self
    }

    /// How long an access token is good: 15 minutes by default. Revocations are kept as long as the longest that any
    /// program has ever opened this database with.
    pub fn access_lifetime(mut self, lifetime: Duration) -> Self {
        self.tokens.lifetime = lifetime;
        self
    }

    /// Claims of your own, beside the registered ones: an object for each account.
    ///
    /// ```
    /// # use keystile_accounts::{Account, Accounts};
    /// #[derive(serde::Serialize)]
    /// struct Mine { email: Option<String> }
    /// let builder = Accounts::builder("sqlite://shop.db")
    ///     .extra_claims(|account: &Account| Mine { email: account.email.clone() });
    /// ```
    pub fn extra_claims<E: Serialize>(
        self,
        extra: impl Fn(&Account) -> E + Send + Sync + 'static,
    ) -> Self {
        self.session_claims(move |issuance| extra(issuance.account()))
    }

    /// As [`extra_claims`](Self::extra_claims), for claims that depend on how the token came about too: whether the
    /// password was given just now, when it was last given. Of the two, the one that was called last counts.
    ///
    /// ```
    /// # use keystile_accounts::{Accounts, Issuance};
    /// #[derive(serde::Serialize)]
    /// struct Mine { name: Option<String>, fresh: bool }
    /// let builder = Accounts::builder("sqlite://shop.db").session_claims(|issuance: &Issuance<'_>| Mine {
    ///     name: issuance.account().username.clone(),
    ///     fresh: issuance.is_fresh(),
    /// });
    /// ```
    pub fn session_claims<E: Serialize>(
        mut self,
        claims: impl Fn(&Issuance<'_>) -> E + Send + Sync + 'static,
    ) -> Self {
        self.tokens.extra = Some(Arc::new(move |issuance| {
            serde_json::to_value(claims(issuance))
        }));
        self
    }

    /// How long a refresh token is good if it is not used: 30 days by default.
    pub fn refresh_lifetime(mut self, lifetime: Duration) -> Self {
        self.sessions.refresh_lifetime = lifetime;
        self
    }

    /// Ends a session that has not been refreshed for so long. Must be greater than the access lifetime.
    pub fn idle_limit(mut self, limit: Option<Duration>) -> Self {
        self.sessions.idle_limit = limit;
        self
    }

    /// Ends a session so long after its sign-in, however often it is refreshed.
    pub fn absolute_limit(mut self, limit: Option<Duration>) -> Self {
        self.sessions.absolute_limit = limit;
        self
    }

    /// Most living sessions of one account; no limit if not set. A sign-in is never refused for it: beyond the limit the
    /// sessions that were not used for longest end. Of any number of sign-ins at the same time no more than that remain.
    pub fn session_limit(mut self, most: Option<u32>) -> Self {
        self.sessions.limit = most;
        self
    }

    /// How long a used refresh token, presented again, still gets the same successor, as long as that is unused:
    /// 60 s by default, at most 5 minutes; zero turns it off.
    pub fn replay_grace(mut self, grace: Duration) -> Self {
        self.sessions.replay_grace = grace;
        self
    }

    /// Keeps refresh tokens as an HMAC under this key (at least 32 bytes) in place of a plain SHA-256.
    /// Another key signs everybody out.
    pub fn refresh_hash_key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.sessions.refresh_hash_key = Some(Zeroizing::new(key.into()));
        self
    }

    /// What a new password must be.
    pub fn password_policy(mut self, policy: PasswordPolicy) -> Self {
        self.password_policy = policy;
        self
    }

    /// What hashing a password costs and how many threads do it.
    pub fn hashing(mut self, hashing: Hashing) -> Self {
        self.hashing = hashing;
        self
    }

    /// The limits on guessing: on by default.
    pub fn guess_limits(mut self, limits: GuessLimits) -> Self {
        self.guess_limits = limits;
        self
    }

    /// What a username may be: ASCII by default.
    pub fn usernames(mut self, rule: UsernameRule) -> Self {
        self.usernames = rule;
        self
    }

    /// How ids of new accounts are made.
    pub fn account_ids(mut self, ids: AccountIds) -> Self {
        self.account_ids = ids;
        self
    }

    /// The role that administrators' acts require, rechecked in the transaction of each: `admin` by default.
    pub fn admin_role(mut self, role: impl Into<String>) -> Self {
        self.admin_role = role.into();
        self
    }

    /// The clock, for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The randomness, for tests.
    pub fn random(mut self, random: Random) -> Self {
        self.random = random;
        self
    }

    /// PostgreSQL: most connections of this process, 16 by default and 3 at the least, two of which are for what is revoked.
    /// SQLite goes by its one writer.
    pub fn database_connections(mut self, most: usize) -> Self {
        self.store.connections = most;
        self
    }

    /// PostgreSQL: how long a call may wait for the database in all, for a connection too: 5 seconds by default. SQLite: how
    /// long a write waits for another process's lock.
    pub fn database_timeout(mut self, timeout: Duration) -> Self {
        self.store.patience = timeout;
        self
    }

    /// Holds flows back between two of their steps, so that a test may give a race its order.
    #[cfg(feature = "testing")]
    pub fn hold(mut self, hold: crate::gate::Hold) -> Self {
        self.gate.hold = Some(hold);
        self
    }

    /// Refuses a second server on the same database; commands do not ask for it. Claim it before opening: opening may
    /// migrate the store and change its signing key, which would be felt by the server that is there. Held until dropped.
    pub fn claim_server_lock(&self) -> Result<ServerLock, Fault> {
        ServerLock::claim(&self.url)
    }

    /// Opens the store (making and migrating it if need be), makes the signing key if there is none, and starts
    /// the hashing threads and the two tasks that follow revocations and sweep what has expired.
    pub async fn open(self) -> Result<Accounts, OpenError> {
        Accounts::open_with(self).await
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("issuer", &self.tokens.issuer)
            .field("audience", &self.tokens.audience)
            .field("algorithm", &self.tokens.algorithm)
            .finish_non_exhaustive()
    }
}
