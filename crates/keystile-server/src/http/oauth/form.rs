//! Forms, read strictly (RFC 6749, section 3.2 and appendix B).

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use zeroize::Zeroizing;

use crate::http::body;
use crate::http::problem::OAuthError;

/// No request of ours has nearly as many.
const MOST_PARAMETERS: usize = 64;

/// The one parameter that may come more than once (RFC 8707, section 2).
const MAY_REPEAT: &str = "resource";

/// A form's parameters. Those without a value count as not sent; those that are not known are passed over.
pub(super) struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    /// Reads a request's body. Parameters in the query are refused: queries end up in logs.
    pub(super) async fn read(request: Request) -> Result<Self, OAuthError> {
        if request.uri().query().is_some_and(|query| !query.is_empty()) {
            let detail = "Send the parameters in the body, none in the query.";
            return Err(OAuthError::invalid_request(detail));
        }
        let is_form = is_form(request.headers());
        let bytes = body::read(request).await?;
        if !is_form {
            let detail =
                "Send a form, unencoded, with Content-Type: application/x-www-form-urlencoded.";
            return Err(OAuthError::invalid_request(detail));
        }
        Self::parse(&bytes)
    }

    fn parse(bytes: &[u8]) -> Result<Self, OAuthError> {
        let malformed = || {
            OAuthError::invalid_request(
                "The form cannot be read: it is not UTF-8, or a percent sign does not begin a byte.",
            )
        };
        let mut parameters: Vec<(String, Zeroizing<String>)> = Vec::new();
        for pair in bytes
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
        {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decoded(halves.next().unwrap_or_default()).ok_or_else(malformed)?;
            let value = decoded(halves.next().unwrap_or_default()).ok_or_else(malformed)?;
            let repeated = parameters.iter().any(|(known, _)| *known == *name);
            if repeated && *name != MAY_REPEAT {
                let detail = "A parameter came twice. Send each once.";
                return Err(OAuthError::invalid_request(detail));
            }
            if parameters.len() == MOST_PARAMETERS {
                let detail = "The form has more than 64 parameters.";
                return Err(OAuthError::invalid_request(detail));
            }
            parameters.push((name.to_string(), value));
        }
        Ok(Self(parameters))
    }

    /// A parameter's value, if it has one.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// One that must be there.
    pub(super) fn require(&self, name: &str, missing: &'static str) -> Result<&str, OAuthError> {
        self.get(name)
            .ok_or_else(|| OAuthError::invalid_request(missing))
    }

    /// The audience that is asked for, at most one: a token for two could be used by each at the other.
    pub(super) fn resource(&self) -> Result<Option<&str>, OAuthError> {
        let mut resources = self.values(MAY_REPEAT);
        let first = resources.next();
        if resources.next().is_some() {
            let detail = "A token is for one resource. Ask for another one by another request.";
            return Err(OAuthError::invalid_target(detail));
        }
        Ok(first)
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return false;
    }
    let text = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let mut parts = text
        .unwrap_or("")
        .split(';')
        .map(|part| part.trim().to_ascii_lowercase());
    parts.next().as_deref() == Some("application/x-www-form-urlencoded")
        && parts.all(|part| {
            !part.starts_with("charset=") || part["charset=".len()..].trim_matches('"') == "utf-8"
        })
}

/// A name or value as it was before it was form-encoded. `None` where that was never done: a `%` without two digits, bytes
/// that are no UTF-8.
pub(super) fn decoded(encoded: &[u8]) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(encoded.len()));
    let mut rest = encoded.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => digit(*rest.next()?)? * 16 + digit(*rest.next()?)?,
            other => *other,
        });
    }
    std::str::from_utf8(&bytes)
        .ok()
        .map(|text| Zeroizing::new(text.to_owned()))
}

fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        Form::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    #[test]
    fn names_and_values_are_decoded() {
        let form = form("a=1+2&%62=%c3%a4%3D%26&c=d=e&&f&g=&resource=x&resource=");
        assert_eq!(form.get("a"), Some("1 2"));
        assert_eq!(form.get("b"), Some("ä=&"));
        assert_eq!(form.get("c"), Some("d=e"));
        assert_eq!(
            (form.get("f"), form.get("g"), form.get("h")),
            (None, None, None)
        );
        assert_eq!(form.resource().unwrap(), Some("x"));
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for text in [
            "a=%",
            "a=%4",
            "a=%zz",
            "%=a",
            "a=%ff",
            "a=1&a=2",
            "a=&a=",
            "a=1&%61=2",
            "a=%+1",
        ] {
            assert!(Form::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Form::parse(b"a=\xff").is_err());
        assert!(form("resource=a&resource=b").resource().is_err());
        let many: Vec<String> = (0..65).map(|n| format!("p{n}=1")).collect();
        assert!(Form::parse(many[..64].join("&").as_bytes()).is_ok());
        assert!(Form::parse(many.join("&").as_bytes()).is_err());
    }
}
