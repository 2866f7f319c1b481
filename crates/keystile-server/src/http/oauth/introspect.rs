//! `POST /oauth/introspect`: whether a token is good, and what it says (RFC 7662).

use axum::Json;
use axum::extract::State;
use keystile_accounts::{AuthenticatedClient, Introspected, RefreshSummary};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::client::FromClient;
use crate::http::App;
use crate::http::problem::OAuthError;

/// The token that is asked about.
#[derive(Deserialize, ToSchema)]
#[schema(as = TokenQuestion)]
#[expect(
    dead_code,
    reason = "describes the form, which is read parameter by parameter"
)]
pub(crate) struct TokenQuestion {
    /// An access token or a refresh token.
    token: String,
    /// `access_token` or `refresh_token`; a token tells by itself which it is, so nothing hangs on it.
    token_type_hint: Option<String>,
    /// The client's id, where Basic does not carry it.
    client_id: Option<String>,
    /// The client's secret, where Basic does not carry it.
    #[schema(format = Password)]
    client_secret: Option<String>,
}

/// What is known of a token. Only `active` where it is not good, or none of this client's business.
#[derive(Serialize, ToSchema)]
#[schema(as = Introspection)]
pub(crate) struct IntrospectionBody {
    /// Whether the token is good now.
    active: bool,
    /// The token's claims: `sub`, `aud`, `iss`, `exp`, `iat`, `scope`, `client_id`, `username`, `token_type`, `sid`, `roles` and
    /// so on, as far as it has them.
    #[serde(flatten)]
    claims: Map<String, Value>,
}

/// Tells a client whether a token is good. It learns of access tokens for an audience of its own, and of refresh tokens that were
/// given to it; of no other.
#[utoipa::path(
    post, path = "/oauth/introspect", operation_id = "oauth_introspect", tag = "clients", security(("client" = [])),
    request_body(content = TokenQuestion, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What is known of it.", body = IntrospectionBody),
        (status = 400, description = "`invalid_request`."),
        (status = 401, description = "`invalid_client`."),
    ),
)]
pub(super) async fn introspect(
    State(app): State<App>,
    FromClient { client, form, .. }: FromClient,
) -> Result<Json<IntrospectionBody>, OAuthError> {
    let token = form.require("token", "The parameter token is missing.")?;
    let claims = match app.accounts.introspect(&client, token).await? {
        None => None,
        Some(Introspected::Access(verified)) => {
            let mut claims = object(serde_json::to_value(verified.claims()).unwrap_or_default());
            if let Some(name) = claims.remove("preferred_username") {
                claims.insert("username".to_owned(), name);
            }
            claims.insert("token_type".to_owned(), "Bearer".into());
            Some(claims)
        }
        Some(Introspected::Refresh(summary)) => Some(of_refresh(&app, &client, *summary)),
    };
    Ok(Json(IntrospectionBody {
        active: claims.is_some(),
        claims: claims.unwrap_or_default(),
    }))
}

fn of_refresh(
    app: &App,
    client: &AuthenticatedClient,
    summary: RefreshSummary,
) -> Map<String, Value> {
    let RefreshSummary { account, session } = summary;
    let mut claims = object(json!({
        "client_id": client.id,
        "sub": account.id.as_str(),
        "sid": session.id.as_str(),
        "iat": session.last_used_at.as_seconds(),
        "exp": session.expires_at.as_seconds(),
    }));
    let named = [
        ("iss", app.accounts.issuer().map(str::to_owned)),
        ("username", account.username),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            claims.insert(name.to_owned(), value.into());
        }
    }
    claims
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
