//! What is tried against cookies.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{ada_s, told};
use crate::actors::{ISSUER, PASSWORD, Server};
use crate::browser::{ACCESS, Browser, CSRF, EVIL, REFRESH, page, set_cookies};
use crate::http::{Request, send_bytes};

/// Login CSRF: another site signs a visitor's browser in to the attacker's account.
#[tokio::test]
async fn another_site_signs_nobody_in() {
    let server = Server::start().await;
    server.person("eve").await;
    let credentials = json!({ "username": "eve", "password": PASSWORD, "delivery": "cookie" });
    let text = credentials.to_string();
    let basic = format!("Basic {}", STANDARD.encode(format!("eve:{PASSWORD}")));
    let cross = || Request::new("POST", "/v1/login").header("sec-fetch-site", "cross-site");
    let tries = [
        // A form that looks like JSON.
        cross()
            .header("origin", EVIL)
            .raw("text/plain", text.as_bytes()),
        cross().header("origin", "null").json(&credentials),
        cross().json(&credentials),
        // A program that is no browser, and says nothing.
        Request::new("POST", "/v1/login").json(&credentials),
        page("POST", "/v1/login")
            .header("authorization", &basic)
            .json(&json!({ "delivery": "cookie" })),
        page("POST", "/v1/login")
            .header("origin", EVIL)
            .json(&credentials),
        page("POST", "/v1/login?delivery=cookie")
            .json(&json!({ "username": "eve", "password": PASSWORD })),
    ];
    for (number, request) in tries.into_iter().enumerate() {
        let answer = server.send(request).await;
        assert!(
            set_cookies(&answer).is_empty(),
            "try {number}: {}",
            told(&answer)
        );
    }
    let odd = json!({ "username": "eve", "password": PASSWORD, "delivery": "Cookie" });
    let answer = page("POST", "/v1/login")
        .json(&odd)
        .send(server.address)
        .await;
    assert_eq!(answer.problem(400), "member_invalid");
}

/// Fixation: what was in the browser before a sign-in is not what is in it afterwards, and gains nothing.
#[tokio::test]
async fn planted_cookies_are_not_adopted() {
    let (server, planted) = ada_s().await;
    server.person("bob").await;
    let mut victim = planted.clone();
    let body = json!({ "username": "bob", "password": PASSWORD, "delivery": "cookie" });
    let answer = victim
        .send(page("POST", "/v1/login").json(&body))
        .await
        .expect(200);
    assert_ne!(answer.text("/session_id"), planted.session);
    for name in [ACCESS, REFRESH, CSRF] {
        assert_ne!(victim.jar[name], planted.jar[name], "{name}");
    }
    let who = planted.clone().fetch("GET", "/v1/me").await.expect(200);
    assert_eq!(
        who.text("/username"),
        "ada",
        "the planter's session is their own as before"
    );
    assert_eq!(victim.fetch("GET", "/v1/me").await.text("/username"), "bob");
}

/// Without the prefix, on loopback, another port's page can toss cookies: a pair of one's own beside the victim's.
#[tokio::test]
async fn a_tossed_cookie_is_refused_beside_the_real_one() {
    let (server, victim) = ada_s().await;
    server.person("eve").await;
    let eve = Browser::sign_in(&server, "eve").await;
    let send = async |cookies: String, method: &str, target: &str, csrf: &str| {
        let request = page(method, target)
            .header("cookie", &cookies)
            .header("x-csrf-token", csrf);
        told(&server.send(request).await)
    };
    for cookies in [
        format!("{}; {ACCESS}={}", victim.cookies(), eve.jar[ACCESS]),
        format!("{ACCESS}={}; {}", eve.jar[ACCESS], victim.cookies()),
        format!("{ACCESS}=; {}", victim.cookies()),
    ] {
        assert_eq!(
            send(cookies, "GET", "/v1/me", "").await,
            "credentials_ambiguous"
        );
    }
    for target in ["/v1/refresh", "/v1/logout"] {
        let cookies = format!("{REFRESH}={}; {}", eve.jar[REFRESH], victim.cookies());
        assert_eq!(
            send(cookies, "POST", target, victim.csrf()).await,
            "credentials_ambiguous"
        );
        // Her CSRF token, tossed too, is not her victim's session's.
        let cookies = format!("{CSRF}={}; {}", eve.csrf(), victim.cookies());
        assert_eq!(
            send(cookies, "POST", target, eve.csrf()).await,
            "csrf_token_wrong"
        );
    }
}

/// The tokens of two sessions, mixed: each is checked against its own.
#[tokio::test]
async fn halves_of_two_sessions_do_not_fit() {
    let (server, mine) = ada_s().await;
    server.person("eve").await;
    let eve = Browser::sign_in(&server, "eve").await;
    let mut mixed = mine.clone();
    mixed
        .jar
        .insert(REFRESH.to_owned(), eve.jar[REFRESH].clone());
    let refused = mixed.fetch("POST", "/v1/refresh").await;
    assert_eq!(refused.problem(403), "csrf_token_wrong");
    assert!(
        set_cookies(&refused).is_empty(),
        "nothing is taken away on another's word"
    );
    assert_eq!(
        mixed.fetch("POST", "/v1/logout").await.problem(403),
        "csrf_token_wrong"
    );
    for mut living in [mine, eve] {
        living.fetch("POST", "/v1/refresh").await.expect(200);
    }
}

#[tokio::test]
async fn long_cookies_and_many_are_answered() {
    let (server, browser) = ada_s().await;
    let long = "x".repeat(16 * 1024);
    let many: Vec<_> = (0..1_000).map(|number| format!("c{number}=1; ")).collect();
    let many = many.concat();
    let with = |cookies: &str| page("POST", "/v1/refresh").header("cookie", cookies);
    for (name, code) in [
        (REFRESH, "refresh_token_malformed"),
        ("theme", "member_missing"),
    ] {
        let answer = server.send(with(&format!("{name}={long}"))).await;
        assert_eq!(told(&answer), code);
    }
    let me = |cookies: &str| page("GET", "/v1/me").header("cookie", cookies);
    let answer = server.send(me(&format!("{ACCESS}={long}"))).await;
    assert_eq!(answer.problem(401), "token_malformed");
    server
        .send(me(&format!("{many}{}", browser.cookies())))
        .await
        .expect(200);
    let too_long = server
        .send(me(&format!("{ACCESS}={}", "x".repeat(40 * 1024))))
        .await;
    assert_eq!(too_long.problem(431), "headers_too_large");
    let names: Vec<_> = (0..1_000).map(|_| format!("{ACCESS}=1; ")).collect();
    let names = names.concat();
    assert_eq!(
        server.send(me(&names)).await.problem(400),
        "credentials_ambiguous"
    );
    let raw = format!(
        "GET /v1/me HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncookie: {ACCESS}=\u{ff}é; =; ;;\r\n\r\n"
    );
    assert_eq!(
        send_bytes(server.address, raw.as_bytes())
            .await
            .problem(401),
        "token_malformed"
    );
}

/// Links, images and prefetches are GETs: with a browser's cookies none of them changes anything.
#[tokio::test]
async fn no_get_changes_anything() {
    let (server, browser) = ada_s().await;
    let document: Value = server
        .anonymous("GET", "/openapi.json")
        .await
        .expect(200)
        .json();
    let before = server.accounts.sessions(&"x".into()).await.unwrap().len();
    let mut tried = 0;
    for path in document["paths"].as_object().unwrap().keys() {
        if path == "/v1/revocations" {
            continue;
        }
        let target = path
            .replace("{id}", &browser.session)
            .replace("{kid}", "1")
            .replace("{client_id}", "1");
        for method in ["GET", "HEAD", "OPTIONS"] {
            let request = Request::new(method, &target)
                .header("cookie", &browser.cookies())
                .header("sec-fetch-site", "cross-site")
                .header("sec-fetch-mode", "navigate");
            let answer = server.send(request).await;
            assert!(
                answer.status != 204 && answer.status < 500,
                "{method} {target}: {}",
                answer.status
            );
            assert!(set_cookies(&answer).is_empty(), "{method} {target}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            tried += 1;
        }
    }
    assert!(tried > 40 && before == 0);
    let mut after = browser.clone();
    after.fetch("GET", "/v1/me").await.expect(200);
    after.fetch("POST", "/v1/refresh").await.expect(200);
    for target in ["/v1/logout", "/v1/refresh", "/v1/login"] {
        assert_eq!(
            page("GET", target).send(server.address).await.problem(405),
            "method_not_allowed"
        );
    }
}

/// Another site's page asks before it sends, and is told nothing that would let it.
#[tokio::test]
async fn a_preflight_gets_no_leave() {
    let (server, browser) = ada_s().await;
    for (method, target) in [
        ("POST", "/v1/refresh"),
        ("DELETE", "/v1/me"),
        ("GET", "/v1/me"),
    ] {
        let preflight = Request::new("OPTIONS", target)
            .header("origin", EVIL)
            .header("access-control-request-method", method)
            .header(
                "access-control-request-headers",
                "x-csrf-token, content-type",
            );
        let answer = server.send(preflight).await;
        let allowed = answer
            .headers
            .iter()
            .find(|(name, _)| name.starts_with("access-control-"));
        assert_eq!(allowed, None, "{method} {target}");
    }
    let simple = Request::new("GET", "/v1/me")
        .header("origin", EVIL)
        .header("cookie", &browser.cookies());
    let answer = server.send(simple).await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_device_splits_no_header_and_no_line() {
    let server = Server::start().await;
    server.person("ada").await;
    let body = json!({ "username": "ada", "password": PASSWORD, "delivery": "cookie" }).to_string();
    let raw = format!(
        "POST /v1/login HTTP/1.1\r\nhost: t\r\nconnection: close\r\norigin: {ISSUER}\r\ncontent-type: application/json\r\n\
         user-agent: a\tb\u{85}\u{2028}c\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = send_bytes(server.address, raw.as_bytes()).await.expect(200);
    assert_eq!(set_cookies(&answer).len(), 3);
    let mut browser = Browser::sign_in(&server, "ada").await;
    let list = browser.fetch("GET", "/v1/me/sessions").await.expect(200);
    assert_eq!(list.text("/data/1/device"), "abc");
}
