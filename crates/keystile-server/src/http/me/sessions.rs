//! `GET /v1/me/sessions` and `DELETE /v1/me/sessions/{id}`: one's own sessions.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use keystile_accounts::{Session, SessionId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::App;
use crate::http::account::rfc3339;
use crate::http::caller::Person;
use crate::http::problem::Problem;
use crate::http::query::{self, Query};

/// A session that lives.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    /// The id: `sid` in its access tokens.
    id: String,
    /// Whether it is the one that asks.
    current: bool,
    /// When it was opened.
    opened_at: Timestamp,
    /// When it was last refreshed.
    last_used_at: Timestamp,
    /// When it ends if it is not refreshed.
    expires_at: Timestamp,
    /// What the client called itself at sign-in: at most 256 characters, none that are not seen. It may say anything.
    device: Option<String>,
    /// The address of the last use.
    address: Option<String>,
}

/// From where on, and how many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SessionsQuery {
    /// Most sessions of a page: 1 to 200, 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of one's own sessions, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionsPage)]
pub(crate) struct SessionsBody {
    /// The sessions.
    data: Vec<SessionBody>,
    /// Where the next page starts; null on the last one.
    next_cursor: Option<String>,
}

impl SessionBody {
    fn new(session: Session, current: &SessionId) -> Self {
        Self {
            current: session.id == *current,
            id: session.id.into(),
            opened_at: rfc3339(session.opened_at),
            last_used_at: rfc3339(session.last_used_at),
            expires_at: rfc3339(session.expires_at),
            device: session.device,
            address: session.address,
        }
    }
}

/// One's own sessions.
#[utoipa::path(
    get, path = "/v1/me/sessions", operation_id = "me_sessions", tag = "own account", params(SessionsQuery),
    security(("bearer" = [])),
    responses((status = 200, description = "A page of the sessions that live.", body = SessionsBody)),
)]
pub(super) async fn list(
    State(app): State<App>,
    Person(caller): Person,
    Query(query): Query<SessionsQuery>,
) -> Result<Json<SessionsBody>, Problem> {
    let (limit, after) = query::page(&app.cursors, query.limit, query.cursor.as_deref())?;
    let account = &caller.account_id;
    let page = app.accounts.sessions_page(account, after, limit).await?;
    let next_cursor = page.next.and_then(|place| app.cursors.write(place));
    let data = page
        .sessions
        .into_iter()
        .map(|session| SessionBody::new(session, &caller.session_id))
        .collect();
    Ok(Json(SessionsBody { data, next_cursor }))
}

/// Ends one of one's own sessions: its tokens are refused from now on.
#[utoipa::path(
    delete, path = "/v1/me/sessions/{id}", operation_id = "me_session_end", tag = "own account",
    params(("id" = String, Path, description = "The session's id.")), security(("bearer" = [])),
    responses(
        (status = 204, description = "The session has ended."),
        (status = 404, description = "`session_unknown`: no such session of one's own lives."),
    ),
)]
pub(super) async fn end(
    State(app): State<App>,
    Person(caller): Person,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = SessionId::from(id);
    app.accounts.end_session(&caller, &id).await?;
    if id == caller.session_id {
        return Ok(app.without_cookies(&headers));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
