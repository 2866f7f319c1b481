//! Cookies for browsers: tokens that no script can read, given, found and taken away.

use std::time::Duration;

use axum::Json;
use axum::http::header::{AUTHORIZATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use keystile::{Csrf, Guard, Refusal, Timestamp, TokenCookie};
use keystile_accounts::SignedIn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::App;
use super::account::AccountBody;
use super::tokens::TokensBody;

/// Browsers keep no cookie of more than 4096 bytes, name and attributes included (RFC 6265, section 6.1).
const LONGEST: usize = 4000;

/// How tokens are handed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Delivery {
    /// In the answer's body.
    #[default]
    Body,
    /// In cookies, for a page in a browser: no token is in the body.
    Cookie,
}

impl Delivery {
    /// As the request brought its access token. The guard lets no request pass that brings two.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(AUTHORIZATION) {
            Self::Body
        } else {
            Self::Cookie
        }
    }
}

/// What a page is told whose tokens are in cookies.
#[derive(Serialize, ToSchema)]
#[schema(as = TokensInCookies)]
pub(crate) struct CookiesBody {
    /// To be sent as `x-csrf-token` with every request that is not GET. The same for the whole session, and in a cookie that
    /// scripts may read.
    csrf_token: String,
    /// Seconds until the access token expires: refresh before.
    #[schema(example = 900)]
    expires_in: u64,
    /// The session that the cookies belong to.
    session_id: String,
    /// Who signed in.
    account: AccountBody,
}

/// The tokens of an answer, in its body or, where cookies were asked for, beside it.
#[derive(Serialize, ToSchema)]
#[schema(as = TokensOrCookies)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "describes the two shapes; each is written by itself"
)]
pub(crate) enum Tokens {
    /// In the body.
    Body(TokensBody),
    /// In cookies.
    Cookies(CookiesBody),
}

/// The three cookies of a session: both tokens, and what a page's scripts send back to show that they are ours.
#[derive(Clone, Debug)]
pub(crate) struct Cookies {
    access: TokenCookie,
    refresh: TokenCookie,
    shown: TokenCookie,
    pub(crate) csrf: Csrf,
}

impl Cookies {
    /// For pages of the issuer's own origin and of `more`. `__Host-` and `Secure`, but where the issuer is on loopback without TLS.
    pub(crate) fn new(issuer: Option<&str>, more: &[String], secret: [u8; 32]) -> Self {
        let own = issuer.and_then(origin_of);
        let make = if own.as_deref().is_some_and(is_plain_loopback) {
            TokenCookie::on_loopback
        } else {
            TokenCookie::host
        };
        Self {
            access: make("keystile_access"),
            refresh: make("keystile_refresh"),
            shown: make("keystile_csrf").for_scripts(),
            csrf: Csrf::new(secret, own.into_iter().chain(more.iter().cloned())),
        }
    }

    /// Lets the guard take access tokens from their cookie.
    pub(crate) fn read_by(&self, guard: Guard) -> Guard {
        guard.token_from_cookie(self.access.clone(), self.csrf.clone())
    }

    /// The refresh token that a request's cookies carry.
    pub(crate) fn refresh_token<'r>(
        &self,
        headers: &'r HeaderMap,
    ) -> Result<Option<&'r str>, Refusal> {
        self.refresh.find(headers)
    }

    /// An answer with new tokens.
    pub(crate) fn answer(
        &self,
        delivery: Delivery,
        signed_in: SignedIn,
        now: Timestamp,
    ) -> Response {
        match delivery {
            Delivery::Body => TokensBody::from(signed_in).into_response(),
            Delivery::Cookie => self.give(signed_in, now),
        }
    }

    fn give(&self, signed_in: SignedIn, now: Timestamp) -> Response {
        let csrf_token = self.csrf.token(signed_in.session_id.as_str());
        let (access, refresh) = (&signed_in.access_token, signed_in.refresh_token.expose());
        if access.len() > LONGEST {
            tracing::warn!(
                account = %signed_in.account.id,
                bytes = access.len(),
                "an access token is too long for a cookie, and browsers will drop it: give the account fewer roles, or use tokens in bodies"
            );
        }
        let left = signed_in.refresh_expires_at.as_seconds() - now.as_seconds();
        let lives = Duration::from_secs(u64::try_from(left).unwrap_or(0));
        let set = [
            self.access.set(access, signed_in.expires_in),
            self.refresh.set(refresh, lives),
            self.shown.set(&csrf_token, lives),
        ];
        let body = CookiesBody {
            csrf_token,
            expires_in: signed_in.expires_in.as_secs(),
            session_id: signed_in.session_id.into(),
            account: signed_in.account.into(),
        };
        let mut response = super::tokens::never_stored(Json(body));
        put(&mut response, set.into_iter().flatten());
        response
    }

    /// Takes the cookies away with this answer.
    pub(crate) fn clear(&self, answer: impl IntoResponse) -> Response {
        let mut response = answer.into_response();
        let cookies = [&self.access, &self.refresh, &self.shown];
        put(&mut response, cookies.map(TokenCookie::clear));
        response
    }
}

impl App {
    /// 204 to whoever has no session any more: without cookies, where the access token came in one.
    pub(crate) fn without_cookies(&self, headers: &HeaderMap) -> Response {
        match Delivery::of(headers) {
            Delivery::Body => StatusCode::NO_CONTENT.into_response(),
            Delivery::Cookie => self.cookies.clear(StatusCode::NO_CONTENT),
        }
    }
}

fn put(response: &mut Response, cookies: impl IntoIterator<Item = HeaderValue>) {
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Scheme, host and port of an issuer's URL, as a browser writes them (RFC 6454, section 6.1).
fn origin_of(issuer: &str) -> Option<String> {
    let (scheme, rest) = issuer.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let usual = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let authority = rest.split('/').next()?.to_ascii_lowercase();
    let host = authority.strip_suffix(usual).unwrap_or(&authority);
    Some(format!("{scheme}://{host}"))
}

fn is_plain_loopback(origin: &str) -> bool {
    let Some(authority) = origin.strip_prefix("http://") else {
        return false;
    };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = bare
        .parse()
        .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    loopback || host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_s_origin_is_written_as_a_browser_writes_it() {
        for (issuer, origin) in [
            ("https://Login.Example.com", "https://login.example.com"),
            (
                "https://login.example.com:443/path",
                "https://login.example.com",
            ),
            (
                "https://login.example.com:8443",
                "https://login.example.com:8443",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(origin_of(issuer).as_deref(), Some(origin));
        }
        for none in ["urn:keystile:accounts", "ours", "ftp://host"] {
            assert_eq!(origin_of(none), None);
        }
    }

    #[test]
    fn only_loopback_without_tls_goes_without_the_prefix() {
        let name = |issuer| Cookies::new(issuer, &[], [1; 32]).access.name().to_owned();
        for plain in [
            "http://127.0.0.1:8080",
            "http://[::1]:1",
            "http://localhost",
            "http://a.localhost:5",
        ] {
            assert_eq!(name(Some(plain)), "keystile_access", "{plain}");
        }
        for other in [
            "https://127.0.0.1",
            "http://example.com",
            "http://127.0.0.1.evil.com",
            "http://localhost.evil.com",
            "urn:a",
        ] {
            assert_eq!(name(Some(other)), "__Host-keystile_access", "{other}");
        }
        assert_eq!(name(None), "__Host-keystile_access");
    }
}
