//! Every refusal is counted once, by its reason, whoever makes it and in whatever shape it is answered.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::request::Parts;
use axum::http::{Method, Request, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{any, get, post};
use keystile::{
    BearerToken, Denied, FromCaller, Guard, Loaded, Own, Principal, Reason, RefreshGuard,
    RefreshPrincipal, Rejection, Require,
};

use crate::{Admin, bearer, get_with, guard, maybe, me, request, send};

/// What was refused so far, without what never was.
fn refused(guard: &Guard) -> Vec<(Reason, u64)> {
    guard.refused().filter(|(_, count)| *count > 0).collect()
}

struct Plain;
struct Answered;

impl FromCaller<Guard> for Plain {
    async fn from_caller(_: &Principal, _: &Parts, _: &Guard) -> Result<Self, Denied> {
        Err(Reason::AccountUnknown.into())
    }
}

impl FromCaller<Guard> for Answered {
    async fn from_caller(_: &Principal, _: &Parts, _: &Guard) -> Result<Self, Denied> {
        Err(Denied::answered(
            Reason::AccountUnknown,
            StatusCode::NOT_FOUND,
        ))
    }
}

fn routes() -> Router<Guard> {
    Router::new()
        .route("/me", any(me))
        .route("/maybe", get(maybe))
        .route("/both", get(|_: Principal, _: Require<Admin>| async {}))
        .route(
            "/decides",
            get(|caller: Result<Principal, Rejection>| async { caller.map(drop) }),
        )
        .route("/own/{id}", get(|_: Own<Path<String>>| async {}))
        .route("/plain", get(|_: Loaded<Plain>| async {}))
        .route("/answered", get(|_: Loaded<Answered>| async {}))
        .route("/bearer", get(|_: BearerToken| async {}))
}

#[tokio::test]
async fn each_way_to_refuse_counts_once() {
    let good = &*bearer("");
    for (path, authorization, reason) in [
        ("/me", "", Reason::TokenMissing),
        ("/me", "Bearer x", Reason::TokenMalformed),
        ("/maybe", "Bearer x", Reason::TokenMalformed),
        ("/both", "", Reason::TokenMissing),
        ("/both", good, Reason::RoleMissing),
        ("/decides", "Bearer x", Reason::TokenMalformed),
        ("/own/grace", good, Reason::ResourceNotOwn),
        ("/plain", good, Reason::AccountUnknown),
        ("/answered", good, Reason::AccountUnknown),
        ("/bearer", "Bearer", Reason::AuthorizationMalformed),
    ] {
        for shaped in [false, true] {
            for layered in 0..4 {
                // Little memory is quickly made.
                let mut guard = guard().remember(1 << 16);
                if shaped {
                    guard = guard.refusals(|_, _| StatusCode::IM_A_TEAPOT.into_response());
                }
                let routes = match layered {
                    0 => routes(),
                    1 => routes().layer(guard.layer()),
                    2 => routes().layer(guard.layer().optional().reading_bodies()),
                    _ => {
                        let other = |_: &_, _: &_| StatusCode::IM_A_TEAPOT.into_response();
                        let inner = routes().layer(guard.layer().refusals(other));
                        inner.layer(guard.layer().optional())
                    }
                };
                let app = routes.with_state(guard.clone());
                let authorization = Some(authorization).filter(|value| !value.is_empty());
                let answer = get_with(&app, path, authorization.as_slice()).await;
                assert!(!answer.status.is_success(), "{path}");
                assert_eq!(refused(&guard), [(reason, 1)], "{path}, layer {layered}");
            }
        }
    }
}

/// Nothing is counted of who gets in, and of a preflight.
#[tokio::test]
async fn who_gets_in_is_not_counted() {
    let guard = guard();
    let app = routes()
        .layer(guard.layer().optional())
        .with_state(guard.clone());
    for path in ["/me", "/maybe", "/decides", "/own/ada", "/bearer"] {
        assert_eq!(
            get_with(&app, path, &[&bearer("")]).await.status,
            200,
            "{path}"
        );
    }
    assert_eq!(get_with(&app, "/maybe", &[]).await.status, 200);
    let preflight = Router::new()
        .route("/x", any(|| async {}))
        .layer(guard.layer());
    assert_eq!(
        send(&preflight, request(Method::OPTIONS, "/x", &[]))
            .await
            .status,
        200
    );
    assert_eq!(refused(&guard), []);
    assert_eq!(guard.refused().count(), Reason::ALL.len());
}

#[tokio::test]
async fn a_body_that_is_refused_counts_once() {
    let guard = guard().token_from_form("access_token");
    let bodies = guard.layer().reading_bodies().limit(8);
    let app = Router::new()
        .route("/play", post(me))
        .layer(bodies)
        .with_state(guard.clone());
    for (body, reason) in [
        ("a=b", Reason::TokenMissing),
        ("a=bcdefgh", Reason::BodyTooLarge),
    ] {
        let request = Request::post("/play")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        let status = send(&app, request).await.status;
        assert_eq!(status.as_u16(), reason.status());
    }
    assert_eq!(
        refused(&guard),
        [(Reason::TokenMissing, 1), (Reason::BodyTooLarge, 1)]
    );
}

/// An application has one count, however many guards it makes of its first, and each is told to the hook.
#[tokio::test]
async fn guards_made_of_one_another_count_together() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&heard);
    let first = guard().on_refusal(move |refusal, request| {
        to.lock()
            .unwrap()
            .push((refusal.code(), request.uri.path().to_owned()));
    });
    let refresh = RefreshGuard::new(first.clone(), "type");
    let narrow = first.clone().only_from([keystile::Place::Header]);
    let other = guard();
    let app = Router::new()
        .route("/refresh", post(|_: RefreshPrincipal| async {}))
        .route("/me", get(me))
        .with_state((first.clone(), refresh));
    let app = app.route("/x", get(|| async {}).layer(narrow.layer()));
    send(
        &app,
        request(Method::POST, "/refresh", &[&bearer(r#","type":"access""#)]),
    )
    .await;
    get_with(&app, "/me?secret", &[]).await;
    get_with(&app, "/x", &[]).await;
    let (parts, ()) = Request::new(()).into_parts();
    let _: axum::response::Response = first.answer(&Reason::TokenRevoked.into(), &parts);
    let expected = [
        (Reason::TokenMissing, 2),
        (Reason::RefreshTokenNeeded, 1),
        (Reason::TokenRevoked, 1),
    ];
    assert_eq!(refused(&first), expected);
    assert_eq!(refused(&narrow), expected);
    assert_eq!(refused(&other), []);
    let heard = heard.lock().unwrap();
    let heard: Vec<(&str, &str)> = heard.iter().map(|(code, path)| (*code, &**path)).collect();
    assert_eq!(
        heard,
        [
            ("refresh_token_needed", "/refresh"),
            ("token_missing", "/me"),
            ("token_missing", "/x"),
            ("token_revoked", "/"),
        ]
    );
}
