//! `GET /v1/admin/keys`, `POST …/rotate` and `POST …/{kid}/withdraw`: the keys that sign access tokens.

use axum::Json;
use axum::extract::{Path, State};
use keystile_accounts::{AdminError, Begin};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::App;
use crate::http::body::OptionalJson;
use crate::http::caller::Administrator;
use crate::http::key::KeyBody;
use crate::http::problem::Problem;

/// All keys: there are few.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SigningKeys)]
pub(crate) struct KeysBody {
    /// The keys, oldest first.
    data: Vec<KeyBody>,
}

/// How to rotate.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateBody {
    /// `ES256`, `EdDSA` or `RS256`; by default that of the present key.
    #[schema(example = "ES256")]
    algorithm: Option<String>,
    /// Sign with it at once: verifiers that keep the old keys refuse its tokens until they look again.
    #[serde(default)]
    now: bool,
}

/// What a withdrawal came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Withdrawal)]
pub(crate) struct WithdrawalBody {
    /// The key that was withdrawn.
    key: KeyBody,
    /// The key that signs now.
    signing: KeyBody,
    /// Living sessions whose access token it may have signed: they go on, with a refresh.
    sessions: u64,
    /// Of how many accounts.
    accounts: u64,
}

/// Lists the signing keys.
#[utoipa::path(
    get, path = "/v1/admin/keys", operation_id = "keys_list", tag = "keys", security(("bearer" = [])),
    responses((status = 200, description = "The keys.", body = KeysBody)),
)]
pub(super) async fn list(
    State(app): State<App>,
    Administrator(_): Administrator,
) -> Result<Json<KeysBody>, Problem> {
    let keys = app.accounts.keys().await?;
    let data = keys.into_iter().map(KeyBody::from).collect();
    Ok(Json(KeysBody { data }))
}

/// Publishes a new key, which signs as soon as every verifier can have it. One that is on its way already is answered.
#[utoipa::path(
    post, path = "/v1/admin/keys/rotate", operation_id = "keys_rotate", tag = "keys",
    request_body = Option<RotateBody>, security(("bearer" = [])),
    responses(
        (status = 200, description = "The key that is next, or signs now.", body = KeyBody),
        (status = 400, description = "`algorithm_unknown`, `algorithm_contradicts` or `keys_elsewhere`."),
    ),
)]
pub(super) async fn rotate(
    State(app): State<App>,
    Administrator(caller): Administrator,
    OptionalJson(body): OptionalJson<RotateBody>,
) -> Result<Json<KeyBody>, Problem> {
    let algorithm = body.algorithm.map(|name| name.parse()).transpose();
    let algorithm = algorithm.map_err(|_| {
        let detail = "algorithm must be ES256, EdDSA or RS256.";
        Problem::bad_request("algorithm_unknown", detail).member("algorithm")
    })?;
    let begin = if body.now { Begin::Now } else { Begin::WhenDue };
    let key = app
        .accounts
        .rotate_keys(Some(&caller), algorithm, begin)
        .await?;
    tracing::info!(kid = key.key_id, state = key.state.as_str(), by = %caller.account_id, "rotation asked for");
    Ok(Json(key.into()))
}

/// Withdraws a key: whatever it signed is refused at once. Sessions go on, with a refresh. Withdrawing the key that signs
/// lets another sign at once.
#[utoipa::path(
    post, path = "/v1/admin/keys/{kid}/withdraw", operation_id = "keys_withdraw", tag = "keys",
    params(("kid" = String, Path, description = "The key's id.")), security(("bearer" = [])),
    responses(
        (status = 200, description = "The key, the one that signs now, and whom it touched.", body = WithdrawalBody),
        (status = 404, description = "`key_unknown`."),
    ),
)]
pub(super) async fn withdraw(
    State(app): State<App>,
    Administrator(caller): Administrator,
    Path(kid): Path<String>,
) -> Result<Json<WithdrawalBody>, Problem> {
    let used = app.accounts.key_use(&kid).await.map_err(unknown)?;
    let withdrawal = app.accounts.withdraw_key(Some(&caller), &kid).await;
    let withdrawal = withdrawal.map_err(unknown)?;
    tracing::warn!(kid, sessions = used.sessions, by = %caller.account_id, "a signing key was withdrawn");
    Ok(Json(WithdrawalBody {
        key: withdrawal.key.into(),
        signing: withdrawal.signing.into(),
        sessions: used.sessions,
        accounts: used.accounts,
    }))
}

fn unknown(error: AdminError) -> Problem {
    match error {
        AdminError::NotFound { .. } => {
            Problem::not_found("key_unknown", "There is no such signing key.")
        }
        other => other.into(),
    }
}
