//! Cookies that carry a token: found in a request, set and cleared in an answer (RFC 6265).

use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::{Reason, Refusal};

/// A cookie that carries a token: its name, and the attributes with which it is set.
///
/// `Path=/` and `SameSite=Lax`, of this host alone (no `Domain`), not to be read by scripts unless
/// [`for_scripts`](Self::for_scripts) says so.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use std::time::Duration;
/// use keystile::TokenCookie;
///
/// let cookie = TokenCookie::host("access");
/// let set = cookie.set("abc", Duration::from_secs(900)).unwrap();
/// assert_eq!(set, "__Host-access=abc; Path=/; Max-Age=900; SameSite=Lax; HttpOnly; Secure");
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenCookie {
    name: Box<str>,
    secure: bool,
    for_scripts: bool,
}

impl TokenCookie {
    /// `__Host-NAME`, sent over TLS only. A browser takes it from this very host and from no other, so that a sibling
    /// subdomain cannot put its own in the place of it. What cannot stand in a cookie's name is left out of `name`.
    pub fn host(name: &str) -> Self {
        Self {
            name: format!("__Host-{}", named(name)).into(),
            secure: true,
            for_scripts: false,
        }
    }

    /// `NAME`, sent without TLS too: for a server on loopback, where there is none.
    pub fn on_loopback(name: &str) -> Self {
        Self {
            name: named(name).into(),
            secure: false,
            for_scripts: false,
        }
    }

    /// Lets the page's scripts read it: for a CSRF token, never for one that signs anybody in.
    #[must_use]
    pub fn for_scripts(mut self) -> Self {
        self.for_scripts = true;
        self
    }

    /// The name, prefix included.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of `Set-Cookie` that gives it this token for so long. `None` where the text cannot stand in a cookie
    /// (RFC 6265, section 4.1.1); no token of ours is like that.
    pub fn set(&self, token: &str, lives: Duration) -> Option<HeaderValue> {
        if token.is_empty() || !token.bytes().all(is_cookie_octet) {
            return None;
        }
        self.value(token, lives.as_secs())
    }

    /// The value of `Set-Cookie` that takes it away.
    pub fn clear(&self) -> HeaderValue {
        self.value("", 0)
            .unwrap_or(HeaderValue::from_static("keystile=; Max-Age=0"))
    }

    fn value(&self, token: &str, seconds: u64) -> Option<HeaderValue> {
        let name = &self.name;
        let scripts = if self.for_scripts { "" } else { "; HttpOnly" };
        let secure = if self.secure { "; Secure" } else { "" };
        let text =
            format!("{name}={token}; Path=/; Max-Age={seconds}; SameSite=Lax{scripts}{secure}");
        HeaderValue::try_from(text).ok()
    }

    /// The token in a request's cookies. Two of the name are refused: one of them was put there by somebody else.
    pub fn find<'r>(&self, headers: &'r HeaderMap) -> Result<Option<&'r str>, Refusal> {
        let mut found = None;
        for line in headers.get_all(COOKIE) {
            for pair in line.as_bytes().split(|byte| *byte == b';') {
                let Some(value) = self.value_of(pair) else {
                    continue;
                };
                if found.replace(value).is_some() {
                    return Err(Reason::CredentialsAmbiguous.into());
                }
            }
        }
        match found.map(std::str::from_utf8) {
            None | Some(Ok("")) => Ok(None),
            Some(Ok(token)) if token.bytes().all(is_cookie_octet) => Ok(Some(token)),
            Some(_) => Err(Reason::TokenMalformed.into()),
        }
    }

    fn value_of<'r>(&self, pair: &'r [u8]) -> Option<&'r [u8]> {
        let rest = pair.trim_ascii().strip_prefix(self.name.as_bytes())?;
        Some(rest.trim_ascii_start().strip_prefix(b"=")?.trim_ascii())
    }
}

fn named(name: &str) -> String {
    let stands = |c: &char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(*c);
    name.chars().filter(stands).collect()
}

/// RFC 6265, section 4.1.1.
fn is_cookie_octet(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}
