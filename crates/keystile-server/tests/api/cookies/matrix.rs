//! Every combination of what a browser, or somebody who is none, may send, at every route that takes a cookie.

use serde_json::json;

use super::{ada_s, told};
use crate::actors::{ISSUER, PASSWORD};
use crate::browser::{ACCESS, Browser, EVIL, REFRESH, set_cookies};
use crate::http::Request;

const ORIGINS: [Option<&str>; 4] = [Some(ISSUER), Some(EVIL), Some("null"), None];
const SITES: [Option<&str>; 5] = [
    Some("same-origin"),
    Some("same-site"),
    Some("cross-site"),
    Some("none"),
    None,
];
const KINDS: [&str; 3] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain",
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token {
    Right,
    Wrong,
    Anothers,
    Absent,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Jar {
    Valid,
    Expired,
    Ended,
    Twice,
    BesideHeader,
    None,
}

const TOKENS: [Token; 4] = [Token::Right, Token::Wrong, Token::Anothers, Token::Absent];
const JARS: [Jar; 6] = [
    Jar::Valid,
    Jar::Expired,
    Jar::Ended,
    Jar::Twice,
    Jar::BesideHeader,
    Jar::None,
];

/// Who may have sent it, as far as the browser says.
fn is_ours(origin: Option<&str>, site: Option<&str>) -> bool {
    origin.is_none_or(|origin| origin == ISSUER) && site.is_none_or(|site| site == "same-origin")
}

struct Sender {
    browser: Browser,
    expired: Browser,
    ended: Browser,
    other: Browser,
}

impl Sender {
    fn request(
        &self,
        (method, target): (&str, &str),
        (origin, site): (Option<&str>, Option<&str>),
        token: Token,
        jar: Jar,
    ) -> Request {
        let mut request = Request::new(method, target);
        for (name, value) in [("origin", origin), ("sec-fetch-site", site)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let whose = match jar {
            Jar::Expired => &self.expired,
            Jar::Ended => &self.ended,
            _ => &self.browser,
        };
        request = match token {
            Token::Right => request.header("x-csrf-token", whose.csrf()),
            Token::Wrong => request.header("x-csrf-token", "AAAA"),
            Token::Anothers => request.header("x-csrf-token", self.other.csrf()),
            Token::Absent => request,
        };
        match jar {
            Jar::None => request,
            Jar::Twice => request.header(
                "cookie",
                &format!("{}; {}", whose.cookies(), whose.cookies()),
            ),
            Jar::BesideHeader => request
                .header("cookie", &whose.cookies())
                .bearer(&whose.jar[ACCESS]),
            _ => request.header("cookie", &whose.cookies()),
        }
    }
}

async fn sender() -> (crate::actors::Server, Sender) {
    let (server, expired) = ada_s().await;
    let mut ended = Browser::sign_in(&server, "ada").await;
    let kept = ended.clone();
    ended.fetch("POST", "/v1/logout").await.expect(204);
    server.advance(901);
    let browser = Browser::sign_in(&server, "ada").await;
    let other = Browser::sign_in(&server, "ada").await;
    let sender = Sender {
        browser,
        expired,
        ended: kept,
        other,
    };
    (server, sender)
}

/// What the guard makes of a cookie on an unsafe method.
fn expected_of_guard(ours: bool, token: Token, jar: Jar) -> &'static str {
    match (jar, ours, token) {
        (Jar::None, ..) => "token_missing",
        (Jar::Twice | Jar::BesideHeader, ..) => "credentials_ambiguous",
        (_, false, _) => "origin_refused",
        // The ended one's has expired too, and that is told first.
        (Jar::Expired | Jar::Ended, ..) => "token_expired",
        (Jar::Valid, true, Token::Right) => "ok",
        (Jar::Valid, true, Token::Absent) => "csrf_token_missing",
        (Jar::Valid, true, _) => "csrf_token_wrong",
    }
}

#[tokio::test]
async fn reading_by_cookie() {
    let (server, sender) = sender().await;
    for method in ["GET", "HEAD"] {
        for origin in ORIGINS {
            for site in SITES {
                for token in TOKENS {
                    for jar in JARS {
                        let request =
                            sender.request((method, "/v1/me"), (origin, site), token, jar);
                        let answer = server.send(request).await;
                        // Nothing changes, and no other page can read the answer.
                        let expected = match jar {
                            Jar::Valid => (200, "ok"),
                            other => {
                                let code = expected_of_guard(true, token, other);
                                (
                                    if code == "credentials_ambiguous" {
                                        400
                                    } else {
                                        401
                                    },
                                    code,
                                )
                            }
                        };
                        let case = format!("{method} {origin:?} {site:?} {token:?} {jar:?}");
                        assert_eq!(answer.status, expected.0, "{case}");
                        assert_eq!(answer.header("access-control-allow-origin"), None, "{case}");
                        assert!(set_cookies(&answer).is_empty(), "{case}");
                        if method == "GET" {
                            assert_eq!(told(&answer), expected.1, "{case}");
                        }
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn changing_by_cookie() {
    let (server, sender) = sender().await;
    let unchanged = json!({}).to_string();
    let password = json!({ "current_password": PASSWORD, "new_password": "short" }).to_string();
    for (route, body, allowed) in [
        (("PATCH", "/v1/me"), &unchanged, "ok"),
        (("POST", "/v1/me/password"), &password, "password_too_short"),
        (
            ("DELETE", "/v1/me/sessions/none"),
            &unchanged,
            "session_unknown",
        ),
    ] {
        for origin in ORIGINS {
            for site in SITES {
                for kind in KINDS {
                    for token in TOKENS {
                        for jar in JARS {
                            let request = sender.request(route, (origin, site), token, jar);
                            let answer = server.send(request.raw(kind, body.as_bytes())).await;
                            let mut expected = expected_of_guard(is_ours(origin, site), token, jar);
                            if expected == "ok" {
                                let is_read = route.0 != "DELETE" && kind != KINDS[0];
                                expected = if is_read {
                                    "content_type_unsupported"
                                } else {
                                    allowed
                                };
                            }
                            let case =
                                format!("{route:?} {origin:?} {site:?} {kind} {token:?} {jar:?}");
                            assert_eq!(told(&answer), expected, "{case}");
                            assert!(set_cookies(&answer).is_empty(), "{case}");
                        }
                    }
                }
            }
        }
    }
    let me = sender.request(("GET", "/v1/me"), (None, None), Token::Absent, Jar::Valid);
    server.send(me).await.expect(200);
}

#[tokio::test]
async fn refreshing_and_signing_out_by_cookie() {
    let (server, sender) = sender().await;
    for target in ["/v1/refresh", "/v1/logout"] {
        for origin in ORIGINS {
            for site in SITES {
                for kind in KINDS {
                    for token in TOKENS {
                        for jar in JARS {
                            // What would succeed has its own tests, and would use the session up.
                            let ours = is_ours(origin, site);
                            if ours
                                && token == Token::Right
                                && matches!(jar, Jar::Valid | Jar::Expired)
                                && kind == KINDS[0]
                            {
                                continue;
                            }
                            let request =
                                sender.request(("POST", target), (origin, site), token, jar);
                            let answer = server.send(request.raw(kind, b"{}")).await;
                            let expected = expected_of_chain(target, ours, kind, token, jar);
                            let case =
                                format!("{target} {origin:?} {site:?} {kind} {token:?} {jar:?}");
                            assert_eq!(told(&answer), expected, "{case}");
                            let over =
                                matches!(expected, "session_ended" | "refresh_token_unknown");
                            assert_eq!(!set_cookies(&answer).is_empty(), over, "{case}");
                        }
                    }
                }
            }
        }
    }
    // Whatever was tried, the sessions live.
    for mut browser in [sender.browser.clone(), sender.expired.clone()] {
        browser.fetch("POST", "/v1/refresh").await.expect(200);
    }
    assert!(sender.browser.jar.contains_key(REFRESH));
}

fn expected_of_chain(target: &str, ours: bool, kind: &str, token: Token, jar: Jar) -> &'static str {
    let is_refresh = target == "/v1/refresh";
    match (jar, ours, token) {
        _ if kind != KINDS[0] => "content_type_unsupported",
        (Jar::Twice | Jar::BesideHeader, ..) => "credentials_ambiguous",
        (Jar::None, ..) if is_refresh => "member_missing",
        (Jar::None, ..) => "token_missing",
        (_, false, _) => "origin_refused",
        (_, _, Token::Absent) => "csrf_token_missing",
        (_, _, Token::Wrong | Token::Anothers) => "csrf_token_wrong",
        (Jar::Ended, ..) if is_refresh => "session_ended",
        (Jar::Ended, ..) => "refresh_token_unknown",
        _ => "ok",
    }
}

#[tokio::test]
async fn signing_in_by_cookie() {
    let (server, sender) = sender().await;
    let mut given = 0;
    for origin in ORIGINS {
        for site in SITES {
            for kind in KINDS {
                for (jar, token) in [
                    (Jar::None, Token::Absent),
                    (Jar::Valid, Token::Absent),
                    (Jar::Ended, Token::Wrong),
                ] {
                    let request = sender.request(("POST", "/v1/login"), (origin, site), token, jar);
                    let body = match kind {
                        "application/x-www-form-urlencoded" => {
                            format!("username=ada&password={PASSWORD}&delivery=cookie")
                        }
                        _ => {
                            json!({ "username": "ada", "password": PASSWORD, "delivery": "cookie" })
                                .to_string()
                        }
                    };
                    let answer = server.send(request.raw(kind, body.as_bytes())).await;
                    let expected = if kind != KINDS[0] {
                        "content_type_unsupported"
                    } else if origin == Some(ISSUER) && is_ours(origin, site) {
                        "ok"
                    } else {
                        "origin_refused"
                    };
                    let case = format!("{origin:?} {site:?} {kind} {jar:?}");
                    assert_eq!(told(&answer), expected, "{case}");
                    assert_eq!(!set_cookies(&answer).is_empty(), expected == "ok", "{case}");
                    given += usize::from(expected == "ok");
                }
            }
        }
    }
    assert_eq!(given, 6);
}
