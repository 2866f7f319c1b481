//! The compact form of a token: its parts, and how to look at them without trusting them.

use memchr::memchr;
use serde_json::{Map, Value};

use crate::secret::REFRESH_TOKEN_PREFIX;
use crate::{OpaqueToken, Reason, Refusal, base64url, strict};

/// Longest token, in bytes. A longer one is refused before anything else is looked at.
pub(crate) const LONGEST_TOKEN: usize = 16 * 1024;

/// The parts of a compact token (RFC 7515, section 7.1), still encoded.
pub(crate) struct Parts<'a> {
    pub(crate) header: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) signature: &'a [u8],
    /// Header, dot, payload.
    pub(crate) signed: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(crate) fn split(token: &'a str) -> Result<Self, Reason> {
        if token.len() > LONGEST_TOKEN {
            return Err(Reason::TokenTooLarge);
        }
        let text = token;
        let token = token.as_bytes();
        let first = memchr(b'.', token).ok_or_else(|| without_dots(text))?;
        let (header, rest) = (&token[..first], &token[first + 1..]);
        let second = memchr(b'.', rest).ok_or(Reason::TokenMalformed)?;
        let (payload, signature) = (&rest[..second], &rest[second + 1..]);
        if memchr(b'.', signature).is_some() {
            return Err(Reason::TokenMalformed);
        }
        Ok(Self {
            header,
            payload,
            signature,
            signed: &token[..first + 1 + second],
        })
    }
}

/// Why a text without any dot is no access token.
fn without_dots(text: &str) -> Reason {
    match OpaqueToken::parse(REFRESH_TOKEN_PREFIX, text) {
        Some(_) => Reason::AccessTokenNeeded,
        None => Reason::TokenMalformed,
    }
}

/// A token's parts, decoded and **not verified**: for showing, never for deciding.
#[derive(Clone, Debug)]
pub struct UnverifiedParts {
    /// The header's JSON.
    pub header: String,
    /// The payload's JSON.
    pub payload: String,
    /// The signature's bytes.
    pub signature: Vec<u8>,
}

impl UnverifiedParts {
    /// A member of the header, **not verified**: `kid`, say, or one of the application's own.
    pub fn header_member(&self, name: &str) -> Option<Value> {
        member(&self.header, name)
    }

    /// A claim, **not verified**: whoever sent the token wrote it.
    pub fn claim(&self, name: &str) -> Option<Value> {
        member(&self.payload, name)
    }
}

fn member(object: &str, name: &str) -> Option<Value> {
    let mut members: Map<String, Value> = serde_json::from_str(object).ok()?;
    members.remove(name)
}

/// Takes a token apart without verifying it, to look at it. Its form is checked: three canonical base64url parts, the
/// first two of them strict JSON objects.
///
/// ```
/// use keystile::{Claims, SigningKey, take_apart_unverified};
///
/// let token = SigningKey::hs256([7; 32])?.issue(&Claims::new("ada", 4_000_000_000))?;
/// let parts = take_apart_unverified(&token)?;
/// assert_eq!(parts.header_member("alg"), Some("HS256".into()));
/// assert_eq!(parts.claim("sub"), Some("ada".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn take_apart_unverified(token: &str) -> Result<UnverifiedParts, Refusal> {
    let parts = Parts::split(token)?;
    let json = |part| {
        let bytes = base64url::decode(part).ok_or(Reason::TokenMalformed)?;
        strict::read_object(&bytes, |_, _| 0)?;
        String::from_utf8(bytes).map_err(|_| Reason::TokenMalformed)
    };
    Ok(UnverifiedParts {
        header: json(parts.header)?,
        payload: json(parts.payload)?,
        signature: base64url::decode(parts.signature).ok_or(Reason::TokenMalformed)?,
    })
}
