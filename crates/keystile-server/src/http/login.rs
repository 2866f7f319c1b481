//! `POST /v1/login`: a person signs in, by JSON or by Basic (RFC 7617).

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use keystile::{BasicCredentials, Refusal};
use keystile_accounts::{SignIn, SignInError};
use serde::Deserialize;
use utoipa::ToSchema;

use super::App;
use super::body::OptionalJson;
use super::cookies::{Delivery, Tokens};
use super::peer::Peer;
use super::problem::{BASIC, Problem};
use super::signup::nameless;

/// Credentials; left out where `Authorization: Basic` carries them.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginBody {
    /// The username, or
    #[schema(example = "ada")]
    username: Option<String>,
    /// the e-mail address; not both.
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    /// The password.
    #[schema(format = Password, example = "correct horse battery staple")]
    password: Option<String>,
    /// Where the tokens go; `cookie` is for a page in a browser, and needs JSON and an `Origin` that may.
    #[serde(default)]
    delivery: Delivery,
}

/// Signs in. The answer to an unknown user is that to a wrong password.
#[utoipa::path(
    post, path = "/v1/login", tag = "sign-in", request_body = Option<LoginBody>,
    security((), ("basic" = [])),
    responses(
        (status = 200, description = "A new session and its tokens.", body = Tokens),
        (status = 401, description = "`credentials_wrong`."),
        (status = 403, description = "`origin_refused`: cookies for another origin's page."),
        (status = 429, description = "`limited`: too many attempts."),
    ),
)]
pub(super) async fn login(
    State(app): State<App>,
    peer: Peer,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<LoginBody>,
) -> Result<Response, Problem> {
    let basic = headers.contains_key(header::AUTHORIZATION);
    let delivery = body.delivery;
    if delivery == Delivery::Cookie {
        may_have_cookies(&app, basic, &headers)?;
    }
    let mut request = if basic {
        by_basic(&headers, &body)?
    } else {
        by_json(body)?
    };
    request = request.from(peer.address);
    if let Some(device) = peer.device {
        request = request.device(device);
    }
    let signed_in = app.accounts.sign_in(request).await.map_err(|error| {
        let wrong = matches!(error, SignInError::WrongCredentials);
        let problem = Problem::from(error);
        if basic && wrong {
            problem.challenge(BASIC)
        } else {
            problem
        }
    })?;
    let now = app.settings.clock.now();
    Ok(app.cookies.answer(delivery, signed_in, now))
}

/// A page of another site must not sign somebody's browser in (to the attacker's own account, say). A form can send
/// neither JSON nor an `Origin` of ours, and Basic is what browsers send by themselves.
fn may_have_cookies(app: &App, basic: bool, headers: &HeaderMap) -> Result<(), Problem> {
    if basic {
        let detail = "Cookies are given for credentials in JSON, not for Basic ones.";
        return Err(Problem::bad_request("delivery_needs_json", detail).member("delivery"));
    }
    let refused = |refusal: Refusal| Problem::refused_by(&app.guard, refusal.reason());
    app.cookies.csrf.require_origin(headers).map_err(refused)
}

fn by_json(body: LoginBody) -> Result<SignIn, Problem> {
    let request = match (body.username, body.email) {
        (Some(username), None) => SignIn::username(username),
        (None, Some(email)) => SignIn::email(email),
        (Some(_), Some(_)) => {
            let detail = "Give a username or an email, not both.";
            return Err(Problem::bad_request("credentials_ambiguous", detail).member("email"));
        }
        (None, None) => return Err(nameless()),
    };
    let missing = || Problem::bad_request("member_missing", "Give a password.").member("password");
    Ok(request.password(body.password.ok_or_else(missing)?))
}

fn by_basic(headers: &HeaderMap, body: &LoginBody) -> Result<SignIn, Problem> {
    let twice = headers.get_all(header::AUTHORIZATION).iter().count() > 1;
    if twice || body.username.is_some() || body.email.is_some() || body.password.is_some() {
        let detail = "Credentials came in two places. Send them in the body or by Basic, not both.";
        return Err(Problem::bad_request("credentials_ambiguous", detail));
    }
    let value = headers
        .get(header::AUTHORIZATION)
        .map(HeaderValue::as_bytes)
        .and_then(|value| std::str::from_utf8(value).ok());
    let credentials = value.and_then(BasicCredentials::parse).ok_or_else(|| {
        let detail = "The Authorization header cannot be read. Write 'Basic', one space and base64 of name:password.";
        Problem::bad_request("authorization_malformed", detail)
    })?;
    Ok(SignIn::identifier(credentials.username()).password(credentials.password()))
}
