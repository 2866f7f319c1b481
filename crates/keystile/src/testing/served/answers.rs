//! What a served issuer says: its metadata (RFC 8414), its keys, tokens for its one client, and what it knows of a token.

use std::time::Duration;

use base64_simd::STANDARD;
use serde_json::json;

use super::Fault;
use super::request::{Answer, Request};
use crate::testing::TestIssuer;
use crate::{Expected, Guard, SubjectRule, Verifier};

const KEYS: &str = "/.well-known/jwks.json";
const TOKEN: &str = "/oauth/token";
const INTROSPECT: &str = "/oauth/introspect";
pub(super) const FEED: &str = "/v1/revocations";
/// What a token must allow whoever reads the feed.
const READS_FEED: &str = "revocations:read";

pub(super) fn answer(request: &Request, issuer: &TestIssuer, fault: Option<Fault>) -> Answer {
    if let Some(Fault::Status(status)) = fault {
        return Answer::status(status);
    }
    match (request.method.as_str(), request.path.as_str()) {
        (
            "GET",
            "/.well-known/oauth-authorization-server" | "/.well-known/openid-configuration",
        ) => document(issuer, fault),
        ("GET", KEYS) => keys(issuer, fault),
        ("POST", TOKEN) => token(request, issuer),
        ("POST", INTROSPECT) => introspect(request, issuer),
        _ => Answer::status(404),
    }
}

fn document(issuer: &TestIssuer, fault: Option<Fault>) -> Answer {
    let at = |path: &str| format!("{}{path}", issuer.iss());
    let named = match fault {
        Some(Fault::OtherIssuer) => "https://another-issuer.test",
        _ => issuer.iss(),
    };
    Answer::json(&json!({
        "issuer": named,
        "jwks_uri": at(KEYS),
        "token_endpoint": at(TOKEN),
        "introspection_endpoint": at(INTROSPECT),
        "revocation_feed_uri": at(FEED),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
    }))
}

fn keys(issuer: &TestIssuer, fault: Option<Fault>) -> Answer {
    let mut answer = match fault {
        Some(Fault::NoKeys) => Answer::json(&json!({ "keys": [] })),
        _ => Answer::json(&issuer.keys().to_jwks_json()),
    };
    if fault == Some(Fault::Garbled) {
        answer.sent = Some(answer.body.len() / 2);
    }
    answer.with("cache-control", "max-age=300")
}

/// Client credentials (RFC 6749, section 4.4): a token for this issuer itself, which reads the feed.
fn token(request: &Request, issuer: &TestIssuer) -> Answer {
    if !is_client(request) {
        return refused(401, "invalid_client");
    }
    if request.field("grant_type") != Some("client_credentials") {
        return refused(400, "unsupported_grant_type");
    }
    let lives = Duration::from_secs(900);
    let token = issuer.token(TestIssuer::CLIENT_ID);
    let token = token
        .audience(issuer.iss())
        .scope(READS_FEED)
        .expires_in(lives);
    let body = json!({
        "access_token": token.client(TestIssuer::CLIENT_ID).build(),
        "token_type": "Bearer",
        "expires_in": lives.as_secs(),
        "scope": READS_FEED,
    });
    Answer::json(&body).with("cache-control", "no-store")
}

/// Token introspection (RFC 7662).
fn introspect(request: &Request, issuer: &TestIssuer) -> Answer {
    if !is_client(request) && !may_read_feed(request, issuer) {
        return refused(401, "invalid_client");
    }
    let token = request.field("token").unwrap_or_default();
    let body = match own(issuer).verify(token) {
        Ok(found) if !issuer.0.revocations.is_revoked(found.claims()) => {
            let mut body = json!(found.claims());
            body["active"] = true.into();
            body["token_type"] = "Bearer".into();
            body
        }
        _ => json!({ "active": false }),
    };
    Answer::json(&body).with("cache-control", "no-store")
}

/// Whether the bearer's token is this issuer's own, for itself, and allows to read the feed.
pub(super) fn may_read_feed(request: &Request, issuer: &TestIssuer) -> bool {
    let guard = Guard::new(own(issuer)).audience(issuer.iss());
    let verified = request.bearer().map(|token| guard.verify(token));
    matches!(verified, Some(Ok(found)) if found.claims().scope.contains(READS_FEED))
}

/// Of any audience: the issuer knows its own.
fn own(issuer: &TestIssuer) -> Verifier {
    let mut trust = issuer.trust();
    trust.audience = Expected::Unchecked;
    Verifier::new(trust)
        .subject(SubjectRule::Unchecked)
        .clock(issuer.clock().clone())
}

fn is_client(request: &Request) -> bool {
    let id = TestIssuer::CLIENT_ID;
    let both = format!("{id}:{}", TestIssuer::CLIENT_SECRET);
    let expected = format!("Basic {}", STANDARD.encode_to_string(both));
    request.header("authorization") == Some(expected.as_str())
}

fn refused(status: u16, error: &str) -> Answer {
    Answer {
        status,
        ..Answer::json(&json!({ "error": error }))
    }
}
