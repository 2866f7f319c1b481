//! `GET /healthz` and `GET /readyz`: whether the process lives, and whether it wants requests.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::problem::Problem;

/// All is well.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthBody {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

fn ok() -> Response {
    (
        [(CACHE_CONTROL, "no-store")],
        Json(HealthBody { status: "ok" }),
    )
        .into_response()
}

/// Whether the process lives. Asks nothing of the database.
#[utoipa::path(
    get, path = "/healthz", tag = "operations", security(()),
    responses((status = 200, description = "It lives.", body = HealthBody)),
)]
pub(super) async fn healthz() -> Response {
    ok()
}

/// Whether the server wants requests: its database answers and it is not about to end.
#[utoipa::path(
    get, path = "/readyz", tag = "operations", security(()),
    responses(
        (status = 200, description = "It is ready.", body = HealthBody),
        (status = 503, description = "`draining` or `store_unavailable`."),
    ),
)]
pub(super) async fn readyz(State(app): State<App>) -> Result<Response, Problem> {
    let soon = Duration::from_secs(1);
    if app.settings.readiness.is_draining() {
        return Err(Problem::busy(
            "draining",
            "The server is about to end.",
            soon,
        ));
    }
    match tokio::time::timeout(soon, app.accounts.ping()).await {
        Ok(answer) => answer?,
        Err(_) => {
            return Err(Problem::busy(
                "store_unavailable",
                "The database is slow to answer.",
                soon,
            ));
        }
    }
    Ok(ok())
}
