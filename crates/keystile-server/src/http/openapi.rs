//! `GET /openapi.json`: the description of the API (OpenAPI 3.1), gathered from the endpoints' files.

use std::sync::OnceLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

use super::problem::{OAuthErrorBody, ProblemBody};

const ABOUT: &str = "Token sign-in for HTTP APIs: accounts, sign-in and sessions.

Every error is `application/problem+json` (RFC 9457) with a stable `code` and the request's id; under `/oauth/` it is \
OAuth's (RFC 6749, section 5.2). \
Every answer carries `x-request-id`. Unknown members and query parameters are refused.";

#[derive(OpenApi)]
#[openapi(
    info(title = "Keystile", description = ABOUT),
    components(schemas(ProblemBody, OAuthErrorBody)),
    tags(
        (name = "sign-in", description = "Sign up, sign in, refresh, sign out."),
        (name = "own account", description = "What a person may do to their own account."),
        (name = "accounts", description = "What an administrator (role `admin`) may do."),
        (name = "clients", description = "What programs with credentials of their own do (OAuth 2.0), and who makes them."),
        (name = "keys", description = "What others need to verify the tokens."),
        (name = "operations", description = "For those who run the server."),
    ),
)]
struct Frame;

/// The document without its paths.
pub(super) fn frame() -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    components.add_security_scheme(
        "basic",
        SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)),
    );
    let client = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some(
            "A client's id and secret; or client_id and client_secret in the form.",
        ))
        .build();
    components.add_security_scheme("client", SecurityScheme::Http(client));
    let cookie = ApiKeyValue::with_description(
        "__Host-keystile_access",
        "Set by `POST /v1/login` with `\"delivery\":\"cookie\"`; `keystile_access` on loopback without TLS. Methods other than GET need the session's CSRF token as `x-csrf-token`.",
    );
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    document
}

/// Wherever an access token is taken from the header, it is taken from its cookie.
fn also_by_cookie(operation: &mut Operation) {
    let bearer = SecurityRequirement::new::<_, _, &str>("bearer", []);
    if let Some(security) = &mut operation.security
        && security.contains(&bearer)
    {
        security.push(SecurityRequirement::new::<_, _, &str>("cookie", []));
    }
}

/// The whole document. The same text always: a snapshot of it is kept beside the tests.
pub fn document() -> String {
    let mut document = super::described().into_openapi();
    for (path, item) in &mut document.paths.paths {
        let (kind, schema, about) = if path.starts_with("/oauth/") {
            (
                "application/json",
                "OAuthError",
                "What went wrong, as OAuth says it.",
            )
        } else {
            let about = "What went wrong, as a problem with its code.";
            ("application/problem+json", "Problem", about)
        };
        let error = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(schema)))
            .build();
        let operations = [
            &mut item.get,
            &mut item.post,
            &mut item.put,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            also_by_cookie(operation);
            let responses = &mut operation.responses.responses;
            for (status, response) in responses.iter_mut() {
                if let (true, RefOr::T(response)) = (status.starts_with(['4', '5']), response) {
                    response
                        .content
                        .insert(kind.to_owned(), RefOr::T(error.clone()));
                }
            }
            let any = ResponseBuilder::new()
                .description(about)
                .content(kind, error.clone())
                .build();
            responses.insert("default".to_owned(), any.into());
        }
    }
    document.to_pretty_json().unwrap_or_default()
}

/// The description of this API.
#[utoipa::path(
    get, path = "/openapi.json", tag = "operations", security(()),
    responses((status = 200, description = "An OpenAPI 3.1 document.", body = serde_json::Value)),
)]
pub(super) async fn openapi() -> Response {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    (
        [(CONTENT_TYPE, "application/json")],
        DOCUMENT.get_or_init(document).as_str(),
    )
        .into_response()
}
