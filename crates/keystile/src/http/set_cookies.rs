//! The cookies that an answer sets and takes away.

use std::time::Duration;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use super::cookie::{CookieError, TokenCookie};

/// The cookies that an answer sets and takes away: the access token's, the refresh token's, the CSRF token's. With the feature
/// `axum` it is a part of a response; elsewhere [`append_to`](Self::append_to) puts it among the headers.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use std::time::Duration;
/// use axum::{http::StatusCode, response::IntoResponse};
/// use keystile::{SetCookies, TokenCookie};
///
/// let access = TokenCookie::host("access");
/// let refresh = TokenCookie::secure("refresh").path("/refresh")?;
///
/// let signed_in = SetCookies::new()
///     .set(&access, "abc", Duration::from_secs(900))?
///     .set(&refresh, "def", Duration::from_secs(86_400))?;
/// let answer = (signed_in, "welcome").into_response();
/// assert_eq!(answer.headers().get_all("set-cookie").iter().count(), 2);
///
/// let signed_out = SetCookies::new().clear(&access).clear(&refresh);
/// let answer = (signed_out, StatusCode::NO_CONTENT).into_response();
/// assert_eq!(answer.headers().get_all("set-cookie").iter().count(), 2);
/// # }
/// # Ok::<(), keystile::CookieError>(())
/// ```
///
/// An answer that sets a token should not be kept: give it `Cache-Control: no-store` besides.
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct SetCookies(Vec<HeaderValue>);

impl SetCookies {
    /// None yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Gives this cookie a token that lives so long.
    ///
    /// # Errors
    ///
    /// [`CookieError::Value`] where the text cannot stand in a cookie. No token in JWT's or in our own form is like that.
    pub fn set(
        mut self,
        cookie: &TokenCookie,
        token: &str,
        lives: Duration,
    ) -> Result<Self, CookieError> {
        self.0
            .push(cookie.set(token, lives).ok_or(CookieError::Value)?);
        Ok(self)
    }

    /// Takes this cookie away.
    pub fn clear(mut self, cookie: &TokenCookie) -> Self {
        self.0.push(cookie.clear());
        self
    }

    /// Puts a line `Set-Cookie` for each among these headers, beside those that are there.
    pub fn append_to(self, headers: &mut HeaderMap) {
        for value in self.0 {
            headers.append(SET_COOKIE, value);
        }
    }
}

/// The values of `Set-Cookie`, in the order in which they were said.
impl IntoIterator for SetCookies {
    type Item = HeaderValue;
    type IntoIter = std::vec::IntoIter<HeaderValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// How many, and no token.
impl std::fmt::Debug for SetCookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SetCookies({})", self.0.len())
    }
}
