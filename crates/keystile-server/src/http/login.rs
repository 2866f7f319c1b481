//! `POST /v1/login`: a person signs in, by JSON or by Basic (RFC 7617).

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use keystile::{BasicCredentials, Refusal};
use keystile_accounts::{AuthenticatedClient, SignIn, SignInError};
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

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
    /// The client program that signs the person in, if one does. The session is bound to it: it alone refreshes it, at
    /// `/oauth/token`.
    client_id: Option<String>,
    /// The client's secret.
    #[schema(format = Password, example = "ksc_…")]
    client_secret: Option<String>,
    /// The audience of the access token (RFC 8707), one of the client's.
    #[schema(example = "https://api.example.com")]
    resource: Option<String>,
}

/// Signs in. The answer to an unknown user is that to a wrong password.
///
/// A client program that signs a person in for itself gives its own credentials beside the person's.
#[utoipa::path(
    post, path = "/v1/login", tag = "sign-in", request_body = Option<LoginBody>,
    security((), ("basic" = [])),
    responses(
        (status = 200, description = "A new session and its tokens.", body = Tokens),
        (status = 400, description = "`resource_refused` or `resource_needed`: of the client's audiences; or the request cannot be read."),
        (status = 401, description = "`credentials_wrong`; `client_wrong`: the client's id or its secret."),
        (status = 403, description = "`origin_refused`: cookies for another origin's page."),
        (status = 429, description = "`limited`: too many attempts."),
    ),
)]
pub(super) async fn login(
    State(app): State<App>,
    peer: Peer,
    headers: HeaderMap,
    OptionalJson(mut body): OptionalJson<LoginBody>,
) -> Result<Response, Problem> {
    let basic = headers.contains_key(header::AUTHORIZATION);
    let delivery = body.delivery;
    let (credentials, resource) = (ClientCredentials::of(&mut body)?, body.resource.take());
    if delivery == Delivery::Cookie {
        may_have_cookies(&app, basic, credentials.is_some(), &headers)?;
    }
    let mut request = if basic {
        by_basic(&headers, &body)?
    } else {
        by_json(body)?
    };
    request = request.from(peer.address);
    // Before the password costs anything, and before anything is said about it.
    if let Some(credentials) = credentials {
        request = request.client(&credentials.proven(&app, &peer).await?);
    }
    if let Some(resource) = resource {
        request = request.resource(resource);
    }
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

/// The client that signs somebody in: always in the body, as an `Authorization` header is always the person's.
struct ClientCredentials {
    id: String,
    secret: Zeroizing<String>,
}

impl ClientCredentials {
    /// Both, or none.
    fn of(body: &mut LoginBody) -> Result<Option<Self>, Problem> {
        let missing = |name: &'static str| {
            let detail = "A client gives both client_id and client_secret.";
            Err(Problem::bad_request("member_missing", detail).member(name))
        };
        match (body.client_id.take(), body.client_secret.take()) {
            (None, None) => Ok(None),
            (Some(id), Some(secret)) => Ok(Some(Self {
                id,
                secret: Zeroizing::new(secret),
            })),
            (Some(_), None) => missing("client_secret"),
            (None, Some(_)) => missing("client_id"),
        }
    }

    async fn proven(&self, app: &App, peer: &Peer) -> Result<AuthenticatedClient, Problem> {
        let from = Some(peer.address);
        let proven = app
            .accounts
            .authenticate_client(&self.id, &self.secret, from);
        Ok(proven.await?)
    }
}

/// A page of another site must not sign somebody's browser in (to the attacker's own account, say). A form can send
/// neither JSON nor an `Origin` of ours, and Basic is what browsers send by themselves.
fn may_have_cookies(
    app: &App,
    basic: bool,
    by_client: bool,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    if by_client {
        let detail = "A client gets tokens in the body: it could not refresh those in cookies.";
        return Err(Problem::bad_request("delivery_not_for_clients", detail).member("delivery"));
    }
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
