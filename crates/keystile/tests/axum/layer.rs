//! Whole routers.

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::routing::{any, get};

use crate::{Admin, bearer, get_with, guard, maybe, me, request, send, token};

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
