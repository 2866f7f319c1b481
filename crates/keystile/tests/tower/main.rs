//! The guard around services that know no framework.
#![cfg(feature = "tower")]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod bodies;
mod counting;
mod grpc;
mod layer;
mod shape;
#[cfg(feature = "tracing")]
mod tracing_events;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Extensions, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use keystile::Guard;
use tower_layer::Layer;
use tower_service::Service;

use common::{HEADER, SECRET, clock, hs256, payload};

keystile::role!(Admin = "admin");

/// The service of a function, ready at any time.
#[derive(Clone)]
struct Inner<F>(F);

impl<F, B, Out> Service<Request<B>> for Inner<F>
where
    F: Fn(&Request<B>) -> Response<Out>,
{
    type Response = Response<Out>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Out>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok((self.0)(&request)))
    }
}

fn name(extensions: &Extensions) -> &str {
    keystile::verified(extensions).map_or("nobody", |caller| &caller.claims().sub)
}

/// Answers with the caller's name.
fn hello(request: &Request<()>) -> Response<Full<Bytes>> {
    let name = name(request.extensions()).to_owned();
    Response::new(Full::from(name))
}

fn guard() -> Guard {
    Guard::hs256(SECRET).unwrap().clock(clock())
}

fn token(more: &str) -> String {
    hs256(HEADER, &payload(more))
}

/// A request to `/`, with this in `Authorization` where it is not empty.
fn request(authorization: &str) -> Request<()> {
    let mut request = Request::new(());
    if !authorization.is_empty() {
        let value = authorization.parse().unwrap();
        request.headers_mut().insert("authorization", value);
    }
    request
}

fn bearer(more: &str) -> Request<()> {
    request(&format!("Bearer {}", token(more)))
}

async fn send<S, B, Out>(service: &S, request: Request<B>) -> Response<Out>
where
    S: Service<Request<B>, Response = Response<Out>, Error = Infallible> + Clone,
{
    let mut service = service.clone();
    std::future::poll_fn(|context| service.poll_ready(context))
        .await
        .unwrap();
    service.call(request).await.unwrap()
}

async fn text<B: http_body::Body<Data = Bytes>>(response: Response<B>) -> String
where
    B::Error: std::fmt::Debug,
{
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn header<'r, B>(response: &'r Response<B>, name: &str) -> Option<&'r str> {
    response
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
}
