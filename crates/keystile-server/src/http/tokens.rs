//! The pair of tokens that a sign-in, a refresh and a password change answer with.

use axum::Json;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use keystile_accounts::SignedIn;
use serde::Serialize;
use utoipa::ToSchema;

use super::account::AccountBody;

/// A pair of tokens. `Debug` is left out on purpose.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(crate) struct TokensBody {
    /// The access token: a JWT (RFC 9068), sent as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(example = 900)]
    expires_in: u64,
    /// The refresh token: opaque, single use. Keep it; the next refresh answers with its successor.
    #[schema(example = "ksr_…")]
    refresh_token: String,
    /// The session that the tokens belong to.
    session_id: String,
    /// Who signed in.
    account: AccountBody,
}

impl From<SignedIn> for TokensBody {
    fn from(signed_in: SignedIn) -> Self {
        Self {
            access_token: signed_in.access_token,
            token_type: "Bearer",
            expires_in: signed_in.expires_in.as_secs(),
            refresh_token: signed_in.refresh_token.expose().to_owned(),
            session_id: signed_in.session_id.into(),
            account: signed_in.account.into(),
        }
    }
}

impl IntoResponse for TokensBody {
    /// RFC 6749, section 5.1.
    fn into_response(self) -> Response {
        never_stored(Json(self))
    }
}

/// What is about tokens is kept nowhere on the way.
pub(crate) fn never_stored(body: impl IntoResponse) -> Response {
    ([(CACHE_CONTROL, "no-store")], body).into_response()
}
