//! By way of another's browser: its cookies, its forms, its sockets, and the caches before it.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use axum::routing::{any, get};
use keystile::testing::TestIssuer;
use keystile::{Csrf, Guard, Principal, TokenCookie};

use super::sent;
use crate::{bearer, get_with, guard, send, token};

const OURS: &str = "https://app.example";
const SESSION: &str = r#","sid":"s""#;
const FORM: &str = "application/x-www-form-urlencoded";

fn csrf() -> Csrf {
    Csrf::new([5; 32], [OURS]).form_field("csrf")
}

fn by_cookie() -> Guard {
    guard().token_from_cookie(TokenCookie::host("access"), csrf())
}

/// What a handler and what a layer answer: the reason's code, or "in".
async fn told(guard: &Guard, request: impl Fn() -> Request<Body>) -> String {
    let bare = Router::new()
        .route("/", any(async |_: Principal| {}))
        .with_state(guard.clone());
    let layered = Router::new()
        .route("/", any(async || {}))
        .layer(guard.layer());
    let mut told = Vec::new();
    for app in [bare, layered] {
        let answer = send(&app, request()).await;
        told.push(if answer.status.is_success() {
            "in".to_owned()
        } else {
            answer.code().await
        });
    }
    assert_eq!(told[0], told[1]);
    told.remove(0)
}

/// Any page may open a WebSocket to any host, and the browser adds the cookies. Nothing else stops it: the hand-shake is a GET.
#[tokio::test]
async fn another_sites_page_opens_no_socket_by_a_cookie() {
    let cookie = format!("__Host-access={}", token(SESSION));
    let bearer = bearer(SESSION);
    let shake = |upgrade, credential, value, origin: Option<&'static str>| {
        let mut headers = vec![(credential, value), ("connection", "Upgrade")];
        headers.push(("upgrade", upgrade));
        headers.extend(origin.map(|origin| ("origin", origin)));
        sent("GET", "/", &headers)
    };
    let evil = Some("https://evil.example");
    for upgrade in ["websocket", "WebSocket", "h2c, websocket"] {
        for (origin, expected) in [
            (evil, "origin_refused"),
            (Some("null"), "origin_refused"),
            // Browsers always say it.
            (None, "origin_refused"),
            (Some(OURS), "in"),
        ] {
            let request = || shake(upgrade, "cookie", &*cookie, origin);
            let answer = told(&by_cookie(), request).await;
            assert_eq!(answer, expected, "{upgrade} {origin:?}");
            // No page can put it there.
            let request = || shake(upgrade, "authorization", &*bearer, origin);
            assert_eq!(told(&by_cookie(), request).await, "in");
        }
    }
    let request = || shake("h2c", "cookie", &*cookie, evil);
    assert_eq!(told(&by_cookie(), request).await, "in", "no socket");
    let few = csrf().methods([Method::DELETE]);
    let few = guard().token_from_cookie(TokenCookie::host("access"), few);
    let request = || shake("websocket", "cookie", &*cookie, evil);
    assert_eq!(told(&few, request).await, "origin_refused");
    let none = guard().token_from_cookie(TokenCookie::host("access"), Csrf::unchecked());
    assert_eq!(told(&none, request).await, "in");
    // Over HTTP/2 it is a CONNECT without `Upgrade` (RFC 8441, section 5).
    let connect = |origin: Option<&'static str>| {
        let mut headers = vec![("cookie", &*cookie)];
        headers.extend(origin.map(|origin| ("origin", origin)));
        sent("CONNECT", "/", &headers)
    };
    for origin in [evil, Some("null"), None] {
        assert_eq!(told(&few, || connect(origin)).await, "origin_refused");
    }
    assert_eq!(told(&few, || connect(Some(OURS))).await, "in");
    let answer = told(&by_cookie(), || connect(Some(OURS))).await;
    assert_eq!(answer, "csrf_token_missing");
}

/// A cache on the way does not know of cookies: what a handler lets its caller's browser keep, the next caller would get.
#[tokio::test]
async fn what_a_handler_lets_browsers_keep_no_shared_cache_keeps() {
    let says = |value: &'static str| async move { ([("cache-control", value)], "Ada's") };
    let cases = [
        ("max-age=60", "max-age=60, private"),
        ("no-cache", "no-cache, private"),
        ("s-maxages=60, publicly", "s-maxages=60, publicly, private"),
        // In so many words, as for a token in `Authorization` (RFC 9111, section 3.5).
        ("Public, max-age=60", "Public, max-age=60"),
        ("max-age=60,must-revalidate", "max-age=60,must-revalidate"),
        ("s-maxage=60", "s-maxage=60"),
        (
            "private=\"x\", max-age=1",
            "private=\"x\", max-age=1, private",
        ),
        ("PRIVATE", "PRIVATE"),
        ("no-store", "no-store"),
    ];
    let cookie = format!("__Host-access={}", token(SESSION));
    for (said, expected) in cases {
        let app = Router::new()
            .route("/", get(move || says(said)))
            .layer(by_cookie().layer());
        let answer = send(&app, sent("GET", "/", &[("cookie", &*cookie)])).await;
        let lines = answer.response.headers().get_all("cache-control").iter();
        let lines: Vec<_> = lines.map(|line| line.to_str().unwrap()).collect();
        assert_eq!(lines.join(", "), expected);
        let answer = get_with(&app, "/", &[&bearer(SESSION)]).await;
        assert_eq!(answer.header("cache-control"), Some(said), "caches know");
    }
}

/// Every way round the CSRF token that a form has.
#[tokio::test]
async fn no_form_of_another_site_gets_by() {
    let guard = by_cookie();
    let right = csrf().token("s");
    let cookie = format!("__Host-access={}", token(SESSION));
    let body = format!("csrf={right}");
    for (headers, body, expected) in [
        (&[("content-type", FORM)][..], &*body, "in"),
        // A wrong one in the header is not made good by the form's.
        (
            &[("content-type", FORM), ("x-csrf-token", "AAAA")],
            &*body,
            "csrf_token_wrong",
        ),
        (
            &[("content-type", FORM), ("x-csrf-token", "")],
            &*body,
            "csrf_token_wrong",
        ),
        // What a page can send without being asked for leave, and what says two things.
        (
            &[("content-type", "text/plain")],
            &*body,
            "csrf_token_missing",
        ),
        (
            &[("content-type", "multipart/form-data; boundary=x")],
            &*body,
            "csrf_token_missing",
        ),
        (
            &[("content-type", FORM), ("content-type", "text/plain")],
            &*body,
            "csrf_token_missing",
        ),
        (&[], &*body, "csrf_token_missing"),
        (&[("content-type", FORM)], "CSRF=x", "csrf_token_missing"),
        (&[("content-type", FORM)], "csrf=", "csrf_token_wrong"),
        (
            &[("content-type", FORM)],
            "csrf[]=x&csrf.=y",
            "csrf_token_missing",
        ),
        (
            &[("content-type", FORM), ("origin", "https://app.example.")],
            &*body,
            "origin_refused",
        ),
        (
            &[
                ("content-type", FORM),
                ("origin", "https://app.example:443"),
            ],
            &*body,
            "origin_refused",
        ),
        (
            &[("content-type", FORM), ("origin", "https://APP.example")],
            &*body,
            "origin_refused",
        ),
        (
            &[("content-type", FORM), ("sec-fetch-site", "none")],
            &*body,
            "origin_refused",
        ),
    ] {
        for method in ["POST", "post", "QUERY", "CONNECT"] {
            let mut all = vec![("cookie", &*cookie)];
            all.extend(headers);
            let (head, _) = sent(method, "http://app.example/", &all).into_parts();
            let told = guard.verify_request(&head, Some(body.as_bytes())).await;
            let told = told.map_or_else(|refusal| refusal.code(), |_| "in");
            assert_eq!(told, expected, "{method} {headers:?} {body:.20}");
        }
    }
}

/// HTTP/2 sends each cookie in a line of its own (RFC 9113, section 8.2.3).
#[tokio::test]
async fn cookies_may_come_in_pieces_and_still_count_once() {
    let good = format!("__Host-access={}", token(SESSION));
    let pieces = || {
        sent(
            "GET",
            "/",
            &[("cookie", "a=1"), ("cookie", &*good), ("cookie", "b=2")],
        )
    };
    assert_eq!(told(&by_cookie(), pieces).await, "in");
    let planted = || {
        sent(
            "GET",
            "/",
            &[("cookie", &*good), ("cookie", "__Host-access=planted")],
        )
    };
    assert_eq!(told(&by_cookie(), planted).await, "credentials_ambiguous");
}

/// Where no token is needed, a bad one or half of one is no absence.
#[tokio::test]
async fn what_is_optional_forgives_nothing_but_absence() {
    let issuer = TestIssuer::new().require_claim("type", "access");
    let guard = issuer
        .guard()
        .token_from_cookie(TokenCookie::on_loopback("t"), csrf())
        .token_from_query("t");
    let bare = Router::new()
        .route(
            "/",
            any(async |caller: Option<Principal>| caller.map_or("nobody", |_| "in")),
        )
        .with_state(guard.clone());
    let layered = Router::new()
        .route(
            "/",
            any(async |caller: Option<Principal>| caller.map_or("nobody", |_| "in")),
        )
        .layer(guard.layer().optional())
        .with_state(guard);
    let good = issuer.token("ada").build();
    let cookie = format!("t={good}");
    let header = format!("Bearer {good}");
    for app in [&bare, &layered] {
        for (method, uri, headers, expected) in [
            ("GET", "/", &[][..], "nobody"),
            ("GET", "/", &[("authorization", "Basic x")], "nobody"),
            ("GET", "/", &[("cookie", "t=")], "nobody"),
            ("GET", "/", &[("cookie", &*cookie)], "in"),
            ("POST", "/?t=x", &[], "nobody"),
            ("GET", "/?t=", &[], "token_malformed"),
            (
                "GET",
                "/",
                &[("authorization", "Bearer")],
                "authorization_malformed",
            ),
            ("POST", "/", &[("cookie", &*cookie)], "csrf_token_missing"),
            (
                "POST",
                "/",
                &[("cookie", &*cookie), ("origin", "https://evil.example")],
                "origin_refused",
            ),
            (
                "GET",
                "/",
                &[("cookie", &*cookie), ("authorization", "Basic x")],
                "credentials_ambiguous",
            ),
            (
                "GET",
                "/?t=x",
                &[("authorization", &*header)],
                "credentials_ambiguous",
            ),
        ] {
            let answer = send(app, sent(method, uri, headers)).await;
            let told = if answer.status.is_success() {
                answer.text().await
            } else {
                answer.code().await
            };
            assert_eq!(told, expected, "{method} {uri} {headers:?}");
        }
        for (reason, bad) in issuer.bad_tokens() {
            // What a route asks, and nobody asks here.
            if reason.status() == 403 || issuer.guard().verify(&bad).is_ok() {
                continue;
            }
            let bearer = format!("Bearer {bad}");
            let answer = send(app, sent("GET", "/", &[("authorization", &*bearer)])).await;
            assert_eq!(answer.code().await, reason.code());
        }
    }
}
