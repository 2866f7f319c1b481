//! The token of a request as it came, for routes that take one which the guard does not verify.
#![cfg(feature = "axum")]

mod common;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use common::SECRET;
use http_body_util::BodyExt;
use keystile::{BearerToken, Guard};
use tower_service::Service;

async fn shown(token: BearerToken) -> String {
    format!("{} {}", token.is_refresh_token(), token.expose())
}

async fn maybe(token: Option<BearerToken>) -> String {
    token.map_or("none".to_owned(), |token| token.as_ref().to_owned())
}

/// Status, challenge, body.
async fn send(guard: Guard, path: &str, authorization: &[&str]) -> (StatusCode, String, String) {
    let mut app: Router = Router::new()
        .route("/refresh", post(shown))
        .route("/maybe", post(maybe))
        .with_state(guard);
    let mut request = Request::builder().method("POST").uri(path);
    for value in authorization {
        request = request.header(header::AUTHORIZATION, *value);
    }
    let response = app
        .call(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let status = response.status();
    let challenge = response.headers().get(header::WWW_AUTHENTICATE);
    let challenge = challenge.map_or(String::new(), |value| value.to_str().unwrap().to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, challenge, String::from_utf8(body.to_vec()).unwrap())
}

fn guard() -> Guard {
    Guard::hs256(SECRET).unwrap().refusals(|refusal, _| {
        let status = StatusCode::from_u16(refusal.status()).unwrap();
        (status, Json(serde_json::json!({ "msg": refusal.code() }))).into_response()
    })
}

#[tokio::test]
async fn it_comes_as_it_is() {
    let opaque = format!("ksr_{}", "A".repeat(43));
    for (token, is_refresh) in [("a.b.c", false), ("ksr_x", false), (opaque.as_str(), true)] {
        for scheme in ["Bearer", "bearer", "BEARER", "Bearer  "] {
            let value = format!("{scheme} {token}");
            let (status, challenge, body) = send(guard(), "/refresh", &[&value]).await;
            assert_eq!((status, challenge.as_str()), (StatusCode::OK, ""));
            assert_eq!(body, format!("{is_refresh} {token}"), "{value}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_the_guards_shape() {
    let both = ["Bearer a", "Bearer a"];
    for (authorization, status, code) in [
        (&[][..], 401, "token_missing"),
        (&["Basic YTpi"], 401, "token_missing"),
        (&["Bearer"], 400, "authorization_malformed"),
        (&["Bearer a b"], 400, "authorization_malformed"),
        (&["Bearer a,b"], 400, "authorization_malformed"),
        (&both, 400, "credentials_ambiguous"),
    ] {
        let answer = send(guard(), "/refresh", authorization).await;
        let body = format!(r#"{{"msg":"{code}"}}"#);
        assert_eq!((answer.0.as_u16(), answer.2), (status, body));
        assert!(
            answer.1.contains(&format!(r#"reason="{code}""#)),
            "{}",
            answer.1
        );
        let answer = send(guard(), "/maybe", authorization).await;
        let forgiven = code == "token_missing";
        assert_eq!(answer.0 == StatusCode::OK, forgiven, "{authorization:?}");
    }
}

#[tokio::test]
async fn the_query_is_not_looked_at() {
    let guard = guard().token_from_query("token");
    let (status, _, body) = send(guard.clone(), "/refresh?token=a.b.c", &[]).await;
    assert_eq!(
        (status.as_u16(), body.as_str()),
        (401, r#"{"msg":"token_missing"}"#)
    );
    let (_, _, body) = send(guard, "/refresh?token=a.b.c", &["Bearer x"]).await;
    assert_eq!(body, "false x");
}

#[tokio::test]
async fn another_part_s_refusal_has_a_challenge_too() {
    let guard = guard();
    let challenge = |guard: &Guard| {
        let value = guard.challenge_with("refresh_token_reused", "Sign \"in\" again: \u{e9}.");
        value.to_str().unwrap().to_owned()
    };
    let rest = r#"error="invalid_token", error_description="Sign in again: .", reason="refresh_token_reused""#;
    assert_eq!(challenge(&guard), format!("Bearer {rest}"));
    assert_eq!(
        challenge(&guard.realm("cakes")),
        format!(r#"Bearer realm="cakes", {rest}"#)
    );
}
