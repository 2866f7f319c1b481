//! `DELETE /v1/admin/accounts/{id}`: an account ends.

use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::http::App;
use crate::http::caller::Administrator;
use crate::http::problem::Problem;

/// Deletes an account, its sessions and its credentials. It cannot be undone.
#[utoipa::path(
    delete, path = "/v1/admin/accounts/{id}", operation_id = "accounts_delete", tag = "accounts",
    params(("id" = String, Path, description = "The account's id.")), security(("bearer" = [])),
    responses(
        (status = 204, description = "The account is gone; its tokens are refused from now on."),
        (status = 404, description = "`account_unknown`."),
    ),
)]
pub(super) async fn delete(
    State(app): State<App>,
    Administrator(caller): Administrator,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = id.into();
    app.accounts.delete(Some(&caller), &id).await?;
    tracing::info!(account = %id, by = %caller.account_id, "deleted by an administrator");
    Ok(StatusCode::NO_CONTENT)
}
