//! Cookies that carry a token: found in a request, set and cleared in an answer (RFC 6265; its successor's prefixes).

use std::fmt::Write;
use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::{Reason, Refusal};

const HOST: &str = "__Host-";
const SECURE: &str = "__Secure-";

/// A cookie that carries a token: its name, and the attributes with which it is set.
///
/// Unless said otherwise: `Path=/`, `SameSite=Lax`, of this host alone (no `Domain`), kept for as long as the token lives, and
/// not to be read by scripts.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use std::time::Duration;
/// use keystile::{SameSite, TokenCookie};
///
/// let cookie = TokenCookie::host("access");
/// let set = cookie.set("abc", Duration::from_secs(900)).unwrap();
/// assert_eq!(set, "__Host-access=abc; Path=/; Max-Age=900; SameSite=Lax; HttpOnly; Secure");
///
/// // The refresh token goes to where it is exchanged, and nowhere else.
/// let refresh = TokenCookie::secure("refresh").path("/auth")?.same_site(SameSite::Strict)?;
/// let set = refresh.set("abc", Duration::from_secs(86_400)).unwrap();
/// assert_eq!(set, "__Secure-refresh=abc; Path=/auth; Max-Age=86400; SameSite=Strict; HttpOnly; Secure");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenCookie {
    name: Box<str>,
    path: Box<str>,
    domain: Option<Box<str>>,
    same_site: SameSite,
    kind: Kind,
    for_scripts: bool,
    until_closed: bool,
}

/// What a browser takes it from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// This very host, over TLS.
    Host,
    /// Over TLS.
    Secure,
    /// Anybody.
    Loopback,
}

/// Whether a browser sends a cookie with a request that another site's page started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// Never, not even where a link leads to the application.
    Strict,
    /// Only where the user goes there: a link, not a form that is posted.
    #[default]
    Lax,
    /// Always. Only with `Secure`, without which browsers drop such a cookie.
    None,
}

/// Why a cookie cannot be had with these attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CookieError {
    /// `__Host-` and a `Domain`.
    #[error(
        "a cookie whose name begins with '__Host-' has no Domain; make it by TokenCookie::secure or leave the domain out"
    )]
    HostWithDomain,
    /// `__Host-` and another path than `/`.
    #[error(
        "a cookie whose name begins with '__Host-' has the path '/'; make it by TokenCookie::secure or leave the path out"
    )]
    HostWithPath,
    /// `SameSite=None` on a cookie that is not `Secure`.
    #[error("SameSite=None needs Secure; make the cookie by TokenCookie::host, secure or plain")]
    NoneWithoutSecure,
    /// The path does not begin with `/`, or has a character that cannot stand in one.
    #[error(
        "the path of a cookie begins with '/' and has no ';' and nothing but ASCII characters that can be seen"
    )]
    Path,
    /// The domain is no host's name.
    #[error(
        "the domain of a cookie is a host's name: letters, digits, '-' and '.', with nothing before or after it"
    )]
    Domain,
    /// The text cannot stand in a cookie (RFC 6265, section 4.1.1).
    #[error(
        "a cookie's value is not empty, and has neither spaces, quotes, commas, semicolons nor backslashes"
    )]
    Value,
}

impl TokenCookie {
    /// `__Host-NAME`, sent over TLS only. A browser takes it from this very host and from no other, so that a sibling
    /// subdomain cannot put its own in the place of it. It has the path `/` and no domain.
    ///
    /// What cannot stand in a cookie's name is left out of `name`, here and in the other three; so is a prefix `__Host-` or
    /// `__Secure-`, which the function alone decides. A name of which nothing is left is `token`.
    pub fn host(name: &str) -> Self {
        Self::make(HOST, name, Kind::Host)
    }

    /// `__Secure-NAME`, sent over TLS only: for one with a path or a domain of its own. A browser takes it from no server
    /// without TLS.
    pub fn secure(name: &str) -> Self {
        Self::make(SECURE, name, Kind::Secure)
    }

    /// `NAME`, sent over TLS only: where a page or another program knows the name already. Prefer the other two.
    pub fn plain(name: &str) -> Self {
        Self::make("", name, Kind::Secure)
    }

    /// `NAME`, sent without TLS too: for a server on loopback, where there is none.
    pub fn on_loopback(name: &str) -> Self {
        Self::make("", name, Kind::Loopback)
    }

    fn make(prefix: &str, name: &str, kind: Kind) -> Self {
        Self {
            name: format!("{prefix}{}", named(name)).into(),
            path: "/".into(),
            domain: None,
            same_site: SameSite::Lax,
            kind,
            for_scripts: false,
            until_closed: false,
        }
    }

    /// The path below which the browser sends it: `/` unless said otherwise. For a refresh token that of the route which takes
    /// it.
    ///
    /// # Errors
    ///
    /// [`CookieError::Path`] for what is no path, [`CookieError::HostWithPath`] where the name's prefix forbids it.
    pub fn path(mut self, path: &str) -> Result<Self, CookieError> {
        let stands = |byte: u8| matches!(byte, 0x20..=0x7e) && byte != b';';
        if !path.starts_with('/') || !path.bytes().all(stands) || path.ends_with(' ') {
            return Err(CookieError::Path);
        }
        if self.kind == Kind::Host && path != "/" {
            return Err(CookieError::HostWithPath);
        }
        self.path = path.into();
        Ok(self)
    }

    /// The domain whose hosts all get it, and all can replace it. This host alone unless said.
    ///
    /// # Errors
    ///
    /// [`CookieError::Domain`] for what is no host's name, [`CookieError::HostWithDomain`] where the name's prefix forbids it.
    pub fn domain(mut self, domain: &str) -> Result<Self, CookieError> {
        if self.kind == Kind::Host {
            return Err(CookieError::HostWithDomain);
        }
        let is_label = |label: &str| {
            let stands = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            (1..=63).contains(&label.len())
                && label.bytes().all(stands)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if domain.len() > 253 || !domain.split('.').all(is_label) {
            return Err(CookieError::Domain);
        }
        self.domain = Some(domain.to_ascii_lowercase().into());
        Ok(self)
    }

    /// Whether it goes with requests that another site's page starts: [`SameSite::Lax`] unless said otherwise.
    ///
    /// # Errors
    ///
    /// [`CookieError::NoneWithoutSecure`] for `None` on a cookie [`on_loopback`](Self::on_loopback).
    pub fn same_site(mut self, same_site: SameSite) -> Result<Self, CookieError> {
        if same_site == SameSite::None && self.kind == Kind::Loopback {
            return Err(CookieError::NoneWithoutSecure);
        }
        self.same_site = same_site;
        Ok(self)
    }

    /// Lets the page's scripts read it: for a CSRF token, never for one that signs anybody in.
    #[must_use]
    pub fn for_scripts(mut self) -> Self {
        self.for_scripts = true;
        self
    }

    /// Lets the browser forget it when it closes, in place of keeping it for as long as the token lives. Many browsers restore it with
    /// their windows.
    #[must_use]
    pub fn until_closed(mut self) -> Self {
        self.until_closed = true;
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
        self.value(token, (!self.until_closed).then_some(lives.as_secs()))
    }

    /// The value of `Set-Cookie` that takes it away: the same name, path and domain, and no time left.
    pub fn clear(&self) -> HeaderValue {
        self.value("", Some(0))
            .unwrap_or(HeaderValue::from_static("keystile=; Max-Age=0"))
    }

    fn value(&self, token: &str, seconds: Option<u64>) -> Option<HeaderValue> {
        let mut text = format!("{}={token}; Path={}", self.name, self.path);
        if let Some(domain) = &self.domain {
            let _ = write!(text, "; Domain={domain}");
        }
        if let Some(seconds) = seconds {
            let _ = write!(text, "; Max-Age={seconds}");
        }
        text.push_str(match self.same_site {
            SameSite::Strict => "; SameSite=Strict",
            SameSite::Lax => "; SameSite=Lax",
            SameSite::None => "; SameSite=None",
        });
        if !self.for_scripts {
            text.push_str("; HttpOnly");
        }
        if self.kind != Kind::Loopback {
            text.push_str("; Secure");
        }
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

/// What can stand in a name, without a prefix: browsers know those in any case.
fn named(name: &str) -> String {
    let stands = |c: &char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(*c);
    let mut name: String = name.chars().filter(stands).collect();
    while let Some(rest) = [HOST, SECURE]
        .iter()
        .find_map(|prefix| without(&name, prefix))
    {
        name = rest.to_owned();
    }
    if name.is_empty() {
        name.push_str("token");
    }
    name
}

fn without<'n>(name: &'n str, prefix: &str) -> Option<&'n str> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// RFC 6265, section 4.1.1.
fn is_cookie_octet(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}
