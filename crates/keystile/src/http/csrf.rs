//! Whether the application's own page sent a request that a browser added cookies to.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::{constant_time, hmac};
use http::header::{ORIGIN, UPGRADE};
use http::{HeaderMap, HeaderName, Method};
use serde::Deserialize;

use super::body::Kind;
use super::cookie::TokenCookie;
use super::pairs;
use super::place::{Head, Place};
use crate::base64url;
use crate::{Guard, Reason, Refusal, Verified};

const LABEL: &[u8] = b"keystile csrf v1\0";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Shows that the application's own page sent a request, and not another site's to which the browser added the cookies.
///
/// An unsafe method (RFC 9110, section 9.2.1) needs two things. *Its origin*: `Origin`, where the browser says one, is one of
/// those that it was [made](Self::new) with, and `Sec-Fetch-Site`, where there is one, says `same-origin`. *Its CSRF token*, in a header,
/// which another site's page can neither read nor send. The token is an HMAC over the session's id (`sid`): it is
/// the same in every tab and after every refresh, and nothing about it is stored. [`by_claim`](Self::by_claim) makes one whose token
/// stands in the claim `csrf` instead.
///
/// The hand-shake of a WebSocket is a GET, or over HTTP/2 a CONNECT, that any page may send to any host, and carries no header of its own:
/// for it the origin must be told, and be one of those. A CONNECT needs the CSRF token besides, which no browser can send with it, unless
/// [`methods`](Self::methods) leaves it out.
#[derive(Clone)]
pub struct Csrf(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    proof: Proof,
    origins: Vec<Box<str>>,
    header: HeaderName,
    field: Option<Box<str>>,
    /// Those that need it; all but the safe ones where none are named.
    methods: Option<Vec<Method>>,
}

/// What a request must show.
#[derive(Clone)]
enum Proof {
    /// An HMAC of the session.
    OfSession(Box<hmac::Key>),
    /// What the token's claim `csrf` says.
    ByClaim,
    Nothing,
}

/// The claim of [`Csrf::by_claim`].
#[derive(Deserialize)]
struct Claimed {
    csrf: Option<String>,
}

impl Csrf {
    /// With a key that all who guard the same sessions share, for pages of these origins: `https://app.example`, written as
    /// browsers write them, in lower case, without a path and without the port that goes without saying.
    pub fn new(key: [u8; 32], origins: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        Self::make(Proof::OfSession(Box::new(key)), origins)
    }

    /// The CSRF token is what the token's own claim `csrf` says, as Flask-JWT-Extended writes it; compared in constant time. A
    /// token without that claim is refused on the methods that are checked. The origins are as for [`new`](Self::new).
    ///
    /// Prefer [`new`](Self::new) where nothing older decides: there a page that was open during a refresh still has the right
    /// token.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use axum::http::Method;
    /// use keystile::{Csrf, Guard, TokenCookie};
    ///
    /// let csrf = Csrf::by_claim(["https://app.example"])
    ///     .form_field("csrf_token")
    ///     .methods([Method::POST, Method::PUT, Method::PATCH, Method::DELETE]);
    /// let guard = Guard::hs256([7; 32])?.token_from_cookie(TokenCookie::plain("access_token_cookie"), csrf);
    /// # }
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    pub fn by_claim(origins: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        Self::make(Proof::ByClaim, origins)
    }

    /// No check at all, neither of a CSRF token nor of the origin. Any site's page can then act in the name of whoever is signed in, as
    /// far as the cookie's `SameSite` lets it: only for cookies that no browser sends, or routes that change nothing.
    pub fn unchecked() -> Self {
        Self::make(Proof::Nothing, [""; 0])
    }

    fn make(proof: Proof, origins: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        Self(Arc::new(Inner {
            proof,
            origins: origins.into_iter().map(Into::into).collect(),
            header: HeaderName::from_static("x-csrf-token"),
            field: None,
            methods: None,
        }))
    }

    fn with(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// The header that carries the token: `x-csrf-token` unless said otherwise.
    #[must_use]
    pub fn header(self, header: HeaderName) -> Self {
        self.with(|inner| inner.header = header)
    }

    /// Takes the token from this field of a form too (`application/x-www-form-urlencoded`), where the header is not there: for
    /// pages without scripts. None unless said.
    ///
    /// A layer that is told to read bodies and [`Guard::verify_request`] look there. Any other layer and the extractors read no body,
    /// and see the header only.
    #[must_use]
    pub fn form_field(self, field: impl Into<Box<str>>) -> Self {
        let field = field.into();
        self.with(|inner| inner.field = Some(field))
    }

    /// Checks just these methods. Unless said otherwise all but GET, HEAD, OPTIONS and TRACE; whoever leaves out a method that
    /// changes something opens it to every site.
    #[must_use]
    pub fn methods(self, methods: impl IntoIterator<Item = Method>) -> Self {
        let methods = methods.into_iter().collect();
        self.with(|inner| inner.methods = Some(methods))
    }

    /// The token of a session. Give it to the page: in a cookie that its scripts may read, in an answer's body.
    ///
    /// Only what [`new`](Self::new) made has one; of the others it is empty, and no request gets through with that.
    pub fn token(&self, session: &str) -> String {
        let Proof::OfSession(key) = &self.0.proof else {
            return String::new();
        };
        let mut context = hmac::Context::with_key(key);
        context.update(LABEL);
        context.update(session.as_bytes());
        base64url::encode(context.sign().as_ref())
    }

    /// What a page must send beside this token: of its session, or by its claim. `None` where there is no such thing.
    pub fn token_for(&self, verified: &Verified) -> Option<String> {
        match self.0.proof {
            Proof::OfSession(_) => verified.claims().sid.as_deref().map(|sid| self.token(sid)),
            Proof::ByClaim => claimed(verified),
            Proof::Nothing => None,
        }
    }

    /// Whether the header carries the token of this session, compared in constant time. Only for what [`new`](Self::new)
    /// made; the others have no tokens of sessions, and refuse.
    pub fn check(&self, headers: &HeaderMap, session: &str) -> Result<(), Refusal> {
        let given = self.in_header(headers)?.ok_or(Reason::CsrfTokenMissing)?;
        self.compare_session(given, session)
    }

    fn compare_session(&self, given: &[u8], session: &str) -> Result<(), Refusal> {
        let Proof::OfSession(key) = &self.0.proof else {
            return Err(Reason::CsrfTokenWrong.into());
        };
        let tag = base64url::decode(given).ok_or(Reason::CsrfTokenWrong)?;
        let message = [LABEL, session.as_bytes()].concat();
        hmac::verify(key, &message, &tag).map_err(|_| Reason::CsrfTokenWrong.into())
    }

    /// Whether this is what a page must send beside the token.
    pub(super) fn compare(&self, given: &[u8], verified: &Verified) -> Result<(), Refusal> {
        let wrong = || Refusal::new(Reason::CsrfTokenWrong);
        match self.0.proof {
            Proof::OfSession(_) => {
                let session = verified.claims().sid.as_deref();
                self.compare_session(given, session.ok_or_else(wrong)?)
            }
            Proof::ByClaim => {
                let expected = claimed(verified).ok_or_else(wrong)?;
                constant_time::verify_slices_are_equal(given, expected.as_bytes())
                    .map_err(|_| wrong())
            }
            Proof::Nothing => Ok(()),
        }
    }

    /// What the one header says; refused if there are two.
    fn in_header<'r>(&self, headers: &'r HeaderMap) -> Result<Option<&'r [u8]>, Refusal> {
        let mut values = headers.get_all(&self.0.header).iter();
        let given = values.next();
        if values.next().is_some() {
            return Err(Reason::CsrfTokenWrong.into());
        }
        Ok(given.map(http::HeaderValue::as_bytes))
    }

    /// What the header says, else the form's field.
    pub(super) fn given<'r>(
        &self,
        head: Head<'r>,
        body: Option<&'r [u8]>,
    ) -> Result<Cow<'r, [u8]>, Refusal> {
        if let Some(given) = self.in_header(head.headers)? {
            return Ok(Cow::Borrowed(given));
        }
        let is_form = || Kind::of(head.method, head.headers) == Some(Kind::Form);
        if let (Some(field), Some(body)) = (&self.0.field, body)
            && is_form()
        {
            let value = pairs::only_value(body, field).map_err(|_| Reason::CsrfTokenWrong)?;
            if let Some(value) = value {
                return Ok(match value {
                    Cow::Borrowed(value) => Cow::Borrowed(value.as_bytes()),
                    Cow::Owned(value) => Cow::Owned(value.into_bytes()),
                });
            }
        }
        Err(Reason::CsrfTokenMissing.into())
    }

    #[cfg(feature = "utoipa")]
    pub(super) fn header_name(&self) -> &HeaderName {
        &self.0.header
    }

    /// Whether any method is.
    pub(super) fn is_checked(&self) -> bool {
        !matches!(self.0.proof, Proof::Nothing)
    }

    pub(super) fn checks(&self, method: &Method) -> bool {
        match &self.0.methods {
            _ if !self.is_checked() => false,
            Some(methods) => methods.contains(method),
            None => !is_safe(method),
        }
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
        let proof = match self.0.proof {
            Proof::OfSession(_) => "of the session",
            Proof::ByClaim => "by claim",
            Proof::Nothing => "unchecked",
        };
        f.debug_struct("Csrf")
            .field("proof", &proof)
            .field("origins", &self.0.origins)
            .field("header", &self.0.header)
            .finish_non_exhaustive()
    }
}

fn claimed(verified: &Verified) -> Option<String> {
    let claimed = verified.extra::<Claimed>().ok()?;
    claimed.csrf.filter(|csrf| !csrf.is_empty())
}

/// How a guard takes tokens from a cookie.
#[derive(Clone)]
pub(crate) struct FromCookie {
    pub(super) cookie: TokenCookie,
    pub(super) csrf: Csrf,
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
        self.with(|settings| {
            settings.places.cookie = Some(FromCookie { cookie, csrf });
            settings.places.add(Place::Cookie);
        })
    }

    /// What must hold before a token is looked at.
    pub(super) fn check_origin_of(&self, place: Place, head: Head<'_>) -> Result<(), Refusal> {
        if place != Place::Cookie {
            return Ok(());
        }
        let Some(FromCookie { csrf, .. }) = &self.settings().places.cookie else {
            return Ok(());
        };
        if csrf.checks(head.method) {
            csrf.check_origin(head.headers)
        } else if csrf.is_checked() && opens_socket(head) {
            csrf.require_origin(head.headers)
        } else {
            Ok(())
        }
    }

    /// What must be shown beside a token from there.
    pub(super) fn csrf_for(&self, place: Place, method: &Method) -> Option<&Csrf> {
        let from = self.settings().places.cookie.as_ref()?;
        (place == Place::Cookie && from.csrf.checks(method)).then_some(&from.csrf)
    }

    /// Whether the CSRF token can only stand in the form that this request brings.
    pub(super) fn csrf_is_in_form(&self, head: Head<'_>) -> bool {
        self.csrf_for(Place::Cookie, head.method)
            .is_some_and(|csrf| {
                csrf.0.field.is_some()
                    && !head.headers.contains_key(&csrf.0.header)
                    && Kind::of(head.method, head.headers) == Some(Kind::Form)
            })
    }
}

/// Whether it is the hand-shake of a WebSocket, which any page may begin with any host: RFC 6455, section 4.1; over HTTP/2 and HTTP/3 a
/// CONNECT without `Upgrade` (RFC 8441, section 5; RFC 9220).
fn opens_socket(head: Head<'_>) -> bool {
    const SOCKET: &[u8] = b"websocket";
    let names_it = |value: &http::HeaderValue| {
        let mut words = value.as_bytes().split(|byte| *byte == b',');
        words.any(|word| word.trim_ascii().eq_ignore_ascii_case(SOCKET))
    };
    head.method == Method::CONNECT || head.headers.get_all(UPGRADE).iter().any(names_it)
}

/// Just those that RFC 9110, section 9.2.1 names: what the crate `http` holds to be safe grows with it.
fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method)
}
