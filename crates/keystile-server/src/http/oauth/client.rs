//! Who calls under `/oauth/`: a client, by Basic or by parameters of the form (RFC 6749, section 2.3.1).

use std::net::IpAddr;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, header};
use keystile::BasicCredentials;
use keystile_accounts::AuthenticatedClient;
use zeroize::Zeroizing;

use super::form::{Form, decoded};
use crate::http::App;
use crate::http::peer::Peer;
use crate::http::problem::OAuthError;

/// A client that has proved who it is, and what it sent.
pub(super) struct FromClient {
    pub(super) client: AuthenticatedClient,
    pub(super) form: Form,
    /// The address that asks.
    pub(super) from: IpAddr,
}

/// An id and a secret as they came.
struct Credentials {
    id: Zeroizing<String>,
    secret: Zeroizing<String>,
}

impl FromRequest<App> for FromClient {
    type Rejection = OAuthError;

    async fn from_request(request: Request, app: &App) -> Result<Self, OAuthError> {
        let (mut parts, body) = request.into_parts();
        let Ok(peer) = Peer::from_request_parts(&mut parts, app).await;
        let headers = parts.headers.clone();
        let form = Form::read(Request::from_parts(parts, body)).await?;
        let Credentials { id, secret } = credentials(&headers, &form)?;
        let from = peer.address;
        let client = app
            .accounts
            .authenticate_client(&id, &secret, Some(from))
            .await?;
        Ok(Self { client, form, from })
    }
}

/// By one way, and by one only.
fn credentials(headers: &HeaderMap, form: &Form) -> Result<Credentials, OAuthError> {
    let (id, secret) = (form.get("client_id"), form.get("client_secret"));
    if form.get("client_assertion").is_some() {
        let detail = "Assertions are not taken here. Send the client's id and secret, by Basic or in the form.";
        return Err(OAuthError::invalid_client(detail));
    }
    let Some(basic) = by_basic(headers)? else {
        let (Some(id), Some(secret)) = (id, secret) else {
            let detail = "No client's credentials came. Send its id and secret by Basic, or as client_id and client_secret in the form.";
            return Err(OAuthError::invalid_client(detail));
        };
        return Ok(Credentials {
            id: Zeroizing::new(id.to_owned()),
            secret: Zeroizing::new(secret.to_owned()),
        });
    };
    if secret.is_some() || id.is_some_and(|id| *id != **basic.id) {
        let detail = "Credentials came in two places. Send them by Basic or in the form, not both.";
        return Err(OAuthError::invalid_request(detail));
    }
    Ok(basic)
}

/// Each half was form-encoded before the two were joined.
fn by_basic(headers: &HeaderMap) -> Result<Option<Credentials>, OAuthError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        let detail = "More than one Authorization header came. Send one.";
        return Err(OAuthError::invalid_request(detail));
    }
    let read = || {
        let basic = BasicCredentials::parse(value.to_str().ok()?)?;
        Some(Credentials {
            id: decoded(basic.username().as_bytes())?,
            secret: decoded(basic.password().as_bytes())?,
        })
    };
    let detail = "The Authorization header cannot be read. Write 'Basic', one space and base64 of id:secret, each form-encoded.";
    read()
        .map(Some)
        .ok_or_else(|| OAuthError::invalid_client(detail))
}
