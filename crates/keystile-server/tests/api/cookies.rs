//! Cookies, as browsers and those who abuse them use them.

use serde_json::json;

use crate::actors::{ISSUER, PASSWORD, Server};
use crate::browser::{ACCESS, Browser, CSRF, EVIL, REFRESH, clears, page, set_cookies};
use crate::http::{Answer, Request};

mod attacks;
mod matrix;

const NEXT: &str = "a quite different sentence";

async fn ada_s() -> (Server, Browser) {
    let server = Server::start().await;
    let account = json!({ "username": "ada", "password": PASSWORD });
    server.post("/v1/signup", &account).await.expect(201);
    let browser = Browser::sign_in(&server, "ada").await;
    (server, browser)
}

#[tokio::test]
async fn a_sign_in_by_cookie_puts_no_token_in_the_body() {
    let server = Server::start().await;
    server.person("ada").await;
    let body = json!({ "username": "ada", "password": PASSWORD, "delivery": "cookie" });
    let answer = page("POST", "/v1/login")
        .json(&body)
        .send(server.address)
        .await
        .expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let lines = set_cookies(&answer);
    let attributes = |at: usize| lines[at].split_once("; ").unwrap().1.to_owned();
    assert_eq!(attributes(0), "Path=/; Max-Age=900; SameSite=Lax; HttpOnly");
    assert_eq!(
        attributes(1),
        "Path=/; Max-Age=2592000; SameSite=Lax; HttpOnly"
    );
    assert_eq!(attributes(2), "Path=/; Max-Age=2592000; SameSite=Lax");
    let text = String::from_utf8(answer.body.clone()).unwrap();
    for line in &lines[..2] {
        let value = line.split([';', '=']).nth(1).unwrap();
        assert!(
            value.len() > 40 && !text.contains(value),
            "a token is in the body"
        );
    }
    assert!(lines[2].starts_with(&format!("{CSRF}={};", answer.text("/csrf_token"))));
    let json = answer.json();
    let mut members: Vec<_> = json
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    members.sort_unstable();
    assert_eq!(
        members,
        ["account", "csrf_token", "expires_in", "session_id"]
    );
}

#[tokio::test]
async fn over_tls_cookies_have_the_host_prefix() {
    let server = Server::start_as_issuer("https://login.example.com", &[]).await;
    server.person("ada").await;
    let body = json!({ "username": "ada", "password": PASSWORD, "delivery": "cookie" });
    let login = Request::new("POST", "/v1/login").header("origin", "https://login.example.com");
    let answer = login.json(&body).send(server.address).await.expect(200);
    let lines = set_cookies(&answer);
    for (line, name) in lines.iter().zip([ACCESS, REFRESH, CSRF]) {
        assert!(line.starts_with(&format!("__Host-{name}=")), "{line}");
        assert!(
            line.contains("; Path=/;") && line.ends_with("; Secure"),
            "{line}"
        );
        assert!(!line.contains("Domain"), "{line}");
    }
    // What a sibling subdomain can toss has no prefix, and is not looked at.
    let pair = |at: usize| lines[at].split(';').next().unwrap();
    let tossed = pair(0).trim_start_matches("__Host-");
    let me = |cookie: &str| Request::new("GET", "/v1/me").header("cookie", cookie);
    assert_eq!(server.send(me(tossed)).await.problem(401), "token_missing");
    server
        .send(me(&format!("{tossed}x; {}", pair(0))))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_session_by_cookie_lives_as_any_other() {
    let (server, mut browser) = ada_s().await;
    assert_eq!(
        browser
            .fetch("GET", "/v1/me")
            .await
            .expect(200)
            .text("/username"),
        "ada"
    );
    let before = browser.jar.clone();
    server.advance(901);
    assert_eq!(
        browser.fetch("GET", "/v1/me").await.problem(401),
        "token_expired"
    );
    let refreshed = browser.fetch("POST", "/v1/refresh").await.expect(200);
    assert!(refreshed.json().get("access_token").is_none());
    assert_eq!(refreshed.text("/session_id"), browser.session);
    assert_ne!(before[ACCESS], browser.jar[ACCESS]);
    assert_ne!(before[REFRESH], browser.jar[REFRESH]);
    assert_eq!(before[CSRF], browser.jar[CSRF], "the page's token goes on");
    let list = browser
        .fetch("GET", "/v1/me/sessions")
        .await
        .expect(200)
        .json();
    let current: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|s| s["current"] == true)
        .collect();
    assert_eq!(current[0]["id"], browser.session.as_str());
    let names = json!({ "username": "lovelace", "current_password": PASSWORD });
    browser
        .fetch_with("PATCH", "/v1/me", &names)
        .await
        .expect(200);
}

#[tokio::test]
async fn two_tabs_that_refresh_at_once_stay_signed_in() {
    let (_server, browser) = ada_s().await;
    let mut tabs = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let mut tab = browser.clone();
        tabs.spawn(async move {
            tab.fetch("POST", "/v1/refresh").await.expect(200);
            tab
        });
    }
    let tabs = tabs.join_all().await;
    for tab in &tabs {
        assert_eq!(tab.jar[REFRESH], tabs[0].jar[REFRESH], "one successor");
        assert_eq!(tab.jar[CSRF], browser.jar[CSRF], "one CSRF token");
    }
    // The cookies of any of them are the browser's.
    let mut after = tabs[9].clone();
    after.fetch("POST", "/v1/refresh").await.expect(200);
    after
        .fetch_with("POST", "/v1/logout", &json!({}))
        .await
        .expect(204);
}

#[tokio::test]
async fn a_sign_out_takes_the_cookies_away() {
    let (server, mut browser) = ada_s().await;
    let (old, access) = (browser.clone(), browser.jar[ACCESS].clone());
    let answer = browser.fetch("POST", "/v1/logout").await.expect(204);
    assert!(clears(&answer) && browser.jar.is_empty());
    let me = Request::new("GET", "/v1/me").bearer(&access);
    assert_eq!(server.send(me).await.problem(401), "token_revoked");

    // Once more with what it had: the session is over, and the cookies go again.
    let again = old.clone().fetch("POST", "/v1/logout").await;
    assert_eq!(again.problem(401), "refresh_token_unknown");
    assert!(clears(&again));
    let refreshed = old.clone().fetch("POST", "/v1/refresh").await;
    assert_eq!(refreshed.problem(401), "session_ended");
    assert!(clears(&refreshed));
}

#[tokio::test]
async fn a_page_signs_out_though_its_access_token_has_expired() {
    let (server, mut browser) = ada_s().await;
    server.advance(901);
    for jar in ["both", "refresh only"] {
        let mut tab = browser.clone();
        if jar == "refresh only" {
            tab = Browser::sign_in(&server, "ada").await;
            tab.jar.remove(ACCESS);
        }
        assert!(
            clears(&tab.fetch("POST", "/v1/logout").await.expect(204)),
            "{jar}"
        );
    }
    assert_eq!(
        browser.fetch("POST", "/v1/refresh").await.problem(401),
        "session_ended"
    );
}

#[tokio::test]
async fn others_and_all_by_cookie() {
    let (server, mut browser) = ada_s().await;
    let there = server.sign_in("ada").await;
    let others = json!({ "sessions": "others" });
    let answer = browser
        .fetch_with("POST", "/v1/logout", &others)
        .await
        .expect(204);
    assert!(!clears(&answer), "this one goes on");
    assert_eq!(there.refused().await, "token_revoked");
    let there = server.sign_in("ada").await;
    let all = json!({ "sessions": "all" });
    let answer = browser
        .fetch_with("POST", "/v1/logout", &all)
        .await
        .expect(204);
    assert!(clears(&answer));
    assert_eq!(there.refused().await, "token_revoked");

    let mut expired = Browser::sign_in(&server, "ada").await;
    server.advance(901);
    let answer = expired.fetch_with("POST", "/v1/logout", &all).await;
    assert_eq!(answer.problem(401), "token_expired");
    assert!(set_cookies(&answer).is_empty(), "a refresh mends it");
}

#[tokio::test]
async fn a_password_change_by_cookie_answers_with_cookies() {
    let (server, mut browser) = ada_s().await;
    let there = server.sign_in("ada").await;
    let before = browser.clone();
    let body = json!({ "current_password": PASSWORD, "new_password": NEXT });
    let answer = browser
        .fetch_with("POST", "/v1/me/password", &body)
        .await
        .expect(200);
    assert!(answer.json().get("refresh_token").is_none());
    assert_eq!(set_cookies(&answer).len(), 3);
    browser.fetch("GET", "/v1/me").await.expect(200);
    browser.fetch("POST", "/v1/refresh").await.expect(200);
    assert_eq!(there.refused().await, "token_revoked");
    assert_eq!(
        before.clone().fetch("GET", "/v1/me").await.problem(401),
        "token_revoked"
    );
    assert_eq!(
        before
            .clone()
            .fetch("POST", "/v1/refresh")
            .await
            .problem(401),
        "session_ended"
    );
}

#[tokio::test]
async fn what_ends_one_s_own_session_takes_the_cookies_away() {
    let (server, mut browser) = ada_s().await;
    let there = server.sign_in("ada").await;
    let other = format!("/v1/me/sessions/{}", there.session);
    assert!(!clears(&browser.fetch("DELETE", &other).await.expect(204)));
    let own = format!("/v1/me/sessions/{}", browser.session);
    assert!(clears(&browser.fetch("DELETE", &own).await.expect(204)));

    let mut browser = Browser::sign_in(&server, "ada").await;
    let wrong = json!({ "password": "not the password at all" });
    let refused = browser.fetch_with("DELETE", "/v1/me", &wrong).await;
    assert_eq!(refused.problem(403), "password_wrong");
    assert!(set_cookies(&refused).is_empty());
    let body = json!({ "password": PASSWORD });
    assert!(clears(
        &browser
            .fetch_with("DELETE", "/v1/me", &body)
            .await
            .expect(204)
    ));
}

#[tokio::test]
async fn refusals_for_good_take_the_cookies_away_and_others_do_not() {
    let (server, browser) = ada_s().await;
    let jar = |name: &str, value: &str| {
        let mut changed = browser.clone();
        changed.jar.insert(name.to_owned(), value.to_owned());
        changed
    };
    let unknown = format!("ksr_{}", "A".repeat(43));
    for (value, code) in [
        (unknown.as_str(), "refresh_token_unknown"),
        ("nonsense", "refresh_token_malformed"),
        (&browser.jar[ACCESS].clone(), "refresh_token_malformed"),
    ] {
        let answer = jar(REFRESH, value).fetch("POST", "/v1/refresh").await;
        assert_eq!(answer.problem(401), code);
        assert!(clears(&answer), "{code}");
    }
    let first = browser.clone();
    let mut next = browser.clone();
    next.fetch("POST", "/v1/refresh").await.expect(200);
    next.fetch("POST", "/v1/refresh").await.expect(200);
    let reused = first.clone().fetch("POST", "/v1/refresh").await;
    assert_eq!(reused.problem(401), "refresh_token_reused");
    assert!(clears(&reused));

    let mut late = Browser::sign_in(&server, "ada").await;
    server.advance(31 * 86_400);
    let expired = late.fetch("POST", "/v1/refresh").await;
    assert_eq!(expired.problem(401), "refresh_token_expired");
    assert!(clears(&expired));

    let mut still = Browser::sign_in(&server, "ada").await;
    server.accounts.close().await;
    let failed = still.fetch("POST", "/v1/refresh").await;
    assert_eq!(failed.status, 503);
    assert!(
        set_cookies(&failed).is_empty(),
        "the token may still be good"
    );
}

#[tokio::test]
async fn a_refresh_token_comes_in_one_place() {
    let (server, browser) = ada_s().await;
    let body = json!({ "refresh_token": browser.jar[REFRESH] });
    for target in ["/v1/refresh", "/v1/logout"] {
        let answer = browser.clone().fetch_with("POST", target, &body).await;
        assert_eq!(answer.problem(400), "credentials_ambiguous", "{target}");
    }
    let both = page("POST", "/v1/logout")
        .bearer(&browser.jar[ACCESS])
        .header("cookie", &format!("{REFRESH}={}", browser.jar[REFRESH]));
    assert_eq!(
        server.send(both).await.problem(400),
        "credentials_ambiguous"
    );
    assert_eq!(
        server.anonymous("POST", "/v1/refresh").await.problem(400),
        "member_missing"
    );
    browser.clone().fetch("GET", "/v1/me").await.expect(200);
}

#[tokio::test]
async fn the_csrf_key_is_shared_and_outlives_a_restart() {
    let (server, browser) = ada_s().await;
    let mut elsewhere = browser.clone();
    elsewhere.address = server.beside().await;
    elsewhere.fetch("POST", "/v1/refresh").await.expect(200);
    assert_eq!(elsewhere.jar[CSRF], browser.jar[CSRF]);
    elsewhere.fetch("POST", "/v1/logout").await.expect(204);
}

#[tokio::test]
async fn pages_of_other_origins_may_be_allowed() {
    let dev = "http://localhost:5173";
    let server = Server::start_as_issuer(ISSUER, &[dev]).await;
    server.person("ada").await;
    let body = json!({ "username": "ada", "password": PASSWORD, "delivery": "cookie" });
    for (origin, status) in [
        (dev, 200),
        (ISSUER, 200),
        ("http://localhost:5174", 403),
        (EVIL, 403),
    ] {
        let login = Request::new("POST", "/v1/login")
            .header("origin", origin)
            .json(&body);
        let answer = login.send(server.address).await;
        assert_eq!(answer.status, status, "{origin}");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            None,
            "no CORS"
        );
    }
}

fn told(answer: &Answer) -> String {
    if answer.status < 300 {
        return "ok".to_owned();
    }
    answer.problem(answer.status)
}
