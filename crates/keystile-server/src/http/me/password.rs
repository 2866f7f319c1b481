//! `POST /v1/me/password`: another password.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::body::Json;
use crate::http::caller::Person;
use crate::http::cookies::{Delivery, Tokens};
use crate::http::problem::Problem;

/// The password that is and the one that shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordBody {
    /// The current password.
    #[schema(format = Password)]
    current_password: String,
    /// The new one: at least 15 characters by default.
    #[schema(format = Password)]
    new_password: String,
}

/// Changes one's own password. Every other session ends; this one goes on with the new pair of tokens.
///
/// They are in cookies where the access token came in one.
#[utoipa::path(
    post, path = "/v1/me/password", operation_id = "me_password", tag = "own account", request_body = PasswordBody,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The new pair of tokens; earlier ones are refused from now on.", body = Tokens),
        (status = 403, description = "`password_wrong`."),
    ),
)]
pub(super) async fn password(
    State(app): State<App>,
    Person(caller): Person,
    headers: HeaderMap,
    Json(body): Json<PasswordBody>,
) -> Result<Response, Problem> {
    let changed = app
        .accounts
        .change_password(&caller, &body.current_password, &body.new_password)
        .await?;
    tracing::info!(account = %caller.account_id, "password changed by its owner");
    let now = app.settings.clock.now();
    let delivery = Delivery::of(&headers);
    Ok(app.cookies.answer(delivery, changed, now))
}
