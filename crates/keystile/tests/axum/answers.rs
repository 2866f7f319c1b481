//! Refusals as answers: challenge, headers, body.

use std::time::Duration;

use axum::http::{Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http_body_util::BodyExt;
use keystile::{Reason, Revocations, Timestamp, WhenStale};

use crate::common::NOW;
use crate::{app, bearer, get_with, guard, request, send};

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

/// Every reason makes an answer whose challenge is a legal header, and status and code agree everywhere.
#[tokio::test]
async fn every_reason_has_its_answer() {
    let guard = guard();
    let (parts, ()) = Request::builder().uri("/").body(()).unwrap().into_parts();
    for reason in Reason::ALL {
        let response: Response = guard.answer(&(*reason).into(), &parts);
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
