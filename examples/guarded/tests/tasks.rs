//! Each task's routes, asked by callers with tokens of a test issuer.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt;
use tower::ServiceExt;

mod tasks {
    pub(crate) mod callers;
    pub(crate) mod changes;
    pub(crate) mod trust;
}

/// An answer, read.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    /// The status, and what a refusal says or else the body.
    fn told(&self) -> (u16, &str) {
        let challenge = self.headers.get("www-authenticate");
        let challenge = challenge.map(|value| value.to_str().unwrap());
        let reason = challenge.and_then(|text| text.split("reason=\"").nth(1));
        let reason = reason.and_then(|text| text.split('"').next());
        (self.status, reason.unwrap_or(&self.body))
    }
}

/// `GET /me` and such, with these headers and this body.
async fn send(app: &Router, request: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let (method, path) = request.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let (head, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// With a token in the header, or with none.
async fn ask(app: &Router, request: &str, bearer: &str) -> Answer {
    match bearer {
        "" => send(app, request, &[], "").await,
        bearer => send(app, request, &[("authorization", bearer)], "").await,
    }
}

/// Asks each of these, and wants to be told this.
async fn all(app: &Router, rows: &[(&str, &str, u16, &str)]) {
    for (request, bearer, status, told) in rows {
        let answer = ask(app, request, bearer).await;
        assert_eq!(answer.told(), (*status, *told), "{request} {bearer}");
    }
}
