//! `POST /oauth/revoke`: a client gives back a token (RFC 7009).

use axum::extract::State;
use axum::http::StatusCode;

use super::client::FromClient;
use super::introspect::TokenQuestion;
use crate::http::App;
use crate::http::problem::OAuthError;

/// Revokes a token that was given to this client: an access token by itself, a refresh token with its session and all tokens of
/// that. A token that is not known, or not good any more, is as it should be.
#[utoipa::path(
    post, path = "/oauth/revoke", operation_id = "oauth_revoke", tag = "clients", security(("client" = [])),
    request_body(content = TokenQuestion, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token is good for nothing now."),
        (status = 400, description = "`invalid_request`; `invalid_grant`: it is good, and was given to another."),
        (status = 401, description = "`invalid_client`."),
        (status = 429, description = "The client revokes too many tokens."),
    ),
)]
pub(super) async fn revoke(
    State(app): State<App>,
    FromClient { client, form, .. }: FromClient,
) -> Result<StatusCode, OAuthError> {
    let token = form.require("token", "The parameter token is missing.")?;
    app.accounts.revoke_for(&client, token).await?;
    Ok(StatusCode::OK)
}
