use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use axum::routing::any;
use axum::{Router, response::IntoResponse};
use keystile::{Csrf, Guard, TokenCookie};

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
    for method in ["POST", "PUT", "PATCH", "DELETE", "QUERY"] {
        for (origin, ours) in origins {
            for (given, expected) in tokens {
                let mut headers = vec![("cookie", cookie.as_str())];
                headers.extend(origin);
                headers.extend(given.iter().map(|token| ("x-csrf-token", *token)));
                let expected = if ours { expected } else { "origin_refused" };
                assert_eq!(
                    told(by_cookie(), method, &headers).await,
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
            told(by_cookie(), "GET", &headers).await,
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
