//! Whether the application's own page sent a request that a browser added cookies to.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use http::header::ORIGIN;
use http::{HeaderMap, HeaderName, Method};

use super::cookie::TokenCookie;
use super::credentials::{Found, Place};
use crate::base64url;
use crate::{Guard, Reason, Refusal, Verified};

const LABEL: &[u8] = b"keystile csrf v1\0";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Shows that the application's own page sent a request, and not another site's to which the browser added the cookies.
///
/// An unsafe method (RFC 9110, section 9.2.1) needs two things. *Its origin*: `Origin`, where the browser says one, is one of
/// those that it was [made](Self::new) with, and `Sec-Fetch-Site`, where there is one, says `same-origin`. *Its CSRF token*, in a header,
/// which another site's page can neither read nor send. The token is an HMAC over the session's id (`sid`): it is
/// the same in every tab and after every refresh, and nothing about it is stored.
#[derive(Clone)]
pub struct Csrf(Arc<Inner>);

struct Inner {
    key: hmac::Key,
    origins: Vec<Box<str>>,
    header: HeaderName,
}

impl Csrf {
    /// With a key that all who guard the same sessions share, for pages of these origins: `https://app.example`, written as
    /// browsers write them, in lower case, without a path and without the port that goes without saying.
    pub fn new(key: [u8; 32], origins: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        Self(Arc::new(Inner {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            origins: origins.into_iter().map(Into::into).collect(),
            header: HeaderName::from_static("x-csrf-token"),
        }))
    }

    /// The header that carries the token: `x-csrf-token` unless said otherwise.
    #[must_use]
    pub fn header(self, header: HeaderName) -> Self {
        Self(Arc::new(Inner {
            key: self.0.key.clone(),
            origins: self.0.origins.clone(),
            header,
        }))
    }

    /// The token of a session. Give it to the page: in a cookie that its scripts may read, in an answer's body.
    pub fn token(&self, session: &str) -> String {
        let mut context = hmac::Context::with_key(&self.0.key);
        context.update(LABEL);
        context.update(session.as_bytes());
        base64url::encode(context.sign().as_ref())
    }

    /// Whether the header carries the token of this session, compared in constant time.
    pub fn check(&self, headers: &HeaderMap, session: &str) -> Result<(), Refusal> {
        let mut values = headers.get_all(&self.0.header).iter();
        let given = values.next().ok_or(Reason::CsrfTokenMissing)?;
        let tag = base64url::decode(given.as_bytes()).ok_or(Reason::CsrfTokenWrong)?;
        let message = [LABEL, session.as_bytes()].concat();
        let holds = hmac::verify(&self.0.key, &message, &tag).is_ok();
        if holds && values.next().is_none() {
            return Ok(());
        }
        Err(Reason::CsrfTokenWrong.into())
    }

    /// Whether the request can be one of the application's own page: no browser says that it is another's.
    pub fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        self.origin(headers).map(drop)
    }

    /// As [`check_origin`](Self::check_origin), and `Origin` must be there: for what has no session yet, a sign-in.
    pub fn require_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if self.origin(headers)? {
            return Ok(());
        }
        Err(Reason::OriginRefused.into())
    }

    /// Whether an origin is told; refused if it is another's.
    fn origin(&self, headers: &HeaderMap) -> Result<bool, Refusal> {
        let is_ours = |origin: &[u8]| self.0.origins.iter().any(|ours| ours.as_bytes() == origin);
        let mut origins = headers.get_all(ORIGIN).iter();
        let origin = origins.next();
        let foreign = origin.is_some_and(|origin| !is_ours(origin.as_bytes()));
        let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
        if foreign || origins.next().is_some() || sites.any(|site| site != "same-origin") {
            return Err(Reason::OriginRefused.into());
        }
        Ok(origin.is_some())
    }
}

impl fmt::Debug for Csrf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Csrf")
            .field("origins", &self.0.origins)
            .field("header", &self.0.header)
            .finish_non_exhaustive()
    }
}

/// How a guard takes tokens from a cookie.
#[derive(Clone)]
pub(crate) struct FromCookie {
    pub(crate) cookie: TokenCookie,
    csrf: Csrf,
}

impl Guard {
    /// Takes an access token from this cookie too. On unsafe methods a request that carries it must show by `csrf` that it
    /// comes from the application's own page; a token without `sid` is then refused.
    ///
    /// A request with a token in the cookie and another elsewhere is refused, and so is one with two cookies of the name.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use keystile::{Csrf, Guard, TokenCookie};
    ///
    /// let csrf = Csrf::new([9; 32], ["https://app.example"]);
    /// let guard = Guard::hs256([7; 32])?.token_from_cookie(TokenCookie::host("access"), csrf);
    /// # }
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    #[must_use]
    pub fn token_from_cookie(self, cookie: TokenCookie, csrf: Csrf) -> Self {
        self.with(|settings| settings.cookie = Some(FromCookie { cookie, csrf }))
    }

    /// What must hold before a token is looked at.
    pub(crate) fn check_origin_of(
        &self,
        found: &Found<'_>,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<(), Refusal> {
        match self.csrf_for(found.place, method) {
            Some(csrf) => csrf.check_origin(headers),
            None => Ok(()),
        }
    }

    /// What must hold beside a token that does.
    pub(crate) fn check_csrf(
        &self,
        place: Place,
        method: &Method,
        headers: &HeaderMap,
        verified: &Verified,
    ) -> Result<(), Refusal> {
        let Some(csrf) = self.csrf_for(place, method) else {
            return Ok(());
        };
        let session = verified.claims().sid.as_deref();
        csrf.check(headers, session.ok_or(Reason::CsrfTokenWrong)?)
    }

    fn csrf_for(&self, place: Place, method: &Method) -> Option<&Csrf> {
        let from = self.settings().cookie.as_ref()?;
        (place == Place::Cookie && !is_safe(method)).then_some(&from.csrf)
    }
}

/// Just those that RFC 9110, section 9.2.1 names: what the crate `http` holds to be safe grows with it.
fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method)
}
