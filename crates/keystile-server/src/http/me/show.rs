//! `GET /v1/me`: one's own account.

use axum::Json;
use axum::extract::State;

use crate::http::App;
use crate::http::account::AccountBody;
use crate::http::caller::{Person, gone};
use crate::http::problem::Problem;

/// One's own account.
#[utoipa::path(
    get, path = "/v1/me", operation_id = "me_show", tag = "own account", security(("bearer" = [])),
    responses((status = 200, description = "The account.", body = AccountBody)),
)]
pub(super) async fn show(
    State(app): State<App>,
    Person(caller): Person,
) -> Result<Json<AccountBody>, Problem> {
    let account = app
        .accounts
        .account(&caller.account_id)
        .await?
        .ok_or_else(|| gone(&app))?;
    Ok(Json(account.into()))
}
