//! What every request passes first and every answer last: the request's id, the caps on headers and
//! time, the body of error answers, the log line.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONNECTION, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::{self, Problem};
use super::readiness::Readiness;
use super::request_id::{RequestIds, X_REQUEST_ID};

/// Most bytes of a request's headers, its target included.
pub const HEADER_CAP: usize = 32 * 1024;
/// Counts what the guard refused, by the code of its [`Reason`](keystile::Reason): the label `reason`.
const REFUSALS: &str = "keystile_refusals_total";
/// How long a request may take. The body has 30 s of its own and answers 408 first.
const REQUEST_TIME: Duration = Duration::from_secs(31);

/// What the edge needs to know.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) ids: RequestIds,
    pub(super) readiness: Readiness,
}

pub(super) async fn pass(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let id = edge.ids.of(request.headers());
    let version = request.version();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = if header_bytes(&request) > HEADER_CAP {
        Problem::headers_too_large().into_response()
    } else {
        match tokio::time::timeout(REQUEST_TIME, next.run(request)).await {
            Ok(response) => response,
            Err(_) => too_slow().into_response(),
        }
    };
    let shown = id.to_str().unwrap_or("unknown");
    let problem = problem::finish(&mut response, shown);
    let status = response.status().as_u16();
    let code = problem.as_ref().map_or("", Problem::code);
    // Here every answer goes out once, whoever refused.
    if let Some(reason) = problem.as_ref().and_then(Problem::refusal) {
        metrics::counter!(REFUSALS, "reason" => reason.code()).increment(1);
    }
    match status {
        500.. => tracing::warn!(%method, path, status, code, request_id = shown, "answered"),
        401 | 403 | 429 => {
            tracing::info!(%method, path, status, code, request_id = shown, "refused");
        }
        _ => tracing::debug!(%method, path, status, code, request_id = shown, "answered"),
    }
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, id);
    // What is JSON is not to be taken for a script or a page.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // What does not say that it may be kept is somebody's own.
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    // Who keeps a connection learns with an answer that the next request must go elsewhere, and not by a broken one.
    if edge.readiness.is_draining() && version <= Version::HTTP_11 {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn too_slow() -> Problem {
    let detail = "The server did not finish in time. Try again shortly.";
    Problem::busy("server_busy", detail, Duration::from_secs(1))
}

fn header_bytes(request: &Request) -> usize {
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    target + fields_bytes(request.headers())
}

/// Names, values, `: ` and line ends, as they travelled.
fn fields_bytes(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum()
}
