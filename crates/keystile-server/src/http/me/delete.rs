//! `DELETE /v1/me`: one's own account ends.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::body::Json;
use crate::http::caller::Person;
use crate::http::problem::Problem;

/// Proof that the owner asks.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteBody {
    /// The current password.
    #[schema(format = Password)]
    password: String,
}

/// Deletes one's own account, its sessions and its credentials. It cannot be undone.
#[utoipa::path(
    delete, path = "/v1/me", operation_id = "me_delete", tag = "own account", request_body = DeleteBody,
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The account is gone; its tokens are refused from now on."),
        (status = 403, description = "`password_wrong`."),
    ),
)]
pub(super) async fn delete(
    State(app): State<App>,
    Person(caller): Person,
    headers: HeaderMap,
    Json(body): Json<DeleteBody>,
) -> Result<Response, Problem> {
    app.accounts.delete_account(&caller, &body.password).await?;
    tracing::info!(account = %caller.account_id, "deleted by its owner");
    Ok(app.without_cookies(&headers))
}
