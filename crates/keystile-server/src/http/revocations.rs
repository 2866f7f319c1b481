//! `GET /v1/revocations`: what is revoked, for programs that verify tokens.

use axum::extract::{FromRequestParts, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use keystile::{BearerToken, Claims, Require};

use super::App;
use super::problem::Problem;
use super::readers::Visit;

keystile::scope!(pub(crate) ReadsRevocations = "revocations:read");

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// nginx would gather the events of an hour otherwise.
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// A client program that may read what is revoked, by the token that it came with.
#[derive(Debug)]
pub(crate) struct Reader(Visit);

impl FromRequestParts<App> for Reader {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let met = Require::<ReadsRevocations>::from_request_parts(parts, app).await;
        let met = met.map_err(IntoResponse::into_response)?;
        if !is_client(&met, app.accounts.issuer()) {
            let detail = "Only client programs read the feed. Ask for a token by client_credentials, with the scope revocations:read.";
            return Err(Problem::forbidden("client_needed", detail).into_response());
        }
        let token = BearerToken::from_request_parts(parts, app).await;
        let token = token.map_err(IntoResponse::into_response)?;
        let left = met.expires_at().since(app.guard.now());
        let client = met.sub.clone();
        Ok(Self(Visit::new(client, app.guard.clone(), token, left)))
    }
}

/// Whether a token is a client program's own, not a person's, whatever scope that may have: it names its client, has the
/// subject that is the client's and can be no account's, and belongs to no session, as each of a person's does. And it is
/// this issuer's.
fn is_client(claims: &Claims, issuer: Option<&str>) -> bool {
    let named = claims.client_id.as_deref();
    let own = claims.sub.strip_prefix("client:");
    named.is_some() && own == named && claims.sid.is_none() && claims.iss.as_deref() == issuer
}

/// Tells what is revoked for as long as the connection lasts: each revocation as a signed Security Event Token (RFC 8417), as
/// Server-Sent Events. Begins after the event that `Last-Event-ID` names, or with all that is in force.
#[utoipa::path(
    get, path = "/v1/revocations", operation_id = "revocations", tag = "keys",
    params(("Last-Event-ID" = Option<String>, Header, description = "The id of the last event `current` that was read.")),
    security(("bearer" = ["revocations:read"])),
    responses(
        (status = 200, description = "Events `snapshot`, `revoked` and `current`, without an end.",
            content_type = "text/event-stream", body = String),
        (status = 403, description = "`scope_missing`, or `client_needed`: a person's token."),
        (status = 404, description = "`feed_absent`: the tokens are signed by a secret."),
        (status = 503, description = "`feed_full` or `feed_unavailable`: try again after `Retry-After`."),
    ),
)]
pub(super) async fn revocations(
    State(app): State<App>,
    Reader(visit): Reader,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // One that cannot be read is as good as none: the client is told everything.
    let last = headers.get(LAST_EVENT_ID);
    let last = last.and_then(|value| value.to_str().ok());
    let stream = app.readers.open(visit, last).await?;
    let said = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        UNBUFFERED,
    ];
    Ok((said, stream).into_response())
}
