//! Where a request may carry its token: the header, and the query or a cookie where that is switched on.

use std::borrow::Cow;

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use memchr::memchr3;

use super::cookie::TokenCookie;
use crate::{Guard, Reason, Refusal};

/// Where a token stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Header,
    Query,
    Cookie,
}

/// A token as a request carries it.
#[derive(Debug, PartialEq)]
pub(crate) struct Found<'r> {
    pub(crate) token: Cow<'r, str>,
    pub(crate) place: Place,
}

/// What of a request is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Head<'r> {
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r HeaderMap,
}

impl<'r> From<&'r Parts> for Head<'r> {
    fn from(parts: &'r Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
        }
    }
}

impl<'r> From<&'r mut Parts> for Head<'r> {
    fn from(parts: &'r mut Parts) -> Self {
        Self::from(&*parts)
    }
}

impl<'r, B> From<&'r Request<B>> for Head<'r> {
    fn from(request: &'r Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
        }
    }
}

/// Where a token is looked for beside the header.
#[derive(Clone, Copy, Default)]
pub(crate) struct Places<'g> {
    query: Option<&'g str>,
    cookie: Option<&'g TokenCookie>,
}

impl Guard {
    /// Where this guard looks.
    pub(crate) fn places(&self) -> Places<'_> {
        let settings = self.settings();
        Places {
            query: settings.query.as_deref(),
            cookie: settings.cookie.as_ref().map(|from| &from.cookie),
        }
    }
}

/// Finds the one token of a request; `None` if there is none.
pub(crate) fn find<'r>(head: Head<'r>, places: Places<'_>) -> Result<Option<Found<'r>>, Refusal> {
    let header = from_headers(head.headers)?;
    if places.query.is_none() && places.cookie.is_none() {
        return Ok(header.bearer());
    }
    let is_absent = matches!(header, Header::Absent);
    let query = match places.query {
        Some(name) if head.method == Method::GET || head.method == Method::HEAD => {
            from_query(head.uri, name)?
        }
        _ => None,
    };
    let cookie = match places.cookie {
        Some(cookie) => cookie.find(head.headers)?,
        None => None,
    };
    let of = |token: Cow<'r, str>, place| Some(Found { token, place });
    match (query, cookie) {
        (None, None) => Ok(header.bearer()),
        (Some(token), None) if is_absent => Ok(of(token, Place::Query)),
        (None, Some(token)) if is_absent => Ok(of(Cow::Borrowed(token), Place::Cookie)),
        _ => Err(Reason::CredentialsAmbiguous.into()),
    }
}

enum Header<'r> {
    Absent,
    /// Credentials of another scheme: none that are of use here.
    Foreign,
    Bearer(&'r str),
}

impl<'r> Header<'r> {
    fn bearer(self) -> Option<Found<'r>> {
        match self {
            Self::Bearer(token) => Some(Found {
                token: Cow::Borrowed(token),
                place: Place::Header,
            }),
            Self::Absent | Self::Foreign => None,
        }
    }
}

fn from_headers(headers: &HeaderMap) -> Result<Header<'_>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(Header::Absent);
    };
    if values.next().is_some() {
        return Err(Reason::CredentialsAmbiguous.into());
    }
    read(value)
}

/// `Bearer`, in any case, at least one space, and the token (RFC 6750, section 2.1; RFC 9110, section 11.4).
fn read(value: &HeaderValue) -> Result<Header<'_>, Refusal> {
    let malformed = || Refusal::new(Reason::AuthorizationMalformed);
    let text = ascii(value).ok_or_else(malformed)?;
    // As nearly everybody writes it; to look for the space costs more than all that follows.
    let (scheme, rest) = match text.strip_prefix("Bearer ") {
        Some(rest) => ("Bearer", rest),
        None => text.split_once(' ').unwrap_or((text, "")),
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return if is_scheme(scheme) && !rest.is_empty() {
            Ok(Header::Foreign)
        } else {
            Err(malformed())
        };
    }
    let token = rest.trim_matches(' ');
    if token.is_empty() || has_separator(token) {
        return Err(malformed());
    }
    Ok(Header::Bearer(token))
}

/// Whether a space, a comma or a tab stands in it.
fn has_separator(token: &str) -> bool {
    memchr3(b' ', b',', b'\t', token.as_bytes()).is_some()
}

/// The value where it is ASCII throughout; a `HeaderValue` has no control characters but the tab. To be told so by
/// `HeaderValue::to_str`, which goes byte by byte, costs a request over a thousand instructions more.
fn ascii(value: &HeaderValue) -> Option<&str> {
    let text = std::str::from_utf8(value.as_bytes()).ok()?;
    text.is_ascii().then_some(text)
}

/// Whether it can name a scheme at all: a token of RFC 9110, section 5.6.2, as far as schemes use it.
fn is_scheme(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The value of the query's parameter of this name, which may stand there once.
fn from_query<'r>(uri: &'r Uri, name: &str) -> Result<Option<Cow<'r, str>>, Refusal> {
    let mut found = None;
    for pair in uri.query().unwrap_or_default().split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if decoded(key) != name {
            continue;
        }
        if found.replace(decoded(value)).is_some() {
            return Err(Reason::CredentialsAmbiguous.into());
        }
    }
    Ok(found)
}

/// Decodes `%XX` and `+`. What cannot be decoded stays as it is, and no token is like that.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => match (hex_at(after, 0), hex_at(after, 1)) {
                (Some(high), Some(low)) => {
                    rest = &after[2..];
                    high << 4 | low
                }
                _ => b'%',
            },
            other => other,
        });
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex_at(bytes: &[u8], place: usize) -> Option<u8> {
    char::from(*bytes.get(place)?)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}
