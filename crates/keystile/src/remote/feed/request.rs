//! The requests that carry a client's credentials. None of them is sent to another origin than the one it is meant for.

use std::fmt::Write;

use base64_simd::STANDARD;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use reqwest::{Client, Response, StatusCode, Url};
use serde::de::DeserializeOwned;

use crate::remote::FollowError;
use crate::remote::address::{Allowed, shown};
use crate::remote::client::{Clients, check_place, check_status, text, unreachable, whole};
use crate::{Secret, strict};

/// Most bytes of an answer about a token.
const CAP: usize = 64 * 1024;
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const EVENTS: &str = "text/event-stream";

/// The client for an address that the application named, or that is at the issuer's own origin.
pub(in crate::remote) fn client(clients: &mut Clients, url: &Url) -> Result<Client, FollowError> {
    clients.allowing(Allowed::configured(url))
}

/// `Authorization` of a client (RFC 6749, section 2.3.1).
pub(in crate::remote) fn basic(id: &str, secret: &Secret) -> Option<HeaderValue> {
    let secret = std::str::from_utf8(secret.expose()).ok()?;
    let both = format!("{}:{}", encoded(id), encoded(secret));
    authorization("Basic", &STANDARD.encode_to_string(both))
}

/// `Authorization` of a bearer (RFC 6750); `None` for what is no token.
pub(super) fn bearer(token: &str) -> Option<HeaderValue> {
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    is_token.then(|| authorization("Bearer", token))?
}

fn authorization(scheme: &str, credentials: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("{scheme} {credentials}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// As a form writes it (WHATWG URL, section 5.2).
pub(in crate::remote) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._*".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // A string takes everything.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Sends a form, and reads the JSON object of the answer. The caller bounds its time.
pub(in crate::remote) async fn post<T: DeserializeOwned>(
    client: &Client,
    url: &Url,
    credentials: HeaderValue,
    form: String,
) -> Result<T, FollowError> {
    let request = client
        .post(url.clone())
        .header(AUTHORIZATION, credentials)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form);
    let response = request.send().await;
    let mut response = response.map_err(|error| unreachable(url, &error))?;
    check_place(url, &response, Allowed::configured(url))?;
    let status = response.status();
    let may_say_why = matches!(status.as_u16(), 400 | 401 | 403);
    if !may_say_why {
        check_status(url, status, response.headers())?;
    }
    let body = whole(url, &mut response, CAP).await?;
    if may_say_why {
        return Err(FollowError::ClientRefused {
            url: url.to_string(),
            status: status.as_u16(),
            error: error_code(&body),
        });
    }
    let unreadable = || FollowError::Unreadable {
        url: url.to_string(),
        what: "it is not the JSON object that belongs here",
    };
    read_strictly(&body).ok_or_else(unreadable)
}

fn read_strictly<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    strict::read_object(body, |_, _| 0).ok()?;
    serde_json::from_slice(body).ok()
}

fn error_code(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Refused {
        error: String,
    }
    read_strictly(body).map_or_else(String::new, |refused: Refused| shown(&refused.error))
}

/// Opens the feed. The caller bounds its time.
pub(super) async fn open(
    client: &Client,
    url: &Url,
    bearer: HeaderValue,
    last_id: Option<&str>,
) -> Result<Response, FollowError> {
    let mut request = client
        .get(url.clone())
        .header(AUTHORIZATION, bearer)
        .header(ACCEPT, EVENTS)
        .header(CACHE_CONTROL, "no-store");
    if let Some(id) = last_id {
        request = request.header(LAST_EVENT_ID, id);
    }
    let response = request.send().await;
    let response = response.map_err(|error| unreachable(url, &error))?;
    check_place(url, &response, Allowed::configured(url))?;
    let status = response.status();
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return Err(FollowError::TokenRefused {
            url: url.to_string(),
            status: status.as_u16(),
        });
    }
    check_status(url, status, response.headers())?;
    if !is_events(response.headers()) {
        return Err(FollowError::Unreadable {
            url: url.to_string(),
            what: "it is no stream of events",
        });
    }
    Ok(response)
}

fn is_events(headers: &HeaderMap) -> bool {
    let kind = text(headers, &CONTENT_TYPE).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(EVENTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_written_as_a_form_would_and_shown_to_nobody() {
        let header = basic("a:b", &Secret::from("p%&s ü")).unwrap();
        let text = header.to_str().unwrap().strip_prefix("Basic ").unwrap();
        let decoded = STANDARD.decode_to_vec(text).unwrap();
        assert_eq!(decoded, b"a%3Ab:p%25%26s%20%C3%BC");
        assert!(header.is_sensitive() && format!("{header:?}") == "Sensitive");
        assert_eq!(basic("a", &Secret::new([0xff])), None);
        assert!(bearer("a.b").unwrap().is_sensitive());
        for none in ["", "a b", "a\r\nx: y", "ü", "a\n"] {
            assert_eq!(bearer(none), None, "{none:?}");
        }
    }

    #[test]
    fn the_reason_of_a_refusal_is_escaped() {
        assert_eq!(
            error_code(br#"{"error":"invalid_client"}"#),
            "invalid_client"
        );
        assert_eq!(error_code(br#"{"error":"a\u001bb"}"#), "a\\u{1b}b");
        for none in [
            &b""[..],
            b"<html>",
            b"{}",
            br#"{"error":"a","error":"b"}"#,
            br#"{"error":1}"#,
        ] {
            assert_eq!(error_code(none), "");
        }
    }
}
