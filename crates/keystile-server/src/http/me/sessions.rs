//! `GET /v1/me/sessions` and `DELETE /v1/me/sessions/{id}`: one's own sessions.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use keystile_accounts::{Session, SessionId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::account::rfc3339;
use crate::http::caller::Person;
use crate::http::problem::Problem;

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
    /// What the client called itself at sign-in.
    device: Option<String>,
    /// The address that signed in.
    address: Option<String>,
}

/// One's own sessions, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sessions)]
pub(crate) struct SessionsBody {
    /// The sessions.
    data: Vec<SessionBody>,
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
    get, path = "/v1/me/sessions", operation_id = "me_sessions", tag = "own account", security(("bearer" = [])),
    responses((status = 200, description = "The sessions that live.", body = SessionsBody)),
)]
pub(super) async fn list(
    State(app): State<App>,
    Person(caller): Person,
) -> Result<Json<SessionsBody>, Problem> {
    let sessions = app.accounts.sessions(&caller.account_id).await?;
    let data = sessions
        .into_iter()
        .map(|session| SessionBody::new(session, &caller.session_id))
        .collect();
    Ok(Json(SessionsBody { data }))
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
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    app.accounts
        .end_session(&caller, &SessionId::from(id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
