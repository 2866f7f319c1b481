//! `POST /v1/admin/accounts/{id}/disable` and `…/enable`: whether an account may sign in.

use axum::Json;
use axum::extract::{Path, State};

use crate::http::App;
use crate::http::account::AccountBody;
use crate::http::caller::Administrator;
use crate::http::problem::Problem;

/// Disables an account: nobody signs in to it, and its sessions end.
#[utoipa::path(
    post, path = "/v1/admin/accounts/{id}/disable", operation_id = "accounts_disable", tag = "accounts",
    params(("id" = String, Path, description = "The account's id.")), security(("bearer" = [])),
    responses(
        (status = 200, description = "The account after the change.", body = AccountBody),
        (status = 404, description = "`account_unknown`."),
    ),
)]
pub(super) async fn disable(
    State(app): State<App>,
    Administrator(caller): Administrator,
    Path(id): Path<String>,
) -> Result<Json<AccountBody>, Problem> {
    let account = app.accounts.disable(Some(&caller), &id.into()).await?;
    tracing::info!(account = %account.id, by = %caller.account_id, "disabled");
    Ok(Json(account.into()))
}

/// Enables an account again.
#[utoipa::path(
    post, path = "/v1/admin/accounts/{id}/enable", operation_id = "accounts_enable", tag = "accounts",
    params(("id" = String, Path, description = "The account's id.")), security(("bearer" = [])),
    responses(
        (status = 200, description = "The account after the change.", body = AccountBody),
        (status = 404, description = "`account_unknown`."),
    ),
)]
pub(super) async fn enable(
    State(app): State<App>,
    Administrator(caller): Administrator,
    Path(id): Path<String>,
) -> Result<Json<AccountBody>, Problem> {
    let account = app.accounts.enable(Some(&caller), &id.into()).await?;
    tracing::info!(account = %account.id, by = %caller.account_id, "enabled");
    Ok(Json(account.into()))
}
