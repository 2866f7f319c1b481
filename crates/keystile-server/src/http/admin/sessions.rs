//! `DELETE /v1/admin/accounts/{id}/sessions`: signs an account out everywhere.

use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::http::App;
use crate::http::caller::Administrator;
use crate::http::problem::Problem;

/// Ends every session of an account.
#[utoipa::path(
    delete, path = "/v1/admin/accounts/{id}/sessions", operation_id = "accounts_sessions_end", tag = "accounts",
    params(("id" = String, Path, description = "The account's id.")), security(("bearer" = [])),
    responses(
        (status = 204, description = "Its sessions have ended: their tokens are refused from now on."),
        (status = 404, description = "`account_unknown`."),
    ),
)]
pub(super) async fn end(
    State(app): State<App>,
    Administrator(caller): Administrator,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = id.into();
    app.accounts.end_sessions(Some(&caller), &id).await?;
    tracing::info!(account = %id, by = %caller.account_id, "signed out everywhere");
    Ok(StatusCode::NO_CONTENT)
}
