//! The guard in axum: extractors, the layer, and what they answer.
#![cfg(feature = "axum")]

mod common;

use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRef;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use common::{HEADER, NOW, SECRET, clock, hs256, payload};
use http_body_util::BodyExt;
use keystile::{
    Any, Fresh, Guard, Principal, Reason, Rejection, Require, Revocations, Timestamp, WhenStale,
};
use tower_service::Service;

keystile::role!(Admin = "admin");
keystile::scope!(Read = "cakes:read");

#[derive(serde::Deserialize)]
struct Shop {
    shop: String,
}

async fn me(caller: Principal) -> String {
    caller.sub.clone()
}

async fn maybe(caller: Option<Principal>) -> String {
    caller.map_or("nobody".to_owned(), |caller| caller.sub.clone())
}

fn guard() -> Guard {
    Guard::hs256(SECRET).unwrap().clock(clock())
}

fn app(guard: Guard) -> Router {
    Router::new()
        .route("/me", any(me))
        .route("/maybe", get(maybe))
        .route(
            "/shop",
            get(|caller: Principal<Shop>| async move { caller.extra.shop }),
        )
        .route("/admin", get(|_: Require<Admin>| async {}))
        .route("/read", get(|_: Require<Read>| async {}))
        .route("/fresh", get(|_: Require<Fresh<300>>| async {}))
        .route("/all", get(|_: Require<(Admin, Fresh<300>)>| async {}))
        .route("/any", get(|_: Require<Any<(Admin, Read)>>| async {}))
        .route(
            "/look",
            get(|caller: Result<Principal, Rejection>| async move {
                caller
                    .err()
                    .map_or("in", |refused| refused.refusal().code())
            }),
        )
        .with_state(guard)
}

/// Status, `WWW-Authenticate` (empty if there is none), body.
struct Answer {
    status: StatusCode,
    challenge: String,
    response: Response,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.response
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap())
    }

    async fn text(self) -> String {
        let body = self
            .response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    async fn code(self) -> String {
        let problem: serde_json::Value = serde_json::from_str(&self.text().await).unwrap();
        problem["code"].as_str().unwrap().to_owned()
    }
}

async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().call(request).await.unwrap();
    let challenge = response.headers().get(header::WWW_AUTHENTICATE);
    Answer {
        status: response.status(),
        challenge: challenge.map_or(String::new(), |value| value.to_str().unwrap().to_owned()),
        response,
    }
}

fn request(method: Method, uri: &str, authorization: &[&str]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(uri);
    for value in authorization {
        request = request.header(header::AUTHORIZATION, *value);
    }
    request.body(Body::empty()).unwrap()
}

async fn get_with(app: &Router, uri: &str, authorization: &[&str]) -> Answer {
    send(app, request(Method::GET, uri, authorization)).await
}

fn token(more: &str) -> String {
    hs256(HEADER, &payload(more))
}

fn bearer(more: &str) -> String {
    format!("Bearer {}", token(more))
}

#[tokio::test]
async fn without_a_token_no_error_is_named() {
    for path in ["/me", "/shop", "/admin", "/all"] {
        let answer = get_with(&app(guard()), path, &[]).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.challenge, r#"Bearer reason="token_missing""#);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.code().await, "token_missing");
    }
}

#[tokio::test]
async fn a_token_that_holds_gets_in_with_the_scheme_in_any_case() {
    let app = app(guard());
    let token = token("");
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let answer = get_with(&app, "/me", &[&format!("{scheme} {token}")]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.text().await, "ada");
    }
}

#[tokio::test]
async fn a_token_that_does_not_hold_is_told_why() {
    let app = app(guard());
    let expired = hs256(HEADER, &format!(r#"{{"sub":"ada","exp":{NOW}}}"#));
    let answer = get_with(&app, "/me", &[&format!("Bearer {expired}")]).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.challenge,
        "Bearer error=\"invalid_token\", error_description=\"The token has expired; refresh it or sign in again.\", reason=\"token_expired\""
    );
    assert_eq!(answer.code().await, "token_expired");
}

#[tokio::test]
async fn an_authorization_that_cannot_be_read_is_a_bad_request() {
    let app = app(guard());
    let token = token("");
    for value in [
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "",
        "bearer\t",
        &token,
        &format!("Bearer {token} {token}"),
        &format!("Bearer {token},Bearer {token}"),
        &format!("Bearer\t{token}"),
        "B/e x",
        " ",
    ] {
        let answer = get_with(&app, "/me", &[value]).await;
        assert_eq!(answer.status, 400, "{value}");
        assert!(
            answer.challenge.contains(r#"error="invalid_request""#),
            "{value}"
        );
        assert_eq!(answer.code().await, "authorization_malformed", "{value}");
    }
    for bytes in [
        &b"Bearer \xff\xfe"[..],
        "Bearer \u{e9}".as_bytes(),
        "B\u{e9} x".as_bytes(),
    ] {
        let mut binary = request(Method::GET, "/me", &[]);
        let value = header::HeaderValue::from_bytes(bytes).unwrap();
        binary.headers_mut().insert(header::AUTHORIZATION, value);
        assert_eq!(send(&app, binary).await.status, 400);
    }
}

#[tokio::test]
async fn two_headers_and_other_schemes() {
    let app = app(guard());
    let good = bearer("");
    let twice = get_with(&app, "/me", &[&good, &good]).await;
    assert_eq!(
        (twice.status, twice.code().await.as_str()),
        (StatusCode::BAD_REQUEST, "credentials_ambiguous")
    );
    let mixed = get_with(&app, "/me", &["Basic YWRhOnB3", &good]).await;
    assert_eq!(mixed.code().await, "credentials_ambiguous");
    let basic = get_with(&app, "/me", &["Basic YWRhOnB3"]).await;
    assert_eq!(basic.status, 401);
    assert_eq!(basic.challenge, r#"Bearer reason="token_missing""#);
}

#[tokio::test]
async fn only_absence_is_forgiven() {
    let app = app(guard());
    assert_eq!(get_with(&app, "/maybe", &[]).await.text().await, "nobody");
    assert_eq!(
        get_with(&app, "/maybe", &[&bearer("")]).await.text().await,
        "ada"
    );
    for value in ["Bearer", "Bearer x", &format!("{}A", bearer(""))] {
        assert!(
            get_with(&app, "/maybe", &[value])
                .await
                .status
                .is_client_error(),
            "{value}"
        );
    }
}

#[tokio::test]
async fn extra_claims_are_typed() {
    let app = app(guard());
    let answer = get_with(&app, "/shop", &[&bearer(r#","shop":"north""#)]).await;
    assert_eq!(answer.text().await, "north");
    for more in ["", r#","shop":7"#] {
        let answer = get_with(&app, "/shop", &[&bearer(more)]).await;
        assert_eq!(
            (answer.status, answer.code().await.as_str()),
            (StatusCode::UNAUTHORIZED, "token_claim_malformed")
        );
    }
}

#[tokio::test]
async fn requirements_are_403_and_name_what_lacks() {
    let app = app(guard());
    let fresh = format!(r#","auth_time":{}"#, NOW - 300);
    let stale = format!(r#","auth_time":{}"#, NOW - 301);
    let admin = r#","roles":["admin"]"#;
    for (path, claims, status) in [
        ("/admin", admin, 200),
        ("/admin", r#","roles":["Admin","administrator"]"#, 403),
        ("/read", r#","scope":"x cakes:read""#, 200),
        ("/read", r#","scope":"cakes:reader""#, 403),
        ("/fresh", &fresh, 200),
        ("/fresh", &stale, 401),
        ("/fresh", "", 401),
        ("/fresh", r#","auth_time":9007199254740992"#, 401),
        ("/fresh", r#","auth_time":-9007199254740992"#, 401),
        ("/all", &format!("{admin}{fresh}"), 200),
        ("/all", admin, 401),
        ("/all", &fresh, 403),
        ("/any", admin, 200),
        ("/any", r#","scope":"cakes:read""#, 200),
        ("/any", "", 403),
    ] {
        let answer = get_with(&app, path, &[&bearer(claims)]).await;
        assert_eq!(answer.status, status, "{path} {claims}");
    }
    let role = get_with(&app, "/admin", &[&bearer("")]).await;
    assert!(role.challenge.contains(r#"error="insufficient_scope""#));
    assert!(role.challenge.ends_with(r#"reason="role_missing""#));
    let scope = get_with(&app, "/read", &[&bearer("")]).await;
    assert!(
        scope
            .challenge
            .contains(r#"scope="cakes:read", reason="scope_missing""#)
    );
    let fresh = get_with(&app, "/fresh", &[&bearer("")]).await;
    assert!(
        fresh
            .challenge
            .contains(r#"error="insufficient_user_authentication""#)
    );
    assert!(fresh.challenge.contains(r#"max_age="300""#));
}

#[tokio::test]
async fn the_query_counts_only_where_it_is_switched_on() {
    let token = token("");
    let uri = format!("/me?token={token}");
    let off = get_with(&app(guard()), &uri, &[]).await;
    assert_eq!(off.code().await, "token_missing");
    let app = app(guard().token_from_query("token"));
    assert_eq!(get_with(&app, &uri, &[]).await.status, 200);
    assert_eq!(
        send(&app, request(Method::HEAD, &uri, &[])).await.status,
        200
    );
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = send(&app, request(method, &uri, &[])).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.challenge, r#"Bearer reason="token_missing""#);
    }
    let encoded = uri.replace('.', "%2E").replace("token=", "%74oken=");
    assert_eq!(get_with(&app, &encoded, &[]).await.status, 200);
    for (uri, code) in [
        (format!("{uri}&token={token}"), "credentials_ambiguous"),
        (format!("{uri}&x=1&%74oken="), "credentials_ambiguous"),
        ("/me?token=".to_owned(), "token_malformed"),
        ("/me?token".to_owned(), "token_malformed"),
        ("/me?token=%zz%".to_owned(), "token_malformed"),
        ("/me?token=%ff%00".to_owned(), "token_malformed"),
        ("/me?Token=x&tokens=y&atoken=z".to_owned(), "token_missing"),
    ] {
        assert_eq!(get_with(&app, &uri, &[]).await.code().await, code, "{uri}");
    }
}

#[tokio::test]
async fn a_bad_token_in_one_place_never_falls_through_to_the_other() {
    let app = app(guard().token_from_query("token"));
    let uri = format!("/me?token={}", token(""));
    for authorization in [&bearer(""), "Bearer bad", "Basic YWRhOnB3"] {
        let answer = get_with(&app, &uri, &[authorization]).await;
        assert_eq!(
            answer.code().await,
            "credentials_ambiguous",
            "{authorization}"
        );
    }
    let answer = get_with(&app, &uri, &["Bearer"]).await;
    assert_eq!(answer.code().await, "authorization_malformed");
}

#[tokio::test]
async fn the_applications_shape_replaces_ours_in_one_place() {
    let guard = guard()
        .realm("cakes \"and\" tea\r\n")
        .refusals(|refusal, request| {
            let path = request.uri.path();
            let message = match refusal.reason() {
                Reason::TokenMissing => "missing",
                _ => "invalid",
            };
            (
                StatusCode::UNAUTHORIZED,
                Json(serde_json::json!({ "message": message, "path": path })),
            )
                .into_response()
        });
    let answer = get_with(&app(guard.clone()), "/me", &[]).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.challenge,
        r#"Bearer realm="cakes and tea", reason="token_missing""#
    );
    assert_eq!(answer.text().await, r#"{"message":"missing","path":"/me"}"#);
    let layered = Router::new()
        .route("/x", get(|| async {}))
        .layer(guard.layer());
    let answer = get_with(&layered, "/x", &["Bearer x"]).await;
    assert_eq!(answer.text().await, r#"{"message":"invalid","path":"/x"}"#);
}

#[tokio::test]
async fn the_answer_keeps_a_challenge_of_the_applications_own() {
    let guard = guard().refusals(|_, _| {
        (
            StatusCode::UNAUTHORIZED,
            [("www-authenticate", "Bearer own=\"1\"")],
        )
            .into_response()
    });
    assert_eq!(
        get_with(&app(guard), "/me", &[]).await.challenge,
        "Bearer own=\"1\""
    );
}

#[tokio::test]
async fn unknown_revocation_is_503_with_retry_after_and_no_challenge() {
    let revocations = Revocations::new();
    revocations.require_current_within(Duration::from_secs(1), WhenStale::Refuse);
    let app = app(guard().revocations(revocations.clone()));
    let answer = get_with(&app, "/me", &[&bearer("")]).await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        (answer.challenge.as_str(), answer.header("retry-after")),
        ("", Some("1"))
    );
    assert_eq!(answer.code().await, "revocation_unknown");
    revocations.mark_current(Timestamp::from_seconds(NOW));
    assert_eq!(get_with(&app, "/me", &[&bearer("")]).await.status, 200);
}

#[tokio::test]
async fn a_layer_guards_a_whole_router() {
    let guard = guard().token_from_query("token");
    let app = Router::new()
        .route("/me", any(me))
        .layer(guard.layer())
        .with_state(guard.clone());
    assert_eq!(
        get_with(&app, "/me", &[]).await.code().await,
        "token_missing"
    );
    let answer = get_with(&app, "/me", &[&bearer("")]).await;
    assert_eq!(
        (answer.status, answer.header("cache-control")),
        (StatusCode::OK, None)
    );
    let answer = get_with(&app, &format!("/me?token={}", token("")), &[]).await;
    assert_eq!(
        (answer.status, answer.header("cache-control")),
        (StatusCode::OK, Some("no-store"))
    );

    let preflight = Router::new()
        .route("/me", any(|| async { "reached" }))
        .layer(guard.layer());
    let answer = send(&preflight, request(Method::OPTIONS, "/me", &[])).await;
    assert_eq!(answer.text().await, "reached");
    assert_eq!(
        send(&preflight, request(Method::POST, "/me", &[]))
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn a_layer_may_require_more_or_forgive_absence() {
    let guard = guard();
    let admins = Router::new()
        .route("/x", get(|| async {}))
        .layer(guard.layer().require::<Admin>());
    assert_eq!(get_with(&admins, "/x", &[&bearer("")]).await.status, 403);
    assert_eq!(
        get_with(&admins, "/x", &[&bearer(r#","roles":["admin"]"#)])
            .await
            .status,
        200
    );

    let open = Router::new()
        .route("/maybe", get(maybe))
        .route("/me", get(me))
        .layer(guard.layer().optional())
        .with_state(guard.clone());
    assert_eq!(get_with(&open, "/maybe", &[]).await.text().await, "nobody");
    assert_eq!(get_with(&open, "/me", &[]).await.status, 401);
    assert_eq!(get_with(&open, "/maybe", &["Bearer x"]).await.status, 401);
}

/// What one guard let through counts for that guard only.
#[tokio::test]
async fn another_guards_layer_does_not_vouch() {
    let strict = guard().require_claim("type", "access");
    let app = Router::new()
        .route("/me", get(me))
        .layer(guard().layer())
        .with_state(strict);
    assert_eq!(
        get_with(&app, "/me", &[&bearer("")]).await.code().await,
        "token_claim_missing"
    );
    assert_eq!(
        get_with(&app, "/me", &[&bearer(r#","type":"access""#)])
            .await
            .status,
        200
    );
}

#[derive(Clone)]
struct State {
    guard: Guard,
}

impl FromRef<State> for Guard {
    fn from_ref(state: &State) -> Self {
        state.guard.clone()
    }
}

#[tokio::test]
async fn the_guard_may_be_a_part_of_the_state() {
    let app = Router::new()
        .route("/me", get(me))
        .with_state(State { guard: guard() });
    assert_eq!(get_with(&app, "/me", &[]).await.status, 401);
    assert_eq!(get_with(&app, "/me", &[&bearer("")]).await.status, 200);
}

#[tokio::test]
async fn a_handler_may_look_at_the_refusal_itself() {
    let app = app(guard());
    assert_eq!(
        get_with(&app, "/look", &["Bearer x"]).await.text().await,
        "token_malformed"
    );
    assert_eq!(
        get_with(&app, "/look", &[&bearer("")]).await.text().await,
        "in"
    );
}

/// Every reason makes an answer whose challenge is a legal header, and status and code agree everywhere.
#[tokio::test]
async fn every_reason_has_its_answer() {
    let guard = guard();
    let (parts, ()) = Request::builder().uri("/").body(()).unwrap().into_parts();
    for reason in Reason::ALL {
        let response = guard.answer(&(*reason).into(), &parts);
        assert_eq!(response.status().as_u16(), reason.status(), "{reason}");
        let challenge = response.headers().get(header::WWW_AUTHENTICATE);
        assert_eq!(challenge.is_some(), reason.status() < 500, "{reason}");
        let challenge = challenge.map_or("", |value| value.to_str().unwrap());
        match reason.oauth_error() {
            Some(error) => assert!(
                challenge.contains(&format!("error=\"{error}\"")),
                "{reason}"
            ),
            None => assert!(!challenge.contains("error"), "{reason}"),
        }
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["code"], reason.code());
        assert_eq!(problem["status"], reason.status());
    }
}

#[tokio::test]
async fn a_refused_head_has_no_body() {
    let answer = send(&app(guard()), request(Method::HEAD, "/me", &[])).await;
    assert_eq!(
        (answer.status, answer.text().await.as_str()),
        (StatusCode::UNAUTHORIZED, "")
    );
}
