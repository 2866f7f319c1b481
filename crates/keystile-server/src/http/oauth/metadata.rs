//! `GET /.well-known/oauth-authorization-server`: where everything is (RFC 8414).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::cached::cached;
use crate::http::problem::Problem;

/// How a client proves who it is, at each of the three endpoints.
const METHODS: &[&str] = &["client_secret_basic", "client_secret_post"];

/// The server's metadata (RFC 8414, section 2).
#[derive(Serialize, ToSchema)]
#[schema(as = ServerMetadata)]
pub(crate) struct MetadataBody {
    /// The `iss` of its tokens.
    issuer: String,
    /// Where clients get tokens.
    token_endpoint: String,
    /// Where the public keys are.
    jwks_uri: String,
    /// Where clients ask about tokens (RFC 7662).
    introspection_endpoint: String,
    /// Where clients give tokens back (RFC 7009).
    revocation_endpoint: String,
    /// Where guards hear of revocations; needs the scope `revocations:read`.
    revocation_feed_uri: String,
    /// Ways to a token.
    grant_types_supported: &'static [&'static str],
    /// None: there is no authorization endpoint.
    response_types_supported: &'static [&'static str],
    /// The scopes that mean something to this server.
    scopes_supported: &'static [&'static str],
    /// How a client proves who it is at the token endpoint,
    token_endpoint_auth_methods_supported: &'static [&'static str],
    /// at the introspection endpoint,
    introspection_endpoint_auth_methods_supported: &'static [&'static str],
    /// and at the revocation endpoint.
    revocation_endpoint_auth_methods_supported: &'static [&'static str],
}

impl MetadataBody {
    fn of(issuer: &str) -> Self {
        let base = issuer.trim_end_matches('/');
        let at = |path: &str| format!("{base}{path}");
        Self {
            issuer: issuer.to_owned(),
            token_endpoint: at("/oauth/token"),
            jwks_uri: at("/.well-known/jwks.json"),
            introspection_endpoint: at("/oauth/introspect"),
            revocation_endpoint: at("/oauth/revoke"),
            revocation_feed_uri: at("/v1/revocations"),
            grant_types_supported: &["client_credentials", "refresh_token"],
            response_types_supported: &[],
            scopes_supported: &["revocations:read"],
            token_endpoint_auth_methods_supported: METHODS,
            introspection_endpoint_auth_methods_supported: METHODS,
            revocation_endpoint_auth_methods_supported: METHODS,
        }
    }
}

/// Where everything is.
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", operation_id = "metadata", tag = "clients", security(()),
    responses(
        (status = 200, description = "The metadata.", body = MetadataBody),
        (status = 304, description = "The metadata is what `If-None-Match` names."),
        (status = 404, description = "`issuer_not_a_url`: this server's issuer is no URL, so nothing can be found by it."),
    ),
)]
pub(super) async fn metadata(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let is_url = |issuer: &&str| issuer.starts_with("https://") || issuer.starts_with("http://");
    let issuer = app.accounts.issuer().filter(is_url).ok_or_else(|| {
        let detail = "This server's issuer is not a URL. Set one to be found by it.";
        Problem::not_found("issuer_not_a_url", detail)
    })?;
    let json = serde_json::to_string(&MetadataBody::of(issuer)).unwrap_or_default();
    Ok(cached(&headers, json, app.accounts.key_max_age()))
}
