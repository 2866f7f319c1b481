//! Options of Flask-JWT-Extended that no other test shows, in our words: rows of the table in `docs/flask-jwt-extended.md`.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, Request};
use axum::routing::post;
use keystile::testing::TestIssuer;
use keystile::{
    Algorithm, Claims, Csrf, Expected, Guard, KeySet, Place, Principal, Random, RefreshGuard,
    RefreshPrincipal, Revocations, SigningKey, TokenCookie, Trust, Verifier, take_apart_unverified,
};
use serde_json::json;

use crate::common::{SECRET, clock, key};
use crate::{app, get_with, send};

const ORIGIN: &str = "https://app.example";
const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn a_token_lasts_for_as_long_as_is_said() {
    let issuer = TestIssuer::hs256(SECRET).unwrap();
    let key = SigningKey::hs256(SECRET).unwrap();
    let quarter = Duration::from_secs(900);
    let claims = Claims::lasting("ada", quarter, issuer.clock(), &Random::seeded(1));
    assert_eq!(claims.iat.map(|iat| claims.exp - iat), Some(900));
    let guard = Guard::hs256(SECRET).unwrap().clock(issuer.clock().clone());
    let token = key.issue(&claims).unwrap();
    issuer.clock().advance(Duration::from_millis(899_999));
    assert!(guard.verify(&token).is_ok());
    issuer.clock().advance(Duration::from_millis(1));
    assert_eq!(guard.verify(&token).unwrap_err().code(), "token_expired");
}

#[test]
fn audience_issuer_and_nbf_are_written_where_they_are_said() {
    let key = SigningKey::hs256(SECRET).unwrap();
    let plain = Claims::lasting(
        "ada",
        Duration::from_secs(900),
        &clock(),
        &Random::seeded(1),
    );
    let said = Claims {
        aud: ["cakes", "tea"].into(),
        iss: Some("shop".into()),
        nbf: plain.iat,
        ..plain.clone()
    };
    let written = |claims| {
        let parts = take_apart_unverified(&key.issue(claims).unwrap()).unwrap();
        ["aud", "iss", "nbf"].map(|name| parts.claim(name))
    };
    assert_eq!(written(&plain), [None, None, None]);
    let expected = [json!(["cakes", "tea"]), json!("shop"), json!(plain.iat)];
    assert_eq!(written(&said), expected.map(Some));
}

#[tokio::test]
async fn places_are_looked_at_in_the_order_in_which_they_are_said() {
    let wide = TestIssuer::new().guard().token_from_query("token");
    // Two faults: which of them is told?
    for (order, told) in [
        ([Place::Header, Place::Query], "authorization_malformed"),
        ([Place::Query, Place::Header], "credentials_ambiguous"),
    ] {
        let app = app(wide.clone().only_from(order));
        let answer = get_with(&app, "/me?token=a&token=b", &["Bearer"]).await;
        assert_eq!(answer.code().await, told);
    }
}

#[tokio::test]
async fn either_kind_passes_a_guard_that_requires_none() {
    let issuer = TestIssuer::new();
    let (of_either, of_access) = (
        app(issuer.guard()),
        app(issuer.guard().require_claim("type", "access")),
    );
    for (kind, status) in [("access", 200), ("refresh", 401)] {
        let bearer = issuer.token("ada").claim("type", kind).bearer();
        let either = get_with(&of_either, "/me", &[&bearer]).await;
        let only = get_with(&of_access, "/me", &[&bearer]).await;
        assert_eq!(
            (either.status.as_u16(), only.status.as_u16()),
            (200, status)
        );
    }
}

#[tokio::test]
async fn a_guard_with_a_list_of_its_own_asks_no_other() {
    let issuer = TestIssuer::new();
    let strict = app(issuer.guard());
    let lenient = app(issuer.guard().revocations(Revocations::new()));
    let bearer = issuer.token("ada").bearer();
    issuer.revoke_session_now("ada-session");
    let refused = get_with(&strict, "/me", &[&bearer]).await;
    assert_eq!(refused.code().await, "token_revoked");
    assert_eq!(get_with(&lenient, "/me", &[&bearer]).await.status, 200);
}

#[tokio::test]
async fn the_header_and_the_id_of_a_token_can_be_had() {
    let issuer = TestIssuer::new().algorithm(Algorithm::EdDsa);
    let shown = async |caller: Principal| {
        let token = caller.verified();
        let id = caller.jti.clone().unwrap_or_default();
        format!(
            "{:?} {} {id}",
            token.algorithm(),
            token.key_id().unwrap().as_str()
        )
    };
    let app = Router::new()
        .route("/", axum::routing::get(shown))
        .with_state(issuer.guard());
    let token = issuer.token("ada").id("t-1").build();
    let kid = issuer.keys();
    let kid = kid.iter().next().unwrap().key_id().as_str().to_owned();
    let answer = get_with(&app, "/", &[&format!("Bearer {token}")]).await;
    assert_eq!(answer.text().await, format!("Some(EdDsa) {kid} t-1"));

    let parts = take_apart_unverified(&token).unwrap();
    assert_eq!(parts.claim("jti"), Some(json!("t-1")));
    assert_eq!(parts.header_member("alg"), Some(json!("EdDSA")));
    assert_eq!(parts.header_member("kid"), Some(json!(kid)));
}

/// What is told of a request with this body and these headers to a layer that reads bodies.
async fn posted(guard: &Guard, kind: &str, headers: &[(&str, &str)], body: String) -> String {
    let app = Router::new()
        .route("/", post(async || "in"))
        .layer(guard.layer().reading_bodies());
    let mut request = Request::post("/").header("content-type", kind);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = send(&app, request.body(Body::from(body)).unwrap()).await;
    if answer.status.is_success() {
        return answer.text().await;
    }
    answer.code().await
}

#[tokio::test]
async fn a_layer_reads_the_csrf_token_of_a_form() {
    let issuer = TestIssuer::new();
    let csrf = Csrf::new([5; 32], [ORIGIN]).form_field("csrf_field");
    let guard = issuer
        .guard()
        .token_from_cookie(TokenCookie::host("access"), csrf.clone());
    let cookie = format!("__Host-access={}", issuer.token("ada"));
    let headers = [("cookie", cookie.as_str()), ("origin", ORIGIN)];
    let right = csrf.token("ada-session");
    for (body, told) in [
        (format!("a=1&csrf_field={right}"), "in"),
        (format!("csrf={right}"), "csrf_token_missing"),
        ("csrf_field=AAAA".to_owned(), "csrf_token_wrong"),
    ] {
        assert_eq!(posted(&guard, FORM, &headers, body).await, told);
    }
}

#[tokio::test]
async fn a_refresh_token_has_a_cookie_a_field_and_a_member_of_its_own() {
    let issuer = TestIssuer::new();
    let csrf = Csrf::by_claim([ORIGIN])
        .header(HeaderName::from_static("x-refresh-csrf"))
        .form_field("refresh_csrf");
    let tokens = issuer
        .guard()
        .token_from_cookie(TokenCookie::plain("refresh_token_cookie"), csrf)
        .token_from_json("refresh_token");
    let refresh = RefreshGuard::new(tokens, "type");
    let token = issuer.token("ada").claim("csrf", "abc");
    let access = token.clone().claim("type", "access");
    let token = token.claim("type", "refresh");
    let cookie = format!("refresh_token_cookie={token}");
    let by_cookie = [("cookie", cookie.as_str()), ("origin", ORIGIN)];
    let shown = [&by_cookie[..], &[("x-refresh-csrf", "abc")]].concat();
    let json = "application/json";
    for (kind, headers, body, told) in [
        (
            json,
            &[][..],
            format!(r#"{{"refresh_token":"{token}"}}"#),
            "in",
        ),
        (
            json,
            &[],
            format!(r#"{{"refresh_token":"{access}"}}"#),
            "refresh_token_needed",
        ),
        (
            json,
            &[],
            format!(r#"{{"access_token":"{token}"}}"#),
            "token_missing",
        ),
        (json, &shown, "{}".to_owned(), "in"),
        (json, &by_cookie, "{}".to_owned(), "csrf_token_missing"),
        (FORM, &by_cookie, "refresh_csrf=abc".to_owned(), "in"),
        (
            FORM,
            &by_cookie,
            "refresh_csrf=abd".to_owned(),
            "csrf_token_wrong",
        ),
    ] {
        assert_eq!(
            posted(&refresh, kind, headers, body.clone()).await,
            told,
            "{body:.30}"
        );
    }
    // And the extractor takes it from the cookie.
    let exchange = async |caller: RefreshPrincipal| caller.sub.clone();
    let app = Router::new()
        .route("/", post(exchange))
        .with_state((issuer.guard(), refresh));
    let mut request = Request::post("/");
    for (name, value) in &shown {
        request = request.header(*name, *value);
    }
    let answer = send(&app, request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.text().await, "ada");
}

#[test]
fn each_tenant_is_issued_to_under_a_key_of_its_own() {
    let keys = [("north", 1), ("south", 2)].map(|(tenant, seed)| {
        let key = key(Algorithm::EdDsa, seed);
        (tenant, key.with_key_id(tenant))
    });
    let of = |tenant: &str| &keys.iter().find(|(name, _)| *name == tenant).unwrap().1;
    let public = keys.each_ref().map(|(_, key)| key.verifying_key().clone());
    let guard = Guard::new(Verifier::new(Trust {
        issuer: Expected::Absent,
        audience: Expected::Absent,
        token_type: "at+jwt".into(),
        keys: public.into_iter().collect::<KeySet>(),
    }));
    let guard = guard.clock(clock());
    let claims = Claims::lasting("ada", Duration::from_secs(9), &clock(), &Random::seeded(1));
    for tenant in ["north", "south"] {
        let verified = guard.verify(&of(tenant).issue(&claims).unwrap()).unwrap();
        assert_eq!(verified.key_id().map(keystile::KeyId::as_str), Some(tenant));
    }
}

#[test]
fn what_an_application_knows_somebody_by_becomes_the_subject() {
    struct Account {
        number: u32,
    }
    let ada = Account { number: 7 };
    let claims = Claims::new(ada.number.to_string(), i64::from(i32::MAX));
    let token = SigningKey::hs256(SECRET).unwrap().issue(&claims).unwrap();
    let guard = Guard::hs256(SECRET).unwrap().clock(clock());
    assert_eq!(guard.verify(&token).unwrap().claims().sub, "7");
}
