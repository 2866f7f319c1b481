//! The only place that trusts a token.
//!
//! The order is fixed: length, structure, key, signature, claims, and, in a [`Guard`](crate::Guard), revocation. A
//! reason about claims is given only once the signature holds.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::compact::Parts;
use crate::entry::{Algorithms, Entry, Source, check_entry};
#[cfg(feature = "remote")]
use crate::entry::{Asked, Followed, Introspection};
use crate::header::{self, Header};
use crate::payload::{self, Payload};
use crate::{
    Algorithm, Claims, Clock, Expected, KeySet, Reason, Refusal, Timestamp, Trusted, VerifyingKey,
    base64url,
};

mod verified;

pub use verified::Verified;

/// Longest signature, in bytes: that of RSA with 8192 bits.
const LONGEST_SIGNATURE: usize = 1024;

/// Most keys that are tried for a token that names none.
const MOST_TRIED: usize = 8;

/// Verifies tokens of one issuer or of several. Clones are cheap enough and share the keys.
///
/// ```
/// use keystile::{Algorithm, Claims, Clock, KeySet, Random, SigningKey, Timestamp, Trust, Verifier};
///
/// let key = SigningKey::generate(Algorithm::EdDsa, &Random::system())?;
/// let clock = Clock::manual(Timestamp::from_seconds(1_000));
/// let verifier = Verifier::new(Trust {
///     issuer: "https://id.example".into(),
///     audience: "cakes".into(),
///     token_type: "at+jwt".into(),
///     keys: KeySet::from(key.verifying_key().clone()),
/// })
/// .clock(clock.clone());
///
/// let claims = Claims {
///     iss: Some("https://id.example".into()),
///     aud: "cakes".into(),
///     ..Claims::new("ada", 1_900)
/// };
/// let token = key.issue(&claims)?;
/// assert_eq!(verifier.verify(&token)?.claims().sub, "ada");
///
/// clock.set(Timestamp::from_seconds(1_900));
/// assert_eq!(verifier.verify(&token).unwrap_err().code(), "token_expired");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Verifier {
    entries: Vec<Entry>,
    leeway: Duration,
    future_skew: Duration,
    clock: Clock,
}

impl Verifier {
    /// One that trusts this issuer: a [`Trust`](crate::Trust) with its keys, or an issuer that is followed.
    pub fn new(trust: impl Into<Trusted>) -> Self {
        Self {
            entries: vec![trust.into().0],
            leeway: Duration::ZERO,
            future_skew: Duration::from_secs(60),
            clock: Clock::system(),
        }
    }

    /// Trusts another issuer too. An entry is chosen by the token's `iss` before any signature is checked: the first
    /// that names it; else the first that expects none and finds none; else the first that leaves it unchecked.
    ///
    /// A `sub` is one caller's within its issuer only (RFC 7519, section 4.1.2): where several issuers are trusted, know a caller by
    /// `iss` and `sub` together.
    #[must_use]
    pub fn or_trust(mut self, trust: impl Into<Trusted>) -> Self {
        self.entries.push(trust.into().0);
        self
    }

    /// How long after `exp` a token still passes, where its issuer's entry says nothing of its own. None unless said otherwise.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// How far in the future `nbf` and `iat` may lie, for clocks that differ, where the issuer's entry says nothing of its
    /// own. 60 seconds unless said otherwise.
    #[must_use]
    pub fn future_skew(mut self, skew: Duration) -> Self {
        self.future_skew = skew;
        self
    }

    /// The clock to go by. The system's unless said otherwise.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Gives the entry at this place, in the order of adding, other keys; every clone of this verifier uses them at
    /// once. `false` if there is no such entry, and where the keys come from elsewhere: from a file, or from an issuer that
    /// is followed.
    pub fn replace_keys(&self, entry: usize, keys: KeySet) -> bool {
        match self.entries.get(entry) {
            Some(entry) if matches!(entry.source, Source::Given) => {
                entry.keys.replace(keys);
                true
            }
            _ => false,
        }
    }

    /// The issuer that is followed, of those that a token was verified by.
    #[cfg(feature = "remote")]
    pub(crate) fn followed_by(&self, verified: &Verified) -> Option<&Followed> {
        self.entries.get(verified.entry)?.followed()
    }

    /// What the token's issuer is heard to revoke, where it is.
    pub(crate) fn heard_of(&self, verified: &Verified) -> Option<&crate::Revocations> {
        self.entries.get(verified.entry)?.followed()?.heard()
    }

    #[cfg(any(feature = "remote", feature = "tower"))]
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What the entries say, changed for every one of them.
    pub(crate) fn each_entry(mut self, change: impl Fn(&mut Entry)) -> Self {
        self.entries.iter_mut().for_each(change);
        self
    }

    /// What the entry added last says, changed.
    pub(crate) fn last_entry(mut self, change: impl FnOnce(&mut Entry)) -> Self {
        if let Some(entry) = self.entries.last_mut() {
            change(entry);
        }
        self
    }

    /// Rises when keys are replaced.
    pub(crate) fn epoch(&self) -> u64 {
        self.entries.iter().map(|entry| entry.keys.changes()).sum()
    }

    /// The moment by this verifier's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Verifies a token and gives what it says. Revocation is the [`Guard`](crate::Guard)'s part.
    pub fn verify(&self, token: &str) -> Result<Arc<Verified>, Refusal> {
        let now = self.now();
        let verdict = self.verify_at(token, now);
        #[cfg(feature = "remote")]
        if let Err(refusal) = &verdict {
            self.ask_for_keys(token, refusal, now);
        }
        verdict
    }

    /// What was verified before, once more: whether its issuer's keys are still known, and its times.
    pub(crate) fn check_again(&self, known: &Verified, now: Timestamp) -> Result<(), Reason> {
        let entry = self.entries.get(known.entry).ok_or(Reason::KeysUnknown)?;
        entry.check_known(now)?;
        self.check_times(entry, &known.claims, now)
    }

    /// Whether this verified token may be remembered as such.
    pub(crate) fn may_remember(&self, verified: &Verified) -> bool {
        let entry = self.entries.get(verified.entry);
        entry.is_some_and(Entry::is_remembered)
    }

    /// The entry whose issuer is asked about this token: the only one, or one beside others where it is no JWT.
    #[cfg(feature = "remote")]
    fn introspecting(&self, token: &str) -> Option<(usize, &Entry, &Introspection)> {
        let mut entries = self.entries.iter().enumerate();
        let found = entries.find_map(|(at, entry)| match &entry.source {
            Source::Introspected(introspection) => Some((at, entry, introspection)),
            _ => None,
        })?;
        let is_asked =
            self.entries.len() == 1 || memchr::memchr_iter(b'.', token.as_bytes()).count() != 2;
        is_asked.then_some(found)
    }

    /// Has somebody asked about a token that nothing can be said of yet, its issuer or whoever knows its key. `None` where nobody
    /// is.
    #[cfg(feature = "remote")]
    pub(crate) fn inquire(&self, token: &str) -> Option<Asked> {
        if let Some((_, _, introspection)) = self.introspecting(token) {
            return introspection.ask(token, &self.clock);
        }
        let is_looked_up = |entry: &Entry| matches!(entry.source, Source::LookedUp(_));
        if !self.entries.iter().any(is_looked_up) {
            return None;
        }
        let entry = match &self.entries[..] {
            [entry] => entry,
            entries => {
                let parts = Parts::split(token).ok()?;
                let read = payload::parse(&base64url::decode(parts.payload)?).ok()?;
                &entries[choose(entries, &read).ok()?]
            }
        };
        match &entry.source {
            Source::LookedUp(lookup) => lookup.ask(entry, token, &self.clock),
            _ => None,
        }
    }

    pub(crate) fn verify_at(&self, token: &str, now: Timestamp) -> Result<Arc<Verified>, Refusal> {
        #[cfg(feature = "remote")]
        if let Some((at, entry, introspection)) = self.introspecting(token) {
            return introspection.verify(self, (at, entry), token, now);
        }
        let parts = Parts::split(token)?;
        let payload = base64url::decode(parts.payload).ok_or(Reason::TokenMalformed)?;
        let mut buffer = [0; LONGEST_SIGNATURE + 4];
        let signature =
            base64url::decode_slice(parts.signature, &mut buffer).ok_or(Reason::TokenMalformed)?;

        let (at, early) = match &self.entries[..] {
            [_] => (0, None),
            entries => {
                let read = payload::parse(&payload)?;
                (choose(entries, &read)?, Some(read))
            }
        };
        let entry = &self.entries[at];
        entry.check_known(now)?;
        let keys = entry.keys.load();
        let looked_up = entry.looked_up(token, now)?;
        let (key, typ) = match &looked_up {
            Some(key) => (key, signed_by(key, entry.algorithms, &parts, signature)?),
            None => Self::signer(entry.algorithms, &keys, &parts, signature)?,
        };
        let mut read = match early {
            Some(read) => read,
            None => payload::parse(&payload)?,
        };
        check_entry(entry, &mut read, typ.as_deref(), &payload)?;
        self.check_times(entry, &read.claims, now)?;
        Ok(Arc::new(Verified {
            claims: read.claims,
            as_issued: read.as_issued,
            payload,
            key: Some((key.key_id().clone(), key.algorithm())),
            entry: at,
            legacy: entry.legacy.is_some(),
        }))
    }

    /// The key that made the signature, and the token's `typ`.
    fn signer<'k>(
        accepted: Algorithms,
        keys: &'k KeySet,
        parts: &Parts<'_>,
        signature: &[u8],
    ) -> Result<(&'k VerifyingKey, Option<Cow<'static, str>>), Reason> {
        // Most tokens have, byte for byte, the header that this crate writes for their key: nothing in it needs reading.
        // Keys of one id and algorithm have the same, so these are all the candidates.
        let usual = || keys.iter().filter(|key| key.usual_header() == parts.header);
        if let Some(first) = usual().next() {
            if !accepted.has(first.algorithm()) {
                return Err(Reason::TokenAlgorithmRefused);
            }
            return usual()
                .take(MOST_TRIED)
                .find(|key| key.verify_signature(parts.signed, signature))
                .map(|key| (key, Some(Cow::Borrowed(header::ACCESS_TOKEN))))
                .ok_or(Reason::TokenSignatureInvalid);
        }
        let header = header::decode(parts.header)?;
        candidates(accepted, keys, &header)?
            .into_iter()
            .find(|key| key.verify_signature(parts.signed, signature))
            .map(|key| (key, header.typ.map(Cow::Owned)))
            .ok_or(Reason::TokenSignatureInvalid)
    }

    /// Checks `exp`, `nbf` and `iat`.
    pub(crate) fn check_times(
        &self,
        entry: &Entry,
        claims: &Claims,
        now: Timestamp,
    ) -> Result<(), Reason> {
        let leeway = entry.leeway.unwrap_or(self.leeway);
        if now >= claims.expires_at().saturating_add(leeway) {
            return Err(Reason::TokenExpired);
        }
        if entry.legacy.is_some_and(|legacy| legacy.is_over(now)) {
            return Err(Reason::TokenExpired);
        }
        let latest = now.saturating_add(entry.future_skew.unwrap_or(self.future_skew));
        let in_future = |at: Option<i64>| at.is_some_and(|at| Timestamp::from_seconds(at) > latest);
        if in_future(claims.nbf) {
            return Err(Reason::TokenNotYetValid);
        }
        if in_future(claims.iat) {
            return Err(Reason::TokenIssuedInFuture);
        }
        Ok(())
    }
}

/// The place of the entry that a token's `iss` falls to.
pub(crate) fn choose(entries: &[Entry], read: &Payload) -> Result<usize, Refusal> {
    if read.malformed == Some("iss") {
        return Err(Refusal::of_claim(Reason::TokenClaimMalformed, "iss"));
    }
    let issuer = read.claims.iss.as_deref();
    let stated = |entry: &Entry| {
        entry.issuer != Expected::Unchecked && entry.issuer.accepts(issuer, |a, b| a == b)
    };
    entries
        .iter()
        .position(stated)
        .or_else(|| {
            entries
                .iter()
                .position(|entry| entry.issuer == Expected::Unchecked)
        })
        .ok_or_else(|| Refusal::of_claim(Reason::TokenIssuerWrong, "iss"))
}

/// Whether this key made the signature, whatever key the header names; the token's `typ`.
fn signed_by(
    key: &VerifyingKey,
    accepted: Algorithms,
    parts: &Parts<'_>,
    signature: &[u8],
) -> Result<Option<Cow<'static, str>>, Reason> {
    let header = header::decode(parts.header)?;
    if header.algorithm != key.algorithm().as_str() || !accepted.has(key.algorithm()) {
        return Err(Reason::TokenAlgorithmRefused);
    }
    if !key.verify_signature(parts.signed, signature) {
        return Err(Reason::TokenSignatureInvalid);
    }
    Ok(header.typ.map(Cow::Owned))
}

/// The keys that may have signed: those of the header's `kid`, or, if it names none, those of its algorithm.
fn candidates<'k>(
    accepted: Algorithms,
    keys: &'k KeySet,
    header: &Header,
) -> Result<Vec<&'k VerifyingKey>, Reason> {
    let algorithm = header.algorithm.parse::<Algorithm>();
    let algorithm = algorithm.map_err(|_| Reason::TokenAlgorithmRefused)?;
    if !accepted.has(algorithm) {
        return Err(Reason::TokenAlgorithmRefused);
    }
    let right = |key: &&VerifyingKey| key.algorithm() == algorithm;
    let Some(kid) = header.kid.as_deref() else {
        let found: Vec<_> = keys.iter().filter(right).take(MOST_TRIED).collect();
        return if found.is_empty() {
            Err(Reason::TokenAlgorithmRefused)
        } else {
            Ok(found)
        };
    };
    let mut named = keys
        .iter()
        .filter(|key| key.key_id().as_str() == kid)
        .peekable();
    if named.peek().is_none() {
        return Err(Reason::TokenKeyUnknown);
    }
    let found: Vec<_> = named.filter(right).take(MOST_TRIED).collect();
    if found.is_empty() {
        Err(Reason::TokenAlgorithmRefused)
    } else {
        Ok(found)
    }
}
