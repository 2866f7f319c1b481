//! `POST /v1/logout`: ends this session, the others, or all.

use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use keystile::{Principal, Reason, Rejection};
use keystile_accounts::{Caller, Refresh, Which};
use serde::Deserialize;
use utoipa::ToSchema;

use super::App;
use super::body::OptionalJson;
use super::cookies::Delivery;
use super::peer::Peer;
use super::problem::Problem;

/// Which sessions end, and who asks where no access token says it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogoutBody {
    /// Which sessions end; `this` where it is left out.
    #[serde(default)]
    sessions: Sessions,
    /// In place of `Authorization: Bearer`, for a client whose access token has expired.
    #[schema(example = "ksr_…")]
    refresh_token: Option<String>,
}

/// Which sessions a sign-out ends.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sessions {
    /// The one that asks.
    #[default]
    This,
    /// Every other one.
    Others,
    /// All of them.
    All,
}

impl From<Sessions> for Which {
    fn from(sessions: Sessions) -> Self {
        match sessions {
            Sessions::This => Self::This,
            Sessions::Others => Self::Others,
            Sessions::All => Self::All,
        }
    }
}

/// Signs out.
///
/// By a cookie it needs the session's CSRF token in `x-csrf-token`, and takes the cookies away.
#[utoipa::path(
    post, path = "/v1/logout", tag = "sign-in", request_body = Option<LogoutBody>,
    security((), ("bearer" = [])),
    responses(
        (status = 204, description = "The sessions have ended: their tokens are refused from now on."),
        (status = 401, description = "No token, or one that is not good."),
        (status = 403, description = "`origin_refused`, `csrf_token_missing` or `csrf_token_wrong`, of a token in a cookie."),
    ),
)]
pub(super) async fn logout(
    State(app): State<App>,
    peer: Peer,
    headers: HeaderMap,
    principal: Result<Option<Principal>, Rejection>,
    OptionalJson(body): OptionalJson<LogoutBody>,
) -> Result<Response, Response> {
    let refused = |reason: Reason| app.refused(&reason.into()).into_response();
    let cookie = app.cookies.refresh_token(&headers);
    let cookie = cookie.map_err(|refusal| app.refused(&refusal).into_response())?;
    let by_header = headers.contains_key(AUTHORIZATION);
    if cookie.is_some() && (by_header || body.refresh_token.is_some()) {
        return Err(refused(Reason::CredentialsAmbiguous));
    }
    // A page whose access token has just expired signs out all the same.
    if let (Some(token), Sessions::This) = (cookie, body.sessions) {
        return by_cookie(&app, &peer, &headers, token).await;
    }
    let which = body.sessions.into();
    let principal = principal.map_err(IntoResponse::into_response)?;
    match (principal, body.refresh_token) {
        (Some(_), Some(_)) => return Err(refused(Reason::CredentialsAmbiguous)),
        (None, None) => return Err(refused(Reason::TokenMissing)),
        (Some(principal), None) => {
            let caller = Caller::from_claims(principal.claims());
            let caller = caller.ok_or_else(|| refused(Reason::TokenClaimMissing))?;
            let (account, session) = (&caller.account_id, &caller.session_id);
            let ended = app
                .accounts
                .sign_out_from(account, session, which, peer.address);
            ended
                .await
                .map_err(|fault| Problem::fault(&fault).into_response())?;
            if !by_header && which != Which::Others {
                return Ok(app.cookies.clear(StatusCode::NO_CONTENT));
            }
        }
        (None, Some(token)) => by_refresh_token(&app, &peer, &token, which)
            .await
            .map_err(IntoResponse::into_response)?,
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn by_cookie(
    app: &App,
    peer: &Peer,
    headers: &HeaderMap,
    token: &str,
) -> Result<Response, Response> {
    app.allow_cookie(headers, token).await?;
    let token = Refresh::token(token).from(peer.address);
    match app.accounts.sign_out_by_refresh_token(token).await {
        Ok(_) => Ok(app.cookies.clear(StatusCode::NO_CONTENT)),
        Err(error) => Err(app.over(Delivery::Cookie, error)),
    }
}

/// A spent token may end its own session, as a thief's trace should; only a good one speaks for the others.
async fn by_refresh_token(
    app: &App,
    peer: &Peer,
    token: &str,
    which: Which,
) -> Result<(), Problem> {
    let token = Refresh::token(token).from(peer.address);
    match which {
        Which::This => {
            app.accounts.sign_out_by_refresh_token(token).await?;
        }
        Which::All => {
            let proven = app.accounts.refresh_with(token).await?;
            let (account, session) = (&proven.account.id, &proven.session_id);
            let ended = app
                .accounts
                .sign_out_from(account, session, which, peer.address);
            ended.await?;
        }
        // To show that it is good would use the token up, and this answer has no place for its successor.
        Which::Others => return Err(Problem::refused_by(&app.guard, Reason::AccessTokenNeeded)),
    }
    Ok(())
}
