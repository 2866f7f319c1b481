//! An entry of a verifier: what it demands of a token whose signature holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};
use serde_json::{Map, Value};

use crate::payload::Payload;
use crate::{Claims, Expected, KeySet, Reason, Refusal, SubjectRule, Trust, header};

/// An entry of a verifier. Clones share the keys, so that new keys reach every clone.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) issuer: Expected,
    pub(crate) audience: Expected,
    pub(crate) token_type: Expected,
    pub(crate) keys: Arc<Keys>,
    pub(crate) subject: SubjectRule,
    /// Further claims, and the value that each must have.
    pub(crate) required: Vec<(String, Value)>,
    /// Who fetches the keys; none, where they were given. Held here, so that it goes on for as long as the entry is in use.
    pub(crate) followed: Option<Followed>,
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
    /// Whether the keys are known at present. Those that were given always are.
    pub(crate) fn check_known(&self) -> Result<(), Reason> {
        match &self.followed {
            Some(followed) if !followed.keys_are_known() => Err(Reason::KeysUnknown),
            _ => Ok(()),
        }
    }
}

impl From<Trust> for Entry {
    fn from(trust: Trust) -> Self {
        Self {
            issuer: trust.issuer,
            audience: trust.audience,
            token_type: trust.token_type,
            keys: Arc::new(Keys::new(trust.keys)),
            subject: SubjectRule::default(),
            required: Vec::new(),
            followed: None,
        }
    }
}

/// What an entry demands of a token whose signature holds, but for its times.
pub(crate) fn check_entry(
    entry: &Entry,
    read: &Payload,
    typ: Option<&str>,
    payload: &[u8],
) -> Result<(), Refusal> {
    let claims = &read.claims;
    if let Some(name) = read.malformed {
        return Err(Refusal::of_claim(Reason::TokenClaimMalformed, name));
    }
    if !entry.token_type.accepts(typ, header::same_type) {
        return Err(Reason::TokenTypeWrong.into());
    }
    check_issuer(entry, claims)?;
    check_audience(entry, claims)?;
    check_subject(entry.subject, read)?;
    if !read.has_expiry {
        return Err(Refusal::of_claim(Reason::TokenClaimMissing, "exp"));
    }
    if entry.required.is_empty() {
        Ok(())
    } else {
        check_required(&entry.required, payload)
    }
}

fn check_issuer(entry: &Entry, claims: &Claims) -> Result<(), Refusal> {
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
