//! An entry of a verifier: what it demands of a token whose signature holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use serde_json::{Map, Value};

use crate::legacy::Bounds;
use crate::mapping::Mapping;
use crate::payload::Payload;
use crate::{
    Algorithm, Claims, Expected, ExpiryRule, KeyFile, KeySet, KeySource, Reason, Refusal, Roles,
    Scope, SubjectRule, Timestamp, VerifyingKey, header,
};

/// An entry of a verifier. Clones share the keys, so that new keys reach every clone.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) issuer: Expected,
    pub(crate) audience: Expected,
    pub(crate) token_type: Expected,
    pub(crate) keys: Arc<Keys>,
    /// Where the keys come from. Held here, so that whoever fetches them goes on for as long as the entry is in use.
    pub(crate) source: Source,
    pub(crate) algorithms: Algorithms,
    pub(crate) subject: SubjectRule,
    pub(crate) expiry: ExpiryRule,
    /// Its own; else the verifier's.
    pub(crate) leeway: Option<Duration>,
    pub(crate) future_skew: Option<Duration>,
    /// Further claims, and the value that each must have.
    pub(crate) required: Vec<(String, Value)>,
    /// How far it is taken, for an issuer of the past.
    pub(crate) legacy: Option<Bounds>,
    mapping: Option<Box<Mapping>>,
}

/// Where an entry's keys come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// They were given, and may be replaced.
    Given,
    File(KeyFile),
    /// They are fetched.
    #[cfg_attr(not(feature = "remote"), expect(dead_code, reason = "nobody fetches"))]
    Followed(Followed),
    /// The issuer is asked about each token.
    #[cfg(feature = "remote")]
    Introspected(Introspection),
    /// The application looks them up.
    #[cfg(feature = "remote")]
    LookedUp(crate::remote::KeyLookup),
}

/// The algorithms that an entry accepts, a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Algorithms(u8);

impl Algorithms {
    const ALL: Self = Self(u8::MAX);

    pub(crate) const fn has(self, algorithm: Algorithm) -> bool {
        self.0 & Self::bit(algorithm) != 0
    }

    const fn bit(algorithm: Algorithm) -> u8 {
        1 << algorithm as u8
    }
}

impl FromIterator<Algorithm> for Algorithms {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        let bits = algorithms.into_iter().map(Self::bit);
        Self(bits.fold(0, |all, bit| all | bit))
    }
}

/// The keys of an entry: read without a lock, replaced as a whole.
#[derive(Debug)]
pub(crate) struct Keys {
    set: ArcSwap<KeySet>,
    changes: AtomicU64,
}

impl Keys {
    pub(crate) fn new(set: KeySet) -> Self {
        Self {
            set: ArcSwap::from_pointee(set),
            changes: AtomicU64::new(0),
        }
    }

    pub(crate) fn load(&self) -> Guard<Arc<KeySet>> {
        self.set.load()
    }

    pub(crate) fn replace(&self, set: KeySet) {
        self.set.store(Arc::new(set));
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Rises after each replacement.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }
}

/// Who fetches an entry's keys.
#[cfg(feature = "remote")]
pub(crate) use crate::Issuer as Followed;
/// Who is asked about an entry's tokens, and what becomes of that.
#[cfg(feature = "remote")]
pub(crate) use crate::remote::{Asked, Introspection};

/// Nobody, without the feature that fetches.
#[cfg(not(feature = "remote"))]
#[derive(Clone, Debug)]
pub(crate) enum Followed {}

#[cfg(not(feature = "remote"))]
impl Followed {
    pub(crate) const fn keys_are_known(&self) -> bool {
        match *self {}
    }

    pub(crate) const fn heard(&self) -> Option<&crate::Revocations> {
        match *self {}
    }
}

impl Entry {
    pub(crate) fn new(
        issuer: Expected,
        audience: Expected,
        token_type: Expected,
        keys: KeySource,
    ) -> Self {
        Self {
            issuer,
            audience,
            token_type,
            keys: keys.keys,
            source: keys.source,
            algorithms: Algorithms::ALL,
            subject: SubjectRule::default(),
            expiry: ExpiryRule::default(),
            leeway: None,
            future_skew: None,
            required: Vec::new(),
            legacy: None,
            mapping: None,
        }
    }

    /// Where its tokens say what, to be stated.
    pub(crate) fn mapping(&mut self) -> &mut Mapping {
        self.mapping.get_or_insert_default()
    }

    /// Whether the keys are known at present. Those that were given always are.
    pub(crate) fn check_known(&self, now: Timestamp) -> Result<(), Reason> {
        match &self.source {
            Source::Followed(followed) if !followed.keys_are_known() => Err(Reason::KeysUnknown),
            Source::File(file) => {
                file.look(now);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The issuer that is followed, where one is.
    pub(crate) const fn followed(&self) -> Option<&Followed> {
        match &self.source {
            Source::Followed(followed) => Some(followed),
            _ => None,
        }
    }

    /// Whether what was verified may be remembered as such until it expires. Where somebody else is asked, their answer counts
    /// for its own time.
    pub(crate) const fn is_remembered(&self) -> bool {
        matches!(
            self.source,
            Source::Given | Source::File(_) | Source::Followed(_)
        )
    }

    /// The key for this token, where the application looks it up.
    #[cfg_attr(
        not(feature = "remote"),
        expect(
            clippy::unused_self,
            clippy::unnecessary_wraps,
            reason = "nobody looks it up"
        )
    )]
    pub(crate) fn looked_up(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<VerifyingKey>, Refusal> {
        #[cfg(feature = "remote")]
        if let Source::LookedUp(lookup) = &self.source {
            return lookup.key(self, token, now).map(Some);
        }
        let _ = (token, now);
        Ok(None)
    }
}

/// What an entry demands of a token whose signature holds, but for its times.
pub(crate) fn check_entry(
    entry: &Entry,
    read: &mut Payload,
    typ: Option<&str>,
    payload: &[u8],
) -> Result<(), Refusal> {
    if let Some(mapping) = &entry.mapping {
        mapping.apply(read, payload)?;
    } else if let Some(name) = read.malformed {
        return Err(Refusal::of_claim(Reason::TokenClaimMalformed, name));
    }
    if entry.legacy.is_some() {
        take_rights(&mut read.claims, entry.mapping.as_deref());
    }
    if !entry.token_type.accepts(typ, header::same_type) {
        return Err(Reason::TokenTypeWrong.into());
    }
    check_issuer(entry, &read.claims)?;
    check_audience(entry, &read.claims)?;
    check_subject(entry.subject, read)?;
    if !read.has_expiry {
        match entry.expiry {
            ExpiryRule::Required => {
                return Err(Refusal::of_claim(Reason::TokenClaimMissing, "exp"));
            }
            ExpiryRule::Optional => read.claims.exp = Claims::NEVER,
        }
    }
    if !entry.required.is_empty() {
        check_required(&entry.required, payload)?;
    }
    match &entry.legacy {
        Some(legacy) => legacy.check(&mut read.claims),
        None => Ok(()),
    }
}

/// Of an issuer of the past, whose secret may be known: roles and scope count only from where that was said. A generation is none
/// of ours, and would outweigh that all of somebody's older tokens were revoked.
fn take_rights(claims: &mut Claims, mapping: Option<&Mapping>) {
    claims.generation = None;
    if mapping.is_none_or(|mapping| mapping.roles.is_empty()) {
        claims.roles = Roles::default();
    }
    if mapping.is_none_or(|mapping| mapping.scope.is_empty()) {
        claims.scope = Scope::default();
    }
}

pub(crate) fn check_issuer(entry: &Entry, claims: &Claims) -> Result<(), Refusal> {
    let issuer = claims.iss.as_deref();
    if entry.issuer.accepts(issuer, |a, b| a == b) {
        return Ok(());
    }
    Err(Refusal::of_claim(
        match issuer {
            Some(_) => Reason::TokenIssuerWrong,
            None => Reason::TokenClaimMissing,
        },
        "iss",
    ))
}

fn check_audience(entry: &Entry, claims: &Claims) -> Result<(), Refusal> {
    let accepted = if claims.aud.is_empty() {
        entry.audience.accepts(None, |a, b| a == b)
    } else {
        claims
            .aud
            .iter()
            .any(|audience| entry.audience.accepts(Some(audience), |a, b| a == b))
    };
    if accepted {
        return Ok(());
    }
    let missing = claims.aud.is_empty() && entry.audience.is_required();
    Err(Refusal::of_claim(
        if missing {
            Reason::TokenClaimMissing
        } else {
            Reason::TokenAudienceWrong
        },
        "aud",
    ))
}

fn check_subject(rule: SubjectRule, read: &Payload) -> Result<(), Refusal> {
    match rule {
        SubjectRule::Required if read.integer_subject => {
            Err(Refusal::of_claim(Reason::TokenClaimMalformed, "sub"))
        }
        SubjectRule::Required | SubjectRule::Integer if read.claims.sub.is_empty() => {
            Err(Refusal::of_claim(Reason::TokenClaimMissing, "sub"))
        }
        SubjectRule::Required | SubjectRule::Integer | SubjectRule::Unchecked => Ok(()),
    }
}

fn check_required(required: &[(String, Value)], payload: &[u8]) -> Result<(), Refusal> {
    let members: Map<String, Value> =
        serde_json::from_slice(payload).map_err(|_| Reason::TokenMalformed)?;
    for (name, value) in required {
        match members.get(name) {
            Some(found) if found == value => {}
            Some(found) => return Err(Refusal::of_claim(wrong_claim(value, found), name)),
            None => return Err(Refusal::of_claim(Reason::TokenClaimMissing, name)),
        }
    }
    Ok(())
}

/// What a required claim is, where a token says in a claim what it is for (`type`, `token_type`, `token_use`).
const REFRESH: &str = "refresh";

/// Why another value than the required one is refused. A refresh token in an access token's place, or the reverse, is told
/// so: it is the caller's most common mistake. It is refused either way.
fn wrong_claim(required: &Value, found: &Value) -> Reason {
    let is_refresh = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| text.eq_ignore_ascii_case(REFRESH))
    };
    match (is_refresh(required), is_refresh(found)) {
        (false, true) => Reason::AccessTokenNeeded,
        (true, false) => Reason::RefreshTokenNeeded,
        _ => Reason::TokenClaimWrong,
    }
}
