//! `POST /v1/logout`: ends this session, the others, or all.

use axum::extract::State;
use axum::http::StatusCode;
use keystile::{Principal, Reason};
use keystile_accounts::{Caller, Which};
use serde::Deserialize;
use utoipa::ToSchema;

use super::App;
use super::body::OptionalJson;
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
#[utoipa::path(
    post, path = "/v1/logout", tag = "sign-in", request_body = Option<LogoutBody>,
    security((), ("bearer" = [])),
    responses(
        (status = 204, description = "The sessions have ended: their tokens are refused from now on."),
        (status = 401, description = "No token, or one that is not good."),
    ),
)]
pub(super) async fn logout(
    State(app): State<App>,
    principal: Option<Principal>,
    OptionalJson(body): OptionalJson<LogoutBody>,
) -> Result<StatusCode, Problem> {
    let which = body.sessions.into();
    let refused = |reason| Problem::refused_by(&app.guard, reason);
    match (principal, body.refresh_token) {
        (Some(_), Some(_)) => return Err(refused(Reason::CredentialsAmbiguous)),
        (None, None) => return Err(refused(Reason::TokenMissing)),
        (Some(principal), None) => {
            let caller = Caller::from_claims(principal.claims());
            let caller = caller.ok_or_else(|| refused(Reason::TokenClaimMissing))?;
            app.accounts
                .sign_out(&caller.account_id, &caller.session_id, which)
                .await?;
        }
        (None, Some(token)) => by_refresh_token(&app, &token, which).await?,
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A spent token may end its own session, as a thief's trace should; only a good one speaks for the others.
async fn by_refresh_token(app: &App, token: &str, which: Which) -> Result<(), Problem> {
    match which {
        Which::This => {
            app.accounts.sign_out_by_refresh_token(token).await?;
        }
        Which::All => {
            let proven = app.accounts.refresh(token).await?;
            app.accounts
                .sign_out(&proven.account.id, &proven.session_id, which)
                .await?;
        }
        // To show that it is good would use the token up, and this answer has no place for its successor.
        Which::Others => return Err(Problem::refused_by(&app.guard, Reason::AccessTokenNeeded)),
    }
    Ok(())
}
