//! In axum: extractors and the layer wait for the key, and no longer than the time-out.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use http_body_util::BodyExt;
use keystile::{Guard, Principal};
use tower_service::Service;

use crate::common::clock;
use crate::server::{Reply, Server};
use crate::{SHORT, connected, follow, named, seconds, token};

keystile::role!(Admin = "admin");

async fn me(caller: Principal) -> String {
    caller.sub.clone()
}

async fn maybe(caller: Option<Principal>) -> String {
    caller.map_or("nobody".to_owned(), |caller| caller.sub.clone())
}

fn app(guard: &Guard) -> Router {
    let inside = Router::new()
        .route("/layer", get(me))
        .layer(guard.layer())
        .with_state(guard.clone());
    let admins = Router::new()
        .route("/admins", get(me))
        .layer(guard.layer().require::<Admin>())
        .with_state(guard.clone());
    Router::new()
        .route("/me", get(me))
        .route("/maybe", get(maybe))
        .with_state(guard.clone())
        .merge(inside)
        .merge(admins)
}

async fn send(app: &Router, path: &str, token: &str) -> Response {
    let request = Request::get(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::empty())
        .unwrap();
    app.clone().call(request).await.unwrap()
}

async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn extractors_and_the_layer_wait_for_an_unknown_key() {
    for path in ["/me", "/maybe", "/layer"] {
        let (a, b) = (named("a"), named("b"));
        let (server, clock, guard) = connected(&[&a]).await;
        server.publishes(&[&a, &b]);
        clock.advance(seconds(2));
        let answer = send(&app(&guard), path, &token(&server, &b)).await;
        assert_eq!(
            (answer.status(), text(answer).await.as_str()),
            (StatusCode::OK, "ada"),
            "{path}"
        );
        assert_eq!(server.fetches(), 2, "{path}");
    }
}

#[tokio::test]
async fn what_is_required_is_checked_after_the_wait_too() {
    let (a, b) = (named("a"), named("b"));
    let (server, clock, guard) = connected(&[&a]).await;
    server.publishes(&[&a, &b]);
    clock.advance(seconds(2));
    let answer = send(&app(&guard), "/admins", &token(&server, &b)).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    clock.advance(seconds(2));
    for path in ["/me", "/maybe", "/layer", "/admins"] {
        clock.advance(seconds(2));
        let answer = send(&app(&guard), path, &token(&server, &named("c"))).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        let challenge = answer.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
        assert!(challenge.contains("token_key_unknown"), "{challenge}");
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_had_in_time_is_answered_with_503_and_when_to_come_again() {
    let (server, clock) = (Server::start().await, clock());
    let (a, b) = (named("a"), named("b"));
    server.publishes(&[&a]);
    let guard = follow(&server, &clock)
        .timeout(SHORT)
        .connect()
        .await
        .unwrap();
    server.says(Reply::Silence);
    for path in ["/me", "/maybe", "/layer"] {
        clock.advance(seconds(2));
        let answer = send(&app(&guard), path, &token(&server, &b)).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(answer.headers().contains_key(header::RETRY_AFTER), "{path}");
        assert!(
            !answer.headers().contains_key(header::WWW_AUTHENTICATE),
            "{path}"
        );
        assert!(text(answer).await.contains("keys_unknown"), "{path}");
        assert_eq!(
            send(&app(&guard), path, &token(&server, &a)).await.status(),
            StatusCode::OK
        );
    }
}

#[tokio::test]
async fn two_hundred_requests_wait_for_one_fetch() {
    let (a, b) = (named("a"), named("b"));
    let (server, clock, guard) = connected(&[&a]).await;
    server.publishes(&[&a, &b]);
    clock.advance(seconds(2));
    let (app, good) = (app(&guard), token(&server, &b));
    let mut asking = tokio::task::JoinSet::new();
    for request in 0..200 {
        let (app, good) = (app.clone(), good.clone());
        let path = ["/me", "/maybe", "/layer"][request % 3];
        asking.spawn(async move { send(&app, path, &good).await.status() });
    }
    assert_eq!(asking.join_all().await, [StatusCode::OK; 200]);
    assert_eq!(server.fetches(), 2);
}
