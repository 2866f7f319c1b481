//! `POST /oauth/token`: a client gets a token for itself, or refreshes one that it was given.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, PRAGMA};
use axum::response::{IntoResponse, Response};
use keystile_accounts::{AuthenticatedClient, Refresh, TokenWish};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::client::FromClient;
use super::form::Form;
use crate::http::App;
use crate::http::problem::OAuthError;

/// What a client asks for.
#[derive(Deserialize, ToSchema)]
#[schema(as = TokenRequest)]
#[expect(
    dead_code,
    reason = "describes the form, which is read parameter by parameter"
)]
pub(crate) struct TokenForm {
    /// `client_credentials` or `refresh_token`.
    #[schema(example = "client_credentials")]
    grant_type: String,
    /// Scopes, apart by spaces; by default all that the client has.
    #[schema(example = "revocations:read")]
    scope: Option<String>,
    /// The audience (RFC 8707), one of the client's.
    resource: Option<String>,
    /// The refresh token, for `refresh_token`.
    refresh_token: Option<String>,
    /// The client's id, where Basic does not carry it.
    client_id: Option<String>,
    /// The client's secret, where Basic does not carry it.
    #[schema(format = Password)]
    client_secret: Option<String>,
}

/// A token (RFC 6749, section 5.1). `Debug` is left out on purpose.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct TokenBody {
    /// The access token: a JWT (RFC 9068).
    access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(example = 900)]
    expires_in: u64,
    /// The next refresh token, where one was refreshed.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// The token's scopes, apart by spaces, where it has some.
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
}

/// Gives a client an access token.
#[utoipa::path(
    post, path = "/oauth/token", operation_id = "oauth_token", tag = "clients", security(("client" = [])),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "A token.", body = TokenBody),
        (status = 400, description = "`invalid_request`, `invalid_grant`, `invalid_scope`, `invalid_target` or `unsupported_grant_type`."),
        (status = 401, description = "`invalid_client`."),
        (status = 429, description = "Too many wrong secrets from this address."),
    ),
)]
pub(super) async fn token(
    State(app): State<App>,
    FromClient { client, form, from }: FromClient,
) -> Result<Response, OAuthError> {
    let missing = "The parameter grant_type is missing. Send client_credentials or refresh_token.";
    let body = match form.require("grant_type", missing)? {
        "client_credentials" => for_itself(&app, &client, &form).await?,
        "refresh_token" => refreshed(&app, &client, &form, from).await?,
        _ => return Err(OAuthError::unsupported_grant_type()),
    };
    let headers = [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
    Ok((headers, Json(body)).into_response())
}

async fn for_itself(
    app: &App,
    client: &AuthenticatedClient,
    form: &Form,
) -> Result<TokenBody, OAuthError> {
    let wish = TokenWish {
        scope: form.get("scope"),
        resource: form.resource()?,
    };
    let token = app.accounts.client_token(client, wish).await?;
    Ok(TokenBody {
        access_token: token.access_token,
        token_type: "Bearer",
        expires_in: token.expires_in.as_secs(),
        refresh_token: None,
        scope: token.scope,
    })
}

async fn refreshed(
    app: &App,
    client: &AuthenticatedClient,
    form: &Form,
    from: IpAddr,
) -> Result<TokenBody, OAuthError> {
    let token = form.require("refresh_token", "The parameter refresh_token is missing.")?;
    // Sessions of people have none, and a refresh never adds one (RFC 6749, section 6).
    if form.get("scope").is_some() {
        let detail = "The tokens of a sign-in have no scope. Leave the parameter out.";
        return Err(OAuthError::invalid_scope(detail));
    }
    let resource = form.resource()?;
    let request = Refresh::token(token).from(from);
    let signed_in = app.accounts.refresh_for(client, request, resource).await?;
    Ok(TokenBody {
        access_token: signed_in.access_token,
        token_type: "Bearer",
        expires_in: signed_in.expires_in.as_secs(),
        refresh_token: Some(signed_in.refresh_token.expose().to_owned()),
        scope: String::new(),
    })
}
