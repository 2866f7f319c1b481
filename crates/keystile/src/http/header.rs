//! The header that carries a token.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::sent::Sent;
use crate::{Reason, Refusal};

const BEARER: &str = "Bearer";

/// The header that carries a token, and the scheme before it: `Authorization: Bearer` unless a guard is told another by
/// [`Guard::token_from_header`](crate::Guard::token_from_header).
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::http::HeaderName;
/// use axum::http::header::AUTHORIZATION;
/// use keystile::RequestHeader;
///
/// // X-Api-Token: <token>
/// let plain = RequestHeader::named(HeaderName::from_static("x-api-token"));
/// // Authorization: JWT <token>
/// let older = RequestHeader::named(AUTHORIZATION).scheme("JWT");
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    pub(super) name: HeaderName,
    pub(super) scheme: Option<Box<str>>,
}

impl Default for RequestHeader {
    fn default() -> Self {
        Self::bearer()
    }
}

/// What stands in a place of a request.
#[derive(Debug, PartialEq)]
pub(super) enum Seen<'r> {
    Nothing,
    /// Credentials of another scheme: none that are of use here.
    Foreign,
    Token(Sent<'r>),
}

impl<'r> Seen<'r> {
    pub(super) fn token(self) -> Option<Sent<'r>> {
        match self {
            Self::Token(token) => Some(token),
            Self::Nothing | Self::Foreign => None,
        }
    }

    /// The same, once it is known that a token here is one.
    fn read(self) -> Result<Self, Refusal> {
        if let Self::Token(token) = &self {
            token.text()?;
        }
        Ok(self)
    }
}

impl RequestHeader {
    /// `Authorization: Bearer <token>` (RFC 6750, section 2.1).
    pub fn bearer() -> Self {
        Self {
            name: AUTHORIZATION,
            scheme: Some(BEARER.into()),
        }
    }

    /// A header of this name, whose value is the token itself until [`scheme`](Self::scheme) says otherwise.
    pub fn named(name: HeaderName) -> Self {
        Self { name, scheme: None }
    }

    /// The word before the token, at least one space between them. It is read in any case. Letters, digits, `-` and `_` stand
    /// in one; anything else in `scheme` is left out, and one without any of them is none.
    #[must_use]
    pub fn scheme(mut self, scheme: &str) -> Self {
        let word: String = scheme.chars().filter(|c| stands_in_scheme(*c)).collect();
        self.scheme = (!word.is_empty()).then(|| word.into());
        self
    }

    #[cfg(feature = "utoipa")]
    pub(super) const fn name(&self) -> &HeaderName {
        &self.name
    }

    /// The scheme, where it has one.
    #[cfg(feature = "utoipa")]
    pub(super) fn word(&self) -> Option<&str> {
        self.scheme.as_deref()
    }

    /// The scheme of a challenge to whoever brought no token or a bad one.
    pub(super) fn challenged(&self) -> &str {
        self.scheme.as_deref().unwrap_or(BEARER)
    }

    /// Whether a cache on the way keeps no answer to a request with this header, as RFC 9111, section 3.5 says of one alone.
    pub(super) fn keeps_caches_away(&self) -> bool {
        self.name == AUTHORIZATION
    }

    /// For whoever looks in other places too.
    pub(super) fn find<'r>(&self, headers: &'r HeaderMap) -> Result<Seen<'r>, Refusal> {
        self.find_unread(headers)?.read()
    }

    /// Whether the token is one is told once somebody asks for its [text](Sent::text).
    pub(super) fn find_unread<'r>(&self, headers: &'r HeaderMap) -> Result<Seen<'r>, Refusal> {
        let mut values = headers.get_all(&self.name).iter();
        let Some(value) = values.next() else {
            return Ok(Seen::Nothing);
        };
        if values.next().is_some() {
            return Err(Reason::CredentialsAmbiguous.into());
        }
        self.read(value)
    }

    /// The scheme, in any case, at least one space, and the token (RFC 6750, section 2.1; RFC 9110, section 11.4).
    fn read<'r>(&self, value: &'r HeaderValue) -> Result<Seen<'r>, Refusal> {
        let Some(expected) = &self.scheme else {
            return unread(value.as_bytes());
        };
        // As nearly everybody writes it; to look for the space costs more than all that follows.
        let usual = value.as_bytes().strip_prefix(expected.as_bytes());
        if let Some(rest) = usual.and_then(|rest| rest.strip_prefix(b" ")) {
            return unread(rest);
        }
        let text = ascii(value).ok_or(Reason::AuthorizationMalformed)?;
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        if scheme.eq_ignore_ascii_case(expected) {
            unread(rest.as_bytes())
        } else if is_scheme(scheme) && !rest.is_empty() {
            Ok(Seen::Foreign)
        } else {
            Err(Reason::AuthorizationMalformed.into())
        }
    }
}

/// What stands between spaces, if anything does.
fn unread(mut bytes: &[u8]) -> Result<Seen<'_>, Refusal> {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = bytes {
        bytes = rest;
    }
    if bytes.is_empty() {
        return Err(Reason::AuthorizationMalformed.into());
    }
    Ok(Seen::Token(Sent::Unread(bytes)))
}

/// The value where it is ASCII throughout; a `HeaderValue` has no control characters but the tab. To be told so by
/// `HeaderValue::to_str`, which goes byte by byte, costs a request over a thousand instructions more.
fn ascii(value: &HeaderValue) -> Option<&str> {
    let text = std::str::from_utf8(value.as_bytes()).ok()?;
    text.is_ascii().then_some(text)
}

/// Whether it can name a scheme at all: a token of RFC 9110, section 5.6.2, as far as schemes use it.
fn is_scheme(word: &str) -> bool {
    !word.is_empty() && word.chars().all(stands_in_scheme)
}

fn stands_in_scheme(symbol: char) -> bool {
    symbol.is_ascii_alphanumeric() || matches!(symbol, '-' | '_')
}
