use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use axum::routing::any;
use axum::{Router, response::IntoResponse};
use keystile::{CookieError, Csrf, Guard, SameSite, SetCookies, TokenCookie};

use crate::{app, bearer, guard, send, token};

const OURS: &str = "https://app.example";
const SESSION: &str = r#","sid":"a-session""#;

fn csrf() -> Csrf {
    Csrf::new([5; 32], [OURS, "http://localhost:5173"])
}

fn by_cookie() -> Guard {
    guard().token_from_cookie(TokenCookie::host("access"), csrf())
}

fn cookie(more: &str) -> String {
    format!("theme=dark; __Host-access={}; other=1", token(more))
}

fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

/// What a request to a handler, and one to a layer, are answered: the reason's code, or "in".
async fn told(guard: Guard, method: &str, headers: &[(&str, &str)]) -> String {
    let inside = Router::new().route("/me", any(async || "in"));
    let mut told = Vec::new();
    for app in [app(guard.clone()), inside.layer(guard.layer())] {
        let answer = send(&app, request(method, "/me", headers)).await;
        told.push(if answer.status.is_success() {
            "in".to_owned()
        } else {
            assert!(answer.status == 400 || !answer.challenge.is_empty());
            answer.code().await
        });
    }
    assert_eq!(told[0], told[1], "the extractor and the layer agree");
    told.remove(0)
}

#[tokio::test]
async fn a_cookie_is_read_where_that_is_switched_on() {
    let cookie = cookie(SESSION);
    let headers = [("cookie", cookie.as_str())];
    assert_eq!(told(guard(), "GET", &headers).await, "token_missing");
    assert_eq!(told(by_cookie(), "GET", &headers).await, "in");
    assert_eq!(told(by_cookie(), "GET", &[]).await, "token_missing");
    let bearer = bearer(SESSION);
    let header = [("authorization", bearer.as_str())];
    assert_eq!(
        told(by_cookie(), "POST", &header).await,
        "in",
        "a header needs no CSRF token"
    );
}

#[tokio::test]
async fn what_is_in_two_places_or_is_bad_falls_through_to_nothing() {
    let (good, bearer) = (cookie(SESSION), bearer(SESSION));
    let twice = format!("{good}; {good}");
    let bad = "__Host-access=nonsense";
    let long = format!("__Host-access={}", "x".repeat(16 * 1024 + 1));
    let many: Vec<_> = (0..1_000).map(|number| format!("c{number}=1; ")).collect();
    let many = many.concat();
    let last = format!("{many}{good}");
    let cases: &[(&[(&str, &str)], &str)] = &[
        (
            &[("cookie", &good), ("authorization", &bearer)],
            "credentials_ambiguous",
        ),
        (
            &[("cookie", bad), ("authorization", &bearer)],
            "credentials_ambiguous",
        ),
        (
            &[("cookie", &good), ("authorization", "Basic YTpi")],
            "credentials_ambiguous",
        ),
        (
            &[("cookie", &good), ("authorization", "Bearer")],
            "authorization_malformed",
        ),
        (&[("cookie", &twice)], "credentials_ambiguous"),
        (
            &[("cookie", &good), ("cookie", &good)],
            "credentials_ambiguous",
        ),
        (
            &[("cookie", &good), ("cookie", "__Host-access=")],
            "credentials_ambiguous",
        ),
        (&[("cookie", bad)], "token_malformed"),
        (&[("cookie", &long)], "token_too_large"),
        (&[("cookie", "__Host-access=\"quoted\"")], "token_malformed"),
        (&[("cookie", "__Host-access=")], "token_missing"),
        (&[("cookie", "__Host-access")], "token_missing"),
        (
            &[(
                "cookie",
                "access=x; __host-access=x; __Host-access2=x; x__Host-access=x",
            )],
            "token_missing",
        ),
        (&[("cookie", ";;=;=x; =__Host-access=")], "token_missing"),
        (&[("cookie", &last)], "in"),
    ];
    for (headers, expected) in cases {
        let shown: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value:.60}"))
            .collect();
        assert_eq!(
            told(by_cookie(), "GET", headers).await,
            *expected,
            "{shown:?}"
        );
    }
    let mut bytes = HeaderMap::new();
    bytes.insert(
        COOKIE,
        HeaderValue::from_bytes(b"a=\xff; __Host-access=\xff").unwrap(),
    );
    let refusal = TokenCookie::host("access").find(&bytes).unwrap_err();
    assert_eq!(refusal.code(), "token_malformed");
}

#[tokio::test]
async fn a_query_and_a_cookie_are_two_places() {
    let guard = by_cookie().token_from_query("token");
    let uri = format!("/me?token={}", token(SESSION));
    let cookie = cookie(SESSION);
    let both = request("GET", &uri, &[("cookie", &cookie)]);
    let answer = send(&app(guard.clone()), both).await;
    assert_eq!(answer.code().await, "credentials_ambiguous");
    let one = send(&app(guard), request("GET", &uri, &[])).await;
    assert_eq!(one.status, 200);
}

#[tokio::test]
async fn an_unsafe_method_needs_the_page_s_origin_and_the_session_s_csrf_token() {
    let cookie = cookie(SESSION);
    let (right, anothers) = (csrf().token("a-session"), csrf().token("another"));
    let other_key = Csrf::new([6; 32], [OURS]).token("a-session");
    let tokens: [(&[&str], &str); 7] = [
        (&[&right], "in"),
        (&[], "csrf_token_missing"),
        (&[""], "csrf_token_wrong"),
        (&["%%%"], "csrf_token_wrong"),
        (&[&anothers], "csrf_token_wrong"),
        (&[&other_key], "csrf_token_wrong"),
        (&[&right, &right], "csrf_token_wrong"),
    ];
    let origins: [(&[(&str, &str)], bool); 12] = [
        (&[], true),
        (&[("origin", OURS)], true),
        (
            &[
                ("origin", "http://localhost:5173"),
                ("sec-fetch-site", "same-origin"),
            ],
            true,
        ),
        (&[("sec-fetch-site", "same-origin")], true),
        (&[("origin", "null")], false),
        (&[("origin", "")], false),
        (&[("origin", "https://evil.example")], false),
        (&[("origin", "https://app.example.evil.example")], false),
        (&[("origin", "http://app.example")], false),
        (&[("origin", OURS), ("origin", OURS)], false),
        (&[("origin", OURS), ("sec-fetch-site", "same-site")], false),
        (&[("sec-fetch-site", "cross-site")], false),
    ];
    // One guard for all: to make one takes longer than to ask it.
    let guard = by_cookie();
    for method in ["POST", "PUT", "PATCH", "DELETE", "QUERY"] {
        for (origin, ours) in origins {
            for (given, expected) in tokens {
                let mut headers = vec![("cookie", cookie.as_str())];
                headers.extend(origin);
                headers.extend(given.iter().map(|token| ("x-csrf-token", *token)));
                let expected = if ours { expected } else { "origin_refused" };
                assert_eq!(
                    told(guard.clone(), method, &headers).await,
                    expected,
                    "{method} {headers:?}"
                );
            }
        }
    }
    for (origin, _) in origins {
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(origin);
        assert_eq!(
            told(guard.clone(), "GET", &headers).await,
            "in",
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn a_token_without_a_session_is_no_good_for_unsafe_methods() {
    let cookie = cookie("");
    let csrf = csrf().token("");
    let headers = [("cookie", cookie.as_str()), ("x-csrf-token", csrf.as_str())];
    assert_eq!(
        told(by_cookie(), "POST", &headers).await,
        "csrf_token_wrong"
    );
    assert_eq!(told(by_cookie(), "GET", &headers).await, "in");
}

#[tokio::test]
async fn a_forged_token_is_refused_before_its_csrf_token_is_looked_at() {
    let forged = format!("{}x", cookie(SESSION).replace("; other=1", ""));
    let headers = [("cookie", forged.as_str())];
    assert!(
        told(by_cookie(), "POST", &headers)
            .await
            .starts_with("token_")
    );
}

#[tokio::test]
async fn answers_to_a_cookie_are_kept_from_caches() {
    let kept = async || ([(CACHE_CONTROL, "max-age=60")], "kept").into_response();
    let app = Router::new()
        .route("/plain", any(async || "plain"))
        .route("/kept", any(kept))
        .layer(by_cookie().layer());
    let (cookie, bearer) = (cookie(SESSION), bearer(SESSION));
    for (uri, header, expected) in [
        ("/plain", ("cookie", &cookie), Some("no-store")),
        ("/kept", ("cookie", &cookie), Some("max-age=60")),
        ("/plain", ("authorization", &bearer), None),
    ] {
        let answer = send(&app, request("GET", uri, &[(header.0, header.1)])).await;
        assert_eq!(answer.header("cache-control"), expected, "{uri} {header:?}");
    }
}

#[test]
fn cookies_are_set_and_cleared_with_every_attribute() {
    let lives = Duration::from_secs(900);
    let shown = |value: HeaderValue| value.to_str().unwrap().to_owned();
    let cookie = TokenCookie::host("access");
    assert_eq!(
        shown(cookie.set("a.b-c_d", lives).unwrap()),
        "__Host-access=a.b-c_d; Path=/; Max-Age=900; SameSite=Lax; HttpOnly; Secure"
    );
    assert_eq!(
        shown(cookie.clear()),
        "__Host-access=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly; Secure"
    );
    let shared = TokenCookie::on_loopback("csrf").for_scripts();
    assert_eq!(
        shown(shared.set("x", lives).unwrap()),
        "csrf=x; Path=/; Max-Age=900; SameSite=Lax"
    );
    for hostile in [
        "", "a;b", "a b", "a\r\nb", "a,b", "a\"b", "a\\b", "é", "a\0",
    ] {
        assert_eq!(cookie.set(hostile, lives), None, "{hostile:?}");
    }
    assert_eq!(
        TokenCookie::host("a; Domain=evil.example").name(),
        "__Host-aDomainevil.example"
    );
}

#[tokio::test]
async fn the_header_of_the_csrf_token_may_be_another() {
    let csrf = csrf().header(HeaderName::from_static("x-xsrf-token"));
    let right = csrf.token("a-session");
    let guard = guard().token_from_cookie(TokenCookie::host("access"), csrf);
    let cookie = cookie(SESSION);
    let with = |name| [("cookie", cookie.as_str()), (name, right.as_str())];
    assert_eq!(
        told(guard.clone(), "POST", &with("x-xsrf-token")).await,
        "in"
    );
    assert_eq!(
        told(guard, "POST", &with("x-csrf-token")).await,
        "csrf_token_missing"
    );
}

#[test]
fn a_csrf_token_is_the_same_everywhere_and_nothing_shows_its_key() {
    assert_eq!(csrf().token("a-session"), csrf().token("a-session"));
    assert_ne!(csrf().token("a-session"), csrf().token("a-sessio"));
    // Computed once with Python's hmac: changing it would refuse every page that is open during an update.
    assert_eq!(
        csrf().token("a-session"),
        "SzMiFHo97uAQwg1RPIox7CzKrDAHSumLoKZwwP5WxYs"
    );
    let shown = format!("{:?} {:?}", csrf(), by_cookie());
    assert!(shown.contains(OURS) && !shown.contains("5, 5"), "{shown}");
}

#[test]
fn every_attribute_can_be_had_but_for_those_that_browsers_refuse() {
    let lives = Duration::from_secs(60);
    let shown = |cookie: &TokenCookie| {
        let set = cookie.set("x", lives).unwrap();
        set.to_str().unwrap().to_owned()
    };
    let secure = TokenCookie::secure("t")
        .path("/auth/refresh")
        .and_then(|cookie| cookie.domain("Example.com"))
        .and_then(|cookie| cookie.same_site(SameSite::None))
        .unwrap();
    assert_eq!(
        shown(&secure),
        "__Secure-t=x; Path=/auth/refresh; Domain=example.com; Max-Age=60; SameSite=None; HttpOnly; Secure"
    );
    assert_eq!(
        secure.clear(),
        "__Secure-t=; Path=/auth/refresh; Domain=example.com; Max-Age=0; SameSite=None; HttpOnly; Secure"
    );
    let plain = TokenCookie::plain("access_token_cookie").until_closed();
    assert_eq!(
        shown(&plain.clone().same_site(SameSite::Strict).unwrap()),
        "access_token_cookie=x; Path=/; SameSite=Strict; HttpOnly; Secure"
    );
    assert!(plain.clear().to_str().unwrap().contains("; Max-Age=0"));
    let host = || TokenCookie::host("t");
    assert_eq!(
        host().domain("example.com"),
        Err(CookieError::HostWithDomain)
    );
    assert_eq!(host().path("/auth"), Err(CookieError::HostWithPath));
    assert_eq!(host().path("/"), Ok(host()));
    let loopback = || TokenCookie::on_loopback("t");
    assert_eq!(
        loopback().same_site(SameSite::None),
        Err(CookieError::NoneWithoutSecure)
    );
    for path in ["", "auth", "/a;b", "/a\r\nb", "/\u{e9}", "/a\0", "/a "] {
        assert_eq!(loopback().path(path), Err(CookieError::Path), "{path:?}");
    }
    let long = "a.".repeat(130);
    for domain in [
        "",
        ".",
        ".example.com",
        "example.com.",
        "a b",
        "a;b",
        "-a.b",
        "a-.b",
        "\u{e9}.b",
        "a..b",
        &long,
    ] {
        let refused = TokenCookie::plain("t").domain(domain);
        assert_eq!(refused, Err(CookieError::Domain), "{domain:?}");
    }
}

#[test]
fn only_the_function_decides_the_prefix() {
    for (cookie, name) in [
        (TokenCookie::plain("__Host-t"), "t"),
        (TokenCookie::plain("__hOsT-__SECURE-__Host-t"), "t"),
        (TokenCookie::on_loopback("__Secure-t"), "t"),
        (TokenCookie::host("__Host-t"), "__Host-t"),
        (TokenCookie::secure("__Host-t"), "__Secure-t"),
        (TokenCookie::plain("__Ho;st-t"), "t"),
        (TokenCookie::plain(" ;="), "token"),
        (TokenCookie::host(""), "__Host-token"),
    ] {
        assert_eq!(cookie.name(), name);
    }
}

#[tokio::test]
async fn an_answer_sets_and_clears_several() {
    let (access, refresh) = (
        TokenCookie::host("a"),
        TokenCookie::secure("r").path("/r").unwrap(),
    );
    let lives = Duration::from_secs(9);
    let set = SetCookies::new().set(&access, "secret-x", lives).unwrap();
    assert_eq!(format!("{set:?}"), "SetCookies(1)");
    let set = set
        .set(&refresh, "y", lives)
        .unwrap()
        .clear(&TokenCookie::plain("c"));
    let lines: Vec<_> = set.clone().into_iter().collect();
    let answer = ([("set-cookie", "own=1")], set, "body").into_response();
    let sent: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    assert_eq!(sent[0], "own=1");
    assert_eq!(sent[1..], lines.iter().collect::<Vec<_>>());
    assert_eq!(sent.len(), 4);
    assert_eq!(
        SetCookies::new().set(&access, "a b", lives),
        Err(CookieError::Value)
    );
}

/// A token with this claim `csrf`, in a cookie.
fn claiming(csrf: &str) -> String {
    cookie(&format!(r#","csrf":{csrf}"#))
}

fn by_claim() -> Csrf {
    Csrf::by_claim([OURS])
}

#[tokio::test]
async fn the_claim_may_say_what_the_csrf_token_is() {
    let guard = guard().token_from_cookie(TokenCookie::host("access"), by_claim());
    let right = claiming(r#""abc""#);
    for (cookie, given, expected) in [
        (&right, Some("abc"), "in"),
        (&right, Some("abd"), "csrf_token_wrong"),
        (&right, Some("ab"), "csrf_token_wrong"),
        (&right, Some(""), "csrf_token_wrong"),
        (&right, None, "csrf_token_missing"),
        (&claiming(r#""""#), Some(""), "csrf_token_wrong"),
        (&claiming("null"), Some("null"), "csrf_token_wrong"),
        (&claiming("7"), Some("7"), "csrf_token_wrong"),
        (&cookie(SESSION), Some("abc"), "csrf_token_wrong"),
    ] {
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(given.map(|given| ("x-csrf-token", given)));
        assert_eq!(
            told(guard.clone(), "POST", &headers).await,
            expected,
            "{given:?}"
        );
        headers.push(("origin", "https://evil.example"));
        assert_eq!(
            told(guard.clone(), "POST", &headers).await,
            "origin_refused"
        );
        assert_eq!(told(guard.clone(), "GET", &headers).await, "in");
    }
    // What is of a session and what is by claim are not taken for each other.
    assert_eq!(by_claim().token("a-session"), "");
    let mut headers = HeaderMap::new();
    headers.insert("x-csrf-token", HeaderValue::from_static(""));
    let refused = by_claim().check(&headers, "a-session").unwrap_err();
    assert_eq!(refused.code(), "csrf_token_wrong");
}

#[tokio::test]
async fn the_methods_that_are_checked_may_be_named() {
    let csrf = csrf().methods([axum::http::Method::POST]);
    let guard = guard().token_from_cookie(TokenCookie::host("access"), csrf);
    let cookie = cookie(SESSION);
    let headers = [("cookie", cookie.as_str())];
    for (method, expected) in [
        ("POST", "csrf_token_missing"),
        ("DELETE", "in"),
        ("GET", "in"),
    ] {
        assert_eq!(
            told(guard.clone(), method, &headers).await,
            expected,
            "{method}"
        );
    }
}

#[tokio::test]
async fn unchecked_is_unchecked() {
    let guard = guard().token_from_cookie(TokenCookie::host("access"), Csrf::unchecked());
    let cookie = cookie("");
    let headers = [
        ("cookie", cookie.as_str()),
        ("origin", "https://evil.example"),
    ];
    assert_eq!(told(guard, "POST", &headers).await, "in");
    assert_eq!(Csrf::unchecked().token("a-session"), "");
    let refused = Csrf::unchecked().check(&HeaderMap::new(), "a-session");
    assert_eq!(refused.unwrap_err().code(), "csrf_token_missing");
}

#[test]
fn what_a_page_must_send_can_be_had_from_the_verified_token() {
    let verified = |more: &str| guard().verify(&token(more)).unwrap();
    let (of_session, claimed) = (verified(SESSION), verified(r#","csrf":"abc""#));
    assert_eq!(
        csrf().token_for(&of_session),
        Some(csrf().token("a-session"))
    );
    assert_eq!(csrf().token_for(&claimed), None);
    assert_eq!(by_claim().token_for(&claimed).as_deref(), Some("abc"));
    assert_eq!(by_claim().token_for(&of_session), None);
    assert_eq!(Csrf::unchecked().token_for(&of_session), None);
}
