//! Answers of one route, or of one router, in another shape than the application's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Path;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use keystile::http::{FlaskJwtExtended, ProblemJson};
use keystile::{
    BearerToken, Denied, FromCaller, Guard, KeySet, Loaded, Own, Principal, Reason, Refusal,
    Require, Revocations, Timestamp, Verified, VerifyingKey,
};

use crate::common::NOW;
use crate::{Admin, bearer, get_with, guard, maybe, me, request, send};

const PLAIN: &str = "plain";

fn plain(_: &Refusal, _: &Parts) -> Response {
    (StatusCode::IM_A_TEAPOT, PLAIN).into_response()
}

/// What nobody has.
struct Account;

impl FromCaller<Guard> for Account {
    async fn from_caller(_: &Principal, _: &Parts, _: &Guard) -> Result<Self, Denied> {
        Err(Reason::AccountUnknown.into())
    }
}

fn routes() -> Router<Guard> {
    Router::new()
        .route("/me", any(me))
        .route("/maybe", get(maybe))
        .route("/admin", get(|_: Require<Admin>| async {}))
        .route("/own/{id}", get(|_: Own<Path<String>>| async {}))
        .route("/account", get(|_: Loaded<Account>| async {}))
        .route("/bearer", get(|_: BearerToken| async {}))
}

#[tokio::test]
async fn a_layer_and_the_extractors_inside_answer_alike_and_other_routes_do_not() {
    let guard = guard();
    let optional = guard.layer().optional().refusals(plain);
    let app = Router::new()
        .nest("/plain", routes().layer(guard.layer().refusals(plain)))
        .nest("/optional", routes().layer(optional))
        .nest(
            "/flask",
            routes().layer(guard.layer().refusals_as(FlaskJwtExtended::new())),
        )
        .merge(routes())
        .with_state(guard);
    let good = bearer("");
    for (path, authorization, code) in [
        ("/me", None, "token_missing"),
        ("/me", Some("Bearer x"), "token_malformed"),
        ("/admin", Some(&*good), "role_missing"),
        ("/own/grace", Some(&*good), "resource_not_own"),
        ("/account", Some(&*good), "account_unknown"),
        ("/bearer", None, "token_missing"),
    ] {
        let authorization = authorization.as_slice();
        for before in ["/plain", "/optional"] {
            let answer = get_with(&app, &format!("{before}{path}"), authorization).await;
            assert!(
                answer.challenge.contains(code),
                "{before}{path}: {}",
                answer.challenge
            );
            assert_eq!(
                (answer.status, &*answer.text().await),
                (StatusCode::IM_A_TEAPOT, PLAIN),
                "{before}{path}"
            );
        }
        let answer = get_with(&app, &format!("/flask{path}"), authorization).await;
        assert!(answer.text().await.starts_with("{\"msg\":"), "{path}");
        assert_eq!(get_with(&app, path, authorization).await.code().await, code);
    }
    for path in ["/plain/me", "/optional/maybe", "/optional/me", "/me"] {
        assert_eq!(
            get_with(&app, path, &[&good]).await.text().await,
            "ada",
            "{path}"
        );
    }
}

/// A preflight passes the layer; where the service inside asks for a token all the same, it answers in the route's shape, and finds the token.
#[tokio::test]
async fn the_shape_holds_for_a_method_that_the_layer_lets_pass() {
    let guard = guard();
    let app = routes()
        .layer(guard.layer().refusals(plain))
        .with_state(guard);
    let answer = send(&app, request(Method::OPTIONS, "/me", &[])).await;
    assert_eq!(answer.status, StatusCode::IM_A_TEAPOT);
    let answer = send(&app, request(Method::OPTIONS, "/me", &[&bearer("")])).await;
    assert_eq!(answer.text().await, "ada");
}

/// The inner layer has the last word, and an application's shape gives way to a route's.
#[tokio::test]
async fn the_innermost_shape_counts() {
    let guard = guard().refusals(plain);
    let inner = routes().layer(guard.layer().optional().refusals_as(ProblemJson));
    let app = inner.layer(
        guard
            .layer()
            .optional()
            .refusals_as(FlaskJwtExtended::new()),
    );
    let app = app.with_state(guard);
    assert_eq!(
        get_with(&app, "/me", &[]).await.code().await,
        "token_missing"
    );
    let outer = get_with(&app, "/me", &["Bearer x"]).await;
    assert_eq!(outer.text().await, r#"{"msg":"Not enough segments"}"#);
}

/// What the layer verified the extractor does not verify again: the application's own check is asked once.
#[tokio::test]
async fn another_shape_costs_no_second_look() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let guard = guard().also_check(move |_: &Arc<Verified>| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    let app = routes()
        .layer(guard.layer().refusals(plain))
        .with_state(guard);
    assert_eq!(get_with(&app, "/me", &[&bearer("")]).await.status, 200);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

/// It is the same guard: what is revoked is revoked for it, and new keys are its keys.
#[tokio::test]
async fn keys_and_revocations_are_shared() {
    let guard = guard();
    let app = routes()
        .layer(guard.layer().refusals_as(FlaskJwtExtended::new()))
        .with_state(guard.clone());
    let token = bearer(r#","jti":"one""#);
    assert_eq!(get_with(&app, "/me", &[&token]).await.status, 200);
    guard
        .revoked()
        .revoke_token_id("one", Timestamp::from_seconds(NOW + 900));
    let answer = get_with(&app, "/me", &[&token]).await;
    assert_eq!(answer.text().await, r#"{"msg":"Token has been revoked"}"#);

    assert_eq!(get_with(&app, "/me", &[&bearer("")]).await.status, 200);
    let other = VerifyingKey::hs256([9; 32]).unwrap();
    assert!(guard.verifier().replace_keys(0, KeySet::from(other)));
    let answer = get_with(&app, "/me", &[&bearer("")]).await;
    assert_eq!(
        answer.text().await,
        r#"{"msg":"Signature verification failed"}"#
    );
}

/// A guard that asks for something else does not vouch, whatever its shape; then the extractor answers in its own.
#[tokio::test]
async fn a_guard_that_judges_otherwise_lends_no_shape() {
    let strict = guard().require_claim("type", "access");
    let loose = strict.clone().revocations(Revocations::new());
    let app = routes()
        .layer(guard().layer().refusals(plain))
        .with_state(strict.clone());
    assert_eq!(
        get_with(&app, "/me", &[&bearer("")]).await.code().await,
        "token_claim_missing"
    );
    let app = routes()
        .layer(loose.layer().optional().refusals(plain))
        .with_state(strict);
    assert_eq!(
        get_with(&app, "/me", &[]).await.code().await,
        Reason::TokenMissing.code()
    );
}
