//! Somebody at a browser: it keeps cookies as browsers do, adds them by itself, and says where a page comes from.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::actors::{ISSUER, PASSWORD, Server};
use crate::http::{Answer, Request};

pub(crate) const ACCESS: &str = "keystile_access";
pub(crate) const REFRESH: &str = "keystile_refresh";
pub(crate) const CSRF: &str = "keystile_csrf";
pub(crate) const EVIL: &str = "https://evil.example";

/// A browser's cookies for the server, and its page there.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    pub(crate) address: SocketAddr,
    pub(crate) jar: BTreeMap<String, String>,
    pub(crate) session: String,
}

impl Browser {
    /// Opens a page of the server's origin and signs in there.
    pub(crate) async fn sign_in(server: &Server, name: &str) -> Self {
        let mut browser = Self {
            address: server.address,
            jar: BTreeMap::new(),
            session: String::new(),
        };
        let body = json!({ "username": name, "password": PASSWORD, "delivery": "cookie" });
        let answer = browser
            .send(page("POST", "/v1/login").json(&body))
            .await
            .expect(200);
        browser.session = answer.text("/session_id");
        browser
    }

    pub(crate) fn csrf(&self) -> &str {
        &self.jar[CSRF]
    }

    pub(crate) fn cookies(&self) -> String {
        let pairs: Vec<_> = self.jar.iter().map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join("; ")
    }

    /// Sends with the cookies, and keeps those of the answer.
    pub(crate) async fn send(&mut self, request: Request) -> Answer {
        let request = if self.jar.is_empty() {
            request
        } else {
            request.header("cookie", &self.cookies())
        };
        let answer = request.send(self.address).await;
        self.keep(&answer);
        answer
    }

    /// As our page's script does: with its origin and the CSRF token.
    pub(crate) async fn fetch(&mut self, method: &str, target: &str) -> Answer {
        let request = page(method, target).header("x-csrf-token", self.csrf());
        self.send(request).await
    }

    pub(crate) async fn fetch_with(&mut self, method: &str, target: &str, body: &Value) -> Answer {
        let request = page(method, target).header("x-csrf-token", self.csrf());
        self.send(request.json(body)).await
    }

    pub(crate) fn keep(&mut self, answer: &Answer) {
        for line in set_cookies(answer) {
            let (pair, attributes) = line.split_once("; ").expect("attributes");
            let (name, value) = pair.split_once('=').expect("a pair");
            if attributes.contains("Max-Age=0;") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// A request of a page of the issuer's own origin.
pub(crate) fn page(method: &str, target: &str) -> Request {
    let request = Request::new(method, target).header("sec-fetch-site", "same-origin");
    if method == "GET" {
        request
    } else {
        request.header("origin", ISSUER)
    }
}

pub(crate) fn set_cookies(answer: &Answer) -> Vec<String> {
    let lines = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie");
    lines.map(|(_, value)| value.clone()).collect()
}

/// Whether the answer takes all three cookies away.
pub(crate) fn clears(answer: &Answer) -> bool {
    let lines = set_cookies(answer);
    let cleared = lines
        .iter()
        .filter(|line| line.contains("=; Path=/; Max-Age=0;"));
    assert!(lines.is_empty() || cleared.count() == 3, "{lines:?}");
    lines.len() == 3
}
