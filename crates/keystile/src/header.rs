//! The JOSE header (RFC 7515, section 4).

use std::cell::Cell;

use serde::Serialize;

use crate::strict::{self, Piece};
use crate::{Algorithm, KeyId, Reason, base64url};

/// `typ` of an access token (RFC 9068, section 2.1).
pub(crate) const ACCESS_TOKEN: &str = "at+jwt";

/// The header that this crate writes, encoded.
pub(crate) fn encode(algorithm: Algorithm, typ: &str, id: &KeyId) -> String {
    #[derive(Serialize)]
    struct Written<'a> {
        alg: &'a str,
        typ: &'a str,
        kid: &'a str,
    }
    let header = Written {
        alg: algorithm.as_str(),
        typ,
        kid: id.as_str(),
    };
    // A struct of three strings always serialises.
    let json = serde_json::to_vec(&header).unwrap_or_default();
    base64url::encode(&json)
}

/// What of a header decides. `jwk`, `jku`, `x5u` and `x5c` are passed over: no key is ever taken from a token (RFC 8725, section 3.10).
#[derive(Debug, Default)]
pub(crate) struct Header {
    pub(crate) algorithm: String,
    pub(crate) typ: Option<String>,
    pub(crate) kid: Option<String>,
}

/// Reads an encoded header strictly.
pub(crate) fn decode(part: &[u8]) -> Result<Header, Reason> {
    let json = base64url::decode(part).ok_or(Reason::TokenMalformed)?;
    let mut header = Header::default();
    let fault = Cell::new(None);
    let mut seen_algorithm = false;
    strict::read_object(&json, |name, piece| {
        match (name, piece) {
            ("alg", Piece::Text(text)) => {
                seen_algorithm = true;
                header.algorithm = text.into_owned();
            }
            ("typ", Piece::Text(text)) => header.typ = Some(text.into_owned()),
            ("kid", Piece::Text(text)) => header.kid = Some(text.into_owned()),
            ("crit" | "b64" | "zip", _) => fault.set(Some(Reason::TokenCriticalRefused)),
            ("alg" | "typ" | "kid", _) => {
                fault.set(fault.get().or(Some(Reason::TokenMalformed)));
            }
            (name, piece) if !is_of_its_type(name, &piece) => {
                fault.set(fault.get().or(Some(Reason::TokenMalformed)));
            }
            _ => {}
        }
        0
    })?;
    match fault.get() {
        Some(reason) => Err(reason),
        None if seen_algorithm => Ok(header),
        None => Err(Reason::TokenMalformed),
    }
}

/// Whether a registered member that decides nothing here is at least what its RFC says: text (RFC 7515, section 4.1; RFC 8555,
/// section 6), of certificates a list of texts. What `jwk` is nobody looks at.
fn is_of_its_type(name: &str, piece: &Piece<'_>) -> bool {
    match name {
        "jku" | "x5u" | "x5t" | "x5t#S256" | "cty" | "enc" | "nonce" | "url" => {
            matches!(piece, Piece::Text(_))
        }
        "x5c" => matches!(piece, Piece::Texts(_)),
        _ => true,
    }
}

/// Whether two `typ` values name the same type: in any case, with or without `application/` (RFC 7515, section 4.1.9).
pub(crate) fn same_type(one: &str, other: &str) -> bool {
    one == other || bare(one).eq_ignore_ascii_case(bare(other))
}

fn bare(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => typ,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Header, Reason> {
        decode(base64url::encode(json.as_bytes()).as_bytes())
    }

    #[test]
    fn embedded_keys_are_passed_over() {
        let header = read(
            r#"{"alg":"ES256","jwk":{"kty":"oct","k":"AA"},"jku":"http://evil/","x5u":"http://evil/","x5c":["AA"],"kid":"a"}"#,
        )
        .unwrap();
        assert_eq!(header.kid.as_deref(), Some("a"));
    }

    #[test]
    fn extensions_are_refused_wherever_they_stand() {
        for json in [
            r#"{"alg":"ES256","crit":["exp"]}"#,
            r#"{"crit":[],"alg":"ES256"}"#,
            r#"{"alg":"ES256","b64":false}"#,
            r#"{"alg":"ES256","b64":true}"#,
            r#"{"zip":"DEF","alg":"ES256"}"#,
            r#"{"zip":null,"alg":"ES256"}"#,
        ] {
            assert_eq!(
                read(json).unwrap_err(),
                Reason::TokenCriticalRefused,
                "{json}"
            );
        }
    }

    #[test]
    fn a_header_of_the_wrong_shape_is_malformed() {
        for json in [
            "",
            "{}",
            "[]",
            "null",
            "1",
            "\"alg\"",
            r#"{"alg":1}"#,
            r#"{"alg":null}"#,
            r#"{"alg":["ES256"]}"#,
            r#"{"alg":"ES256","kid":1}"#,
            r#"{"alg":"ES256","typ":[]}"#,
            r#"{"alg":"ES256","jku":["http://evil/"]}"#,
            r#"{"alg":"ES256","x5u":null}"#,
            r#"{"alg":"ES256","x5c":"AA"}"#,
            r#"{"alg":"ES256","x5t#S256":1}"#,
            r#"{"alg":"ES256","cty":{}}"#,
            r#"{"alg":"ES256","nonce":7}"#,
            r#"{"alg":"ES256"} x"#,
            r#"{"alg":"ES256",}"#,
        ] {
            assert_eq!(read(json).unwrap_err(), Reason::TokenMalformed, "{json}");
        }
        assert_eq!(
            read(r#"{"alg":"ES256","alg":"none"}"#).unwrap_err(),
            Reason::TokenMemberDuplicate
        );
        assert_eq!(
            read(r#"{"alg":"ES256","\u0061lg":"none"}"#).unwrap_err(),
            Reason::TokenMemberDuplicate
        );
    }

    #[test]
    fn types_agree_in_any_case_and_with_the_prefix() {
        assert!(same_type("at+jwt", "AT+JWT"));
        assert!(same_type("application/at+jwt", "at+jwt"));
        assert!(same_type("Application/AT+jwt", "application/at+jwt"));
        assert!(!same_type("application/x/at+jwt", "x/at+jwt"));
        assert!(!same_type("at+jwt", "jwt") && !same_type("", "at+jwt"));
    }
}
