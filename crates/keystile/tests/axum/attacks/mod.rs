//! What somebody tries who wants in, or wants another's: each attempt as it would be made.

mod browsers;
mod callers;

use axum::body::Body;
use axum::http::Request;

fn sent(method: &str, uri: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}
