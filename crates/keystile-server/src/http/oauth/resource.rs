//! `GET /.well-known/oauth-protected-resource`: who issues tokens for this server's own routes (RFC 9728).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use keystile::ProtectedResource;

use crate::http::App;
use crate::http::cached::cached;
use crate::http::problem::Problem;

const PATH: &str = "/.well-known/oauth-protected-resource";

/// The server as its clients discover it, where its issuer is a URL without a path: with one, its metadata would not lie at [`PATH`].
pub(crate) fn of_issuer(issuer: Option<&str>) -> Option<ProtectedResource> {
    let resource = ProtectedResource::at(issuer?).ok()?;
    let resource = resource.name("Keystile").scopes(["revocations:read"]);
    (resource.metadata_path() == PATH).then_some(resource)
}

/// Who issues tokens for this server's own routes.
#[utoipa::path(
    get, path = "/.well-known/oauth-protected-resource", operation_id = "resource_metadata", tag = "clients", security(()),
    responses(
        (status = 200, description = "The metadata (RFC 9728, section 2).", body = serde_json::Value),
        (status = 304, description = "The metadata is what `If-None-Match` names."),
        (status = 404, description = "`resource_not_named`: this server's issuer is not an https URL without a path, so nothing can be found by it."),
    ),
)]
pub(super) async fn resource(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let resource = of_issuer(app.accounts.issuer()).ok_or_else(|| {
        let detail =
            "This server's issuer is not an https URL without a path. Set one to be found by it.";
        Problem::not_found("resource_not_named", detail)
    })?;
    let json = resource.metadata(&app.guard).as_json().to_owned();
    Ok(cached(&headers, json, app.accounts.key_max_age()))
}
