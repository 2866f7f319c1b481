//! `GET /v1/admin/accounts/{id}`: one account.

use axum::Json;
use axum::extract::{Path, State};

use crate::http::App;
use crate::http::account::AccountBody;
use crate::http::caller::Administrator;
use crate::http::problem::Problem;

/// Shows an account.
#[utoipa::path(
    get, path = "/v1/admin/accounts/{id}", operation_id = "accounts_show", tag = "accounts",
    params(("id" = String, Path, description = "The account's id.")), security(("bearer" = [])),
    responses(
        (status = 200, description = "The account.", body = AccountBody),
        (status = 404, description = "`account_unknown`."),
    ),
)]
pub(super) async fn show(
    State(app): State<App>,
    Administrator(_): Administrator,
    Path(id): Path<String>,
) -> Result<Json<AccountBody>, Problem> {
    let account = app.accounts.account(&id.into()).await?;
    let account = account
        .ok_or_else(|| Problem::not_found("account_unknown", "There is no such account."))?;
    Ok(Json(account.into()))
}
