//! Tokens and credentials as a test takes them apart and puts them together.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keystile::Reason;
use serde_json::Value;

/// The value of `Authorization` for a name and a password (RFC 7617).
pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// The `WWW-Authenticate` that names the reason of this code.
pub fn challenge(code: &str) -> String {
    let reason = Reason::ALL.iter().find(|reason| reason.code() == code);
    let reason = reason.unwrap_or_else(|| panic!("{code} is no reason"));
    match reason.oauth_error() {
        Some(error) => format!(
            r#"Bearer error="{error}", error_description="{}", reason="{code}""#,
            reason.describe()
        ),
        None => format!(r#"Bearer reason="{code}""#),
    }
}

/// The header (0) or the claims (1) of a token, decoded.
pub fn decoded(token: &str, part: usize) -> Value {
    let part = token.split('.').nth(part).expect("three parts");
    let json = URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&json).expect("JSON")
}

/// The token with one character changed in the middle of this part.
pub fn changed(token: &str, part: usize) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let place = parts[part].len() / 2;
    let other = if &parts[part][place..=place] == "A" {
        "B"
    } else {
        "A"
    };
    parts[part].replace_range(place..=place, other);
    parts.join(".")
}

/// A token that claims to need no signature.
pub fn unsigned(typ: &str, claims: &Value) -> String {
    let header = serde_json::json!({ "alg": "none", "typ": typ });
    let parts = [header.to_string(), claims.to_string()];
    let [header, claims] = parts.map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{header}.{claims}.")
}
