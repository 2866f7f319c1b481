//! An entry of a verifier: what it demands of a token whose signature holds.

use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::{Map, Value};

use crate::payload::Payload;
use crate::{Claims, Expected, KeySet, Reason, Refusal, SubjectRule, Trust, header};

/// An entry of a verifier. Clones share the keys, so that new keys reach every clone.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) issuer: Expected,
    pub(crate) audience: Expected,
    pub(crate) token_type: Expected,
    pub(crate) keys: Arc<ArcSwap<KeySet>>,
    pub(crate) subject: SubjectRule,
    /// Further claims, and the value that each must have.
    pub(crate) required: Vec<(String, Value)>,
}

impl From<Trust> for Entry {
    fn from(trust: Trust) -> Self {
        Self {
            issuer: trust.issuer,
            audience: trust.audience,
            token_type: trust.token_type,
            keys: Arc::new(ArcSwap::from_pointee(trust.keys)),
            subject: SubjectRule::default(),
            required: Vec::new(),
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
