//! The metadata document of a protected resource, and the service that gives it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW,
    CACHE_CONTROL, CONTENT_TYPE,
};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use serde_json::Value;
use tower_service::Service;

const METHODS: &str = "GET, HEAD, OPTIONS";

/// The metadata of a [`ProtectedResource`](super::ProtectedResource), and a tower service that answers with it: for axum's `route_service`, or by
/// itself.
///
/// GET and HEAD get it, as `application/json` that caches may keep for five minutes; scripts of every origin may read it, for there is nothing
/// secret in it, and OPTIONS tells browsers so. Any other method is answered 405.
#[derive(Clone, Debug)]
pub struct ResourceMetadata(Arc<str>);

impl ResourceMetadata {
    pub(super) fn new(document: &Value) -> Self {
        Self(document.to_string().into())
    }

    /// The document, for a server that answers by other means.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// The answer to a request by this method.
    pub fn answer(&self, method: &Method) -> Response<String> {
        match *method {
            Method::GET | Method::HEAD => answer(
                StatusCode::OK,
                &self.0,
                [
                    (CONTENT_TYPE, "application/json"),
                    (CACHE_CONTROL, "public, max-age=300"),
                    (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
                ],
            ),
            Method::OPTIONS => answer(
                StatusCode::NO_CONTENT,
                "",
                [
                    (ALLOW, METHODS),
                    (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
                    (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
                    (ACCESS_CONTROL_ALLOW_HEADERS, "*"),
                ],
            ),
            _ => answer(StatusCode::METHOD_NOT_ALLOWED, "", [(ALLOW, METHODS)]),
        }
    }
}

fn answer<const N: usize>(
    status: StatusCode,
    body: &str,
    headers: [(HeaderName, &'static str); N],
) -> Response<String> {
    let mut response = Response::new(body.to_owned());
    *response.status_mut() = status;
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    response.headers_mut().extend(headers);
    response
}

impl<B> Service<Request<B>> for ResourceMetadata {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(request.method())))
    }
}
