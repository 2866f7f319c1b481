//! `POST /v1/signup`: a person makes an account.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use keystile_accounts::SignUp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::App;
use super::account::AccountBody;
use super::body::Json;
use super::problem::Problem;

/// A new account: a username, an e-mail address, or both.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignupBody {
    /// No `@` in it; unique, in any case of letters.
    #[schema(example = "ada")]
    username: Option<String>,
    /// Unique, in any case of letters.
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    /// At least 15 characters by default.
    #[schema(format = Password, example = "correct horse battery staple")]
    password: String,
}

/// Makes an account.
#[utoipa::path(
    post, path = "/v1/signup", tag = "sign-in", request_body = SignupBody, security(()),
    responses(
        (status = 201, description = "The account was made.", body = AccountBody),
        (status = 403, description = "`signup_closed`: only administrators make accounts here."),
        (status = 409, description = "`username_taken` or `email_taken`."),
    ),
)]
pub(super) async fn signup(
    State(app): State<App>,
    Json(body): Json<SignupBody>,
) -> Result<(StatusCode, Answer<AccountBody>), Problem> {
    if !app.settings.signup_open {
        let detail = "Sign-up is closed here. Ask an administrator for an account.";
        return Err(Problem::forbidden("signup_closed", detail));
    }
    let request = match (body.username, body.email) {
        (Some(username), Some(email)) => SignUp::username(username).email(email),
        (Some(username), None) => SignUp::username(username),
        (None, Some(email)) => SignUp::with_email(email),
        (None, None) => return Err(nameless()),
    };
    let account = app
        .accounts
        .sign_up(request.password(body.password))
        .await?;
    Ok((StatusCode::CREATED, Answer(account.into())))
}

/// Neither name came.
pub(super) fn nameless() -> Problem {
    Problem::bad_request("member_missing", "Give a username or an email.").member("username")
}
