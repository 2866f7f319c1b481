//! Security Event Tokens (RFC 8417), as the feed carries them: verified, and read as what they revoke.
//!
//! A SET is no access token and never passes as one: its type is its own, and it has no `exp`, `sub` or `aud`.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::compact::Parts;
use crate::{Algorithm, KeyId, KeySet, Timestamp, VerifyingKey, base64url, header, strict};

/// `typ` of a SET (RFC 8417, section 2.3).
const TYPE: &str = "secevent+jwt";
/// Longest signature, in bytes: that of RSA with 8192 bits.
const LONGEST_SIGNATURE: usize = 1024;
/// Beyond this, the largest integer that every JSON parser agrees on, a number is none.
const FARTHEST: i64 = 1 << 53;

const SESSION: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const TOKEN: &str = "urn:keystile:event:token-revoked";
const SUBJECT: &str = "urn:keystile:event:subject-revoked";
const KEY: &str = "urn:keystile:event:key-withdrawn";

/// What a SET says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Session {
        sid: String,
        until: Timestamp,
    },
    Token {
        jti: String,
        until: Timestamp,
    },
    Subject {
        sub: String,
        generation_below: Option<u64>,
        issued_up_to: Option<Timestamp>,
        until: Timestamp,
    },
    Key(KeyId),
    /// An event of a type that is not known here.
    Other,
}

/// Why a SET is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No key of this id is known: it may have been published meanwhile.
    KeyUnknown(KeyId),
    Wrong(&'static str),
}

/// Verifies a SET of this issuer with its keys, but for those that are withdrawn, and reads it.
pub(super) fn read(
    set: &str,
    issuer: &str,
    keys: &KeySet,
    is_withdrawn: impl Fn(&KeyId) -> bool,
) -> Result<Said, Fault> {
    let parts = Parts::split(set).map_err(|_| Fault::Wrong("a security event token is not one"))?;
    verify(&parts, keys, is_withdrawn)?;
    let payload = base64url::decode(parts.payload)
        .ok_or(Fault::Wrong("a security event token is not canonical"))?;
    said(&payload, issuer).map_err(Fault::Wrong)
}

fn verify(
    parts: &Parts<'_>,
    keys: &KeySet,
    is_withdrawn: impl Fn(&KeyId) -> bool,
) -> Result<(), Fault> {
    let head = header::decode(parts.header)
        .map_err(|_| Fault::Wrong("the header of a security event token cannot be read"))?;
    let typed = head.typ.as_deref();
    if !typed.is_some_and(|typ| header::same_type(typ, TYPE)) {
        return Err(Fault::Wrong(
            "a token came that is no security event token by its type",
        ));
    }
    let algorithm: Option<Algorithm> = head.algorithm.parse().ok();
    let Some(algorithm) = algorithm.filter(|algorithm| !algorithm.is_symmetric()) else {
        return Err(Fault::Wrong(
            "a security event token is signed by an algorithm that is not taken",
        ));
    };
    let Some(id) = head.kid.map(KeyId::from) else {
        return Err(Fault::Wrong("a security event token names no key"));
    };
    if is_withdrawn(&id) {
        return Err(Fault::Wrong(
            "a security event token is signed by a key that was withdrawn",
        ));
    }
    let named: Vec<&VerifyingKey> = keys.iter().filter(|key| *key.key_id() == id).collect();
    if named.is_empty() {
        return Err(Fault::KeyUnknown(id));
    }
    let mut buffer = [0; LONGEST_SIGNATURE + 4];
    let holds = base64url::decode_slice(parts.signature, &mut buffer).is_some_and(|signature| {
        let mut right = named.iter().filter(|key| key.algorithm() == algorithm);
        right.any(|key| key.verify_signature(parts.signed, signature))
    });
    if holds {
        Ok(())
    } else {
        Err(Fault::Wrong(
            "the signature of a security event token does not hold",
        ))
    }
}

#[derive(Deserialize)]
struct Payload {
    iss: String,
    jti: String,
    #[serde(rename = "iat")]
    _iat: i64,
    sub_id: SubjectId,
    events: Map<String, Value>,
    exp: Option<Value>,
    sub: Option<Value>,
    aud: Option<Value>,
}

/// A subject identifier (RFC 9493), as far as the known events use it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SubjectId {
    format: String,
    id: Option<String>,
    iss: Option<String>,
    sub: Option<String>,
    jti: Option<String>,
    session: Option<Box<SubjectId>>,
}

#[derive(Deserialize)]
struct Details {
    until: Option<i64>,
    generation_below: Option<i64>,
    issued_up_to: Option<i64>,
}

fn said(json: &[u8], issuer: &str) -> Result<Said, &'static str> {
    let unreadable = "the claims of a security event token cannot be read";
    // No member twice, not too deep.
    strict::read_object(json, |_, _| 0).map_err(|_| unreadable)?;
    let payload: Payload = serde_json::from_slice(json).map_err(|_| unreadable)?;
    if payload.iss != issuer {
        return Err("a security event token is of another issuer");
    }
    if payload.exp.is_some() || payload.sub.is_some() || payload.aud.is_some() {
        return Err("a security event token has a claim that only access tokens have");
    }
    if payload.jti.is_empty() {
        return Err("a security event token has no id");
    }
    let mut events = payload.events.into_iter();
    let (Some((kind, details)), None) = (events.next(), events.next()) else {
        return Err("a security event token has not just one event");
    };
    let missing = "an event lacks what its type says it has";
    if ![SESSION, TOKEN, SUBJECT, KEY].contains(&kind.as_str()) {
        return Ok(Said::Other);
    }
    let details: Details = serde_json::from_value(details).map_err(|_| missing)?;
    about(&kind, payload.sub_id, &details, issuer).ok_or(missing)
}

fn about(kind: &str, whom: SubjectId, details: &Details, issuer: &str) -> Option<Said> {
    let until = || seconds(details.until?);
    let of_issuer = |whom: &SubjectId| whom.iss.as_deref() == Some(issuer);
    match (kind, whom.format.as_str()) {
        (SESSION, "complex") => Some(Said::Session {
            sid: opaque(*whom.session?)?,
            until: until()?,
        }),
        (TOKEN, "jwt_id") if of_issuer(&whom) => Some(Said::Token {
            jti: text(whom.jti)?,
            until: until()?,
        }),
        (SUBJECT, "iss_sub") if of_issuer(&whom) => {
            let generation = details.generation_below.map(whole);
            let up_to = details.issued_up_to.map(seconds);
            if generation.is_none() && up_to.is_none() {
                return None;
            }
            Some(Said::Subject {
                sub: text(whom.sub)?,
                generation_below: generation.map_or(Some(None), |found| found.map(Some))?,
                issued_up_to: up_to.map_or(Some(None), |found| found.map(Some))?,
                until: until()?,
            })
        }
        (KEY, "opaque") => opaque(whom).map(|id| Said::Key(KeyId::from(id))),
        _ => None,
    }
}

fn opaque(whom: SubjectId) -> Option<String> {
    text(whom.id.filter(|_| whom.format == "opaque"))
}

fn text(found: Option<String>) -> Option<String> {
    found.filter(|text| !text.is_empty())
}

fn whole(number: i64) -> Option<u64> {
    u64::try_from(number).ok().filter(|_| number < FARTHEST)
}

fn seconds(number: i64) -> Option<Timestamp> {
    whole(number).map(|_| Timestamp::from_seconds(number))
}

#[cfg(test)]
mod tests;
