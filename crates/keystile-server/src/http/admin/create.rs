//! `POST /v1/admin/accounts`: an account for somebody.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use keystile_accounts::NewAccount;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::account::AccountBody;
use crate::http::body::Json;
use crate::http::caller::Administrator;
use crate::http::problem::Problem;
use crate::http::signup::nameless;

/// A new account: a username, an e-mail address, or both.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateBody {
    /// No `@` in it; unique.
    username: Option<String>,
    /// Unique.
    email: Option<String>,
    /// Left out, nobody can sign in until a password is set.
    #[schema(format = Password)]
    password: Option<String>,
    /// The account's roles.
    #[serde(default)]
    roles: Vec<String>,
}

/// Makes an account for somebody.
#[utoipa::path(
    post, path = "/v1/admin/accounts", operation_id = "accounts_create", tag = "accounts", request_body = CreateBody,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The account was made.", body = AccountBody),
        (status = 409, description = "`username_taken` or `email_taken`."),
    ),
)]
pub(super) async fn create(
    State(app): State<App>,
    Administrator(caller): Administrator,
    Json(body): Json<CreateBody>,
) -> Result<Response, Problem> {
    let mut request = match (body.username, body.email) {
        (Some(username), Some(email)) => NewAccount::username(username).email(email),
        (Some(username), None) => NewAccount::username(username),
        (None, Some(email)) => NewAccount::with_email(email),
        (None, None) => return Err(nameless()),
    };
    if let Some(password) = body.password {
        request = request.password(password);
    }
    let account = app
        .accounts
        .create_account(Some(&caller), request.roles(body.roles))
        .await?;
    tracing::info!(account = %account.id, by = %caller.account_id, "made by an administrator");
    let place = format!("/v1/admin/accounts/{}", account.id);
    Ok((
        StatusCode::CREATED,
        [(LOCATION, place)],
        Answer(AccountBody::from(account)),
    )
        .into_response())
}
