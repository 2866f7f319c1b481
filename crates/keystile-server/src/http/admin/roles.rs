//! `PUT /v1/admin/accounts/{id}/roles`: what an account may do.

use axum::Json as Answer;
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::account::AccountBody;
use crate::http::body::Json;
use crate::http::caller::Administrator;
use crate::http::problem::Problem;

/// The roles that replace the present ones.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RolesBody {
    /// All roles of the account.
    #[schema(example = json!(["admin"]))]
    roles: Vec<String>,
}

/// Replaces an account's roles. Its sessions go on; its access tokens must be refreshed.
#[utoipa::path(
    put, path = "/v1/admin/accounts/{id}/roles", operation_id = "accounts_roles", tag = "accounts",
    params(("id" = String, Path, description = "The account's id.")), request_body = RolesBody,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The account after the change.", body = AccountBody),
        (status = 404, description = "`account_unknown`."),
    ),
)]
pub(super) async fn roles(
    State(app): State<App>,
    Administrator(caller): Administrator,
    Path(id): Path<String>,
    Json(body): Json<RolesBody>,
) -> Result<Answer<AccountBody>, Problem> {
    let account = app
        .accounts
        .set_roles(Some(&caller), &id.into(), &body.roles)
        .await?;
    tracing::info!(account = %account.id, by = %caller.account_id, "roles changed");
    Ok(Answer(account.into()))
}
