//! `POST /v1/refresh`: a refresh token for its successor and a fresh access token.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse, Response};
use keystile::{Reason, Refusal};
use keystile_accounts::{Refresh, RefreshError};
use serde::Deserialize;
use utoipa::ToSchema;

use super::App;
use super::body::OptionalJson;
use super::cookies::{Delivery, Tokens};
use super::peer::Peer;
use super::problem::Problem;

/// The token to exchange; left out where a cookie carries it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshBody {
    /// The refresh token of the last answer.
    #[schema(example = "ksr_…")]
    refresh_token: Option<String>,
}

/// Exchanges a refresh token. Repeated within the grace it gets the same successor; later its session ends.
///
/// A token that came in a cookie needs its session's CSRF token in `x-csrf-token`, and its successor goes into cookies.
#[utoipa::path(
    post, path = "/v1/refresh", tag = "sign-in", request_body = Option<RefreshBody>, security(()),
    responses(
        (status = 200, description = "The next pair of tokens.", body = Tokens),
        (status = 401, description = "`refresh_token_unknown`, `refresh_token_reused`, `refresh_token_expired`, `refresh_token_malformed`, `session_ended`, `session_expired_idle` or `session_expired_absolute`: sign in again."),
        (status = 403, description = "`origin_refused`, `csrf_token_missing` or `csrf_token_wrong`, of a token in a cookie."),
    ),
)]
pub(super) async fn refresh(
    State(app): State<App>,
    peer: Peer,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<RefreshBody>,
) -> Result<Response, Response> {
    let refused = |refusal: Refusal| app.refused(&refusal).into_response();
    let cookie = app.cookies.refresh_token(&headers).map_err(refused)?;
    let by_header = headers.contains_key(AUTHORIZATION);
    let (token, delivery) = match (body.refresh_token, cookie) {
        (Some(token), None) => (token, Delivery::Body),
        (None, Some(token)) if !by_header => {
            app.allow_cookie(&headers, token).await?;
            (token.to_owned(), Delivery::Cookie)
        }
        (_, Some(_)) => return Err(refused(Reason::CredentialsAmbiguous.into())),
        (None, None) => return Err(missing().into_response()),
    };
    let request = Refresh::token(token).from(peer.address);
    match app.accounts.refresh_with(request).await {
        Ok(signed_in) => {
            let now = app.settings.clock.now();
            Ok(app.cookies.answer(delivery, signed_in, now))
        }
        Err(error) => Err(app.over(delivery, error)),
    }
}

fn missing() -> Problem {
    let detail = "Give the refresh token as refresh_token, or in its cookie.";
    Problem::bad_request("member_missing", detail).member("refresh_token")
}

impl App {
    /// What the library refuses, where no extractor does.
    pub(super) fn refused(&self, refusal: &Refusal) -> Problem {
        Problem::refused_by(&self.guard, refusal.reason())
    }

    /// Whether a refresh token that a browser added to the request was sent by our own page. A token that nobody knows is
    /// let through, to be refused for that; which session another one belongs to never changes.
    pub(super) async fn allow_cookie(
        &self,
        headers: &HeaderMap,
        token: &str,
    ) -> Result<(), Response> {
        let refused = |refusal: Refusal| self.refused(&refusal).into_response();
        let csrf = &self.cookies.csrf;
        csrf.check_origin(headers).map_err(refused)?;
        let session = self.accounts.session_of_refresh_token(token).await;
        let session = session.map_err(|fault| Problem::fault(&fault).into_response())?;
        match session {
            Some(session) => csrf.check(headers, session.as_str()).map_err(refused),
            None => Ok(()),
        }
    }

    /// The answer to a refresh token that was refused: its cookie goes where the refusal is for good.
    pub(super) fn over(&self, delivery: Delivery, error: RefreshError) -> Response {
        let for_good = !matches!(error, RefreshError::Store(_));
        let problem = Problem::from(error);
        if for_good && delivery == Delivery::Cookie {
            self.cookies.clear(problem)
        } else {
            problem.into_response()
        }
    }
}
