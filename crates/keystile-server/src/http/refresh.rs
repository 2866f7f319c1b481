//! `POST /v1/refresh`: a refresh token for its successor and a fresh access token.

use axum::extract::State;
use keystile_accounts::Refresh;
use serde::Deserialize;
use utoipa::ToSchema;

use super::App;
use super::body::Json;
use super::peer::Peer;
use super::problem::Problem;
use super::tokens::TokensBody;

/// The token to exchange.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshBody {
    /// The refresh token of the last answer.
    #[schema(example = "ksr_…")]
    refresh_token: String,
}

/// Exchanges a refresh token. Repeated within the grace it gets the same successor; later its session ends.
#[utoipa::path(
    post, path = "/v1/refresh", tag = "sign-in", request_body = RefreshBody, security(()),
    responses(
        (status = 200, description = "The next pair of tokens.", body = TokensBody),
        (status = 401, description = "`refresh_token_unknown`, `refresh_token_reused`, `refresh_token_expired`, `refresh_token_malformed`, `session_ended`, `session_expired_idle` or `session_expired_absolute`: sign in again."),
    ),
)]
pub(super) async fn refresh(
    State(app): State<App>,
    peer: Peer,
    Json(body): Json<RefreshBody>,
) -> Result<TokensBody, Problem> {
    let request = Refresh::token(body.refresh_token).from(peer.address);
    Ok(app.accounts.refresh_with(request).await?.into())
}
