//! `PATCH /v1/admin/accounts/{id}`: another username, e-mail address or password.

use axum::Json as Answer;
use axum::extract::{Path, State};
use keystile_accounts::Changes;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::account::AccountBody;
use crate::http::body::Json;
use crate::http::caller::Administrator;
use crate::http::email::EmailChange;
use crate::http::problem::Problem;

/// What changes; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AccountChange)]
pub(crate) struct ChangeBody {
    /// The new username.
    username: Option<String>,
    /// The new e-mail address; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    email: EmailChange,
    /// A new password, in a request of its own: the account's sessions end.
    #[schema(format = Password)]
    password: Option<String>,
}

/// Changes an account.
#[utoipa::path(
    patch, path = "/v1/admin/accounts/{id}", operation_id = "accounts_change", tag = "accounts",
    params(("id" = String, Path, description = "The account's id.")), request_body = ChangeBody,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The account after the change.", body = AccountBody),
        (status = 404, description = "`account_unknown`."),
        (status = 409, description = "`username_taken` or `email_taken`."),
    ),
)]
pub(super) async fn change(
    State(app): State<App>,
    Administrator(caller): Administrator,
    Path(id): Path<String>,
    Json(body): Json<ChangeBody>,
) -> Result<Answer<AccountBody>, Problem> {
    let id = id.into();
    let names = body.username.is_some() || !body.email.is_kept();
    if let (Some(_), true) = (&body.password, names) {
        let detail = "Set the password in a request of its own, so that either all of a request happens or nothing.";
        return Err(Problem::bad_request("change_ambiguous", detail).member("password"));
    }
    if let Some(password) = body.password {
        app.accounts
            .set_password(Some(&caller), &id, &password)
            .await?;
    }
    let mut changes = Changes::new();
    if let Some(username) = body.username {
        changes = changes.username(username);
    }
    changes = body.email.apply(changes);
    let account = app.accounts.update(Some(&caller), &id, changes).await?;
    tracing::info!(account = %account.id, by = %caller.account_id, "changed by an administrator");
    Ok(Answer(account.into()))
}
