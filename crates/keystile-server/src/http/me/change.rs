//! `PATCH /v1/me`: another username or e-mail address.

use axum::Json as Answer;
use axum::extract::State;
use keystile_accounts::Changes;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::account::AccountBody;
use crate::http::body::Json;
use crate::http::caller::Person;
use crate::http::email::EmailChange;
use crate::http::problem::Problem;

/// What changes; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeBody {
    /// The new username.
    username: Option<String>,
    /// The new e-mail address; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    email: EmailChange,
    /// The current password: needed for either change.
    #[schema(format = Password)]
    current_password: Option<String>,
}

/// Changes one's own username or e-mail address.
#[utoipa::path(
    patch, path = "/v1/me", operation_id = "me_change", tag = "own account", request_body = ChangeBody,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The account after the change.", body = AccountBody),
        (status = 403, description = "`password_wrong`."),
        (status = 409, description = "`username_taken` or `email_taken`."),
    ),
)]
pub(super) async fn change(
    State(app): State<App>,
    Person(caller): Person,
    Json(body): Json<ChangeBody>,
) -> Result<Answer<AccountBody>, Problem> {
    let mut changes = Changes::new();
    if let Some(username) = body.username {
        changes = changes.username(username);
    }
    changes = body.email.apply(changes);
    if let Some(password) = body.current_password {
        changes = changes.current_password(password);
    }
    Ok(Answer(
        app.accounts.update_account(&caller, changes).await?.into(),
    ))
}
