//! The guard in axum: extractors, the layer, and what they answer.
#![cfg(feature = "axum")]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod asks;
mod attacks;
mod cookies;
mod counting;
mod credentials;
mod discovery;
mod extractors;
mod flask_jwt_extended;
mod layer;
mod options;
mod order;
mod per_route;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use axum::routing::{any, get};
use http_body_util::BodyExt;
use keystile::{Any, Fresh, Guard, Principal, Rejection, Require};
use tower_service::Service;

use common::{HEADER, SECRET, clock, hs256, payload};

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
