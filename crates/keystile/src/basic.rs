//! The Basic scheme (RFC 7617): a name and a password in the `Authorization` header.

use std::fmt;

use base64_simd::STANDARD;
use zeroize::{Zeroize, Zeroizing};

/// A name and a password, as `Authorization: Basic …` carries them. `Debug` shows neither password nor name.
///
/// With the feature `axum`, `Option<BasicCredentials>` is an extractor: `None` where the header is absent, names another
/// scheme, is malformed or comes twice.
pub struct BasicCredentials {
    username: String,
    password: Zeroizing<String>,
}

impl BasicCredentials {
    /// Reads the header's value. The scheme matches in any case; the name ends at the first colon.
    ///
    /// `None` for another scheme, for bytes that are not Base64 or not UTF-8, and for control characters (RFC 7617,
    /// section 2, forbids them).
    pub fn parse(authorization: &str) -> Option<Self> {
        let (scheme, encoded) = authorization.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = STANDARD.decode_to_vec(encoded.trim_matches(' ')).ok()?;
        let mut text = match String::from_utf8(decoded) {
            Ok(text) => Zeroizing::new(text),
            Err(error) => {
                error.into_bytes().zeroize();
                return None;
            }
        };
        if text.chars().any(char::is_control) {
            return None;
        }
        let colon = text.find(':')?;
        let password = Zeroizing::new(text[colon + 1..].to_owned());
        let username = text[..colon].to_owned();
        text.zeroize();
        Some(Self { username, password })
    }

    /// The name, as it was sent. It may be empty.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The password, as it was sent. It may be empty.
    pub fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for BasicCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BasicCredentials(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::BasicCredentials;

    #[test]
    fn reads_what_rfc_7617_sends_and_nothing_else() {
        let read = |header: &str| {
            BasicCredentials::parse(header)
                .map(|it| (it.username().to_owned(), it.password().to_owned()))
        };
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        // RFC 7617, sections 2 and 2.1.
        assert_eq!(
            read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            pair("Aladdin", "open sesame")
        );
        assert_eq!(read("bAsIc dGVzdDoxMjPCow=="), pair("test", "123£"));
        assert_eq!(
            read("Basic   YTpiOmM= "),
            pair("a", "b:c"),
            "the password may hold a colon"
        );
        assert_eq!(read("Basic Og=="), pair("", ""));
        for refused in [
            "",
            "Basic",
            "Basic ",
            "Bearer YTpi",
            "BasicYTpi",
            "Basic YWI=",
            "Basic YTpi!",
            "Basic YTpi YTpi",
            "Basic /zr/",
            "Basic YTpiAA==",
            "Basic YQo6Yg==",
        ] {
            assert_eq!(read(refused), None, "{refused}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let credentials = BasicCredentials::parse("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(
            format!("{credentials:?}"),
            "Some(BasicCredentials(redacted))"
        );
    }
}
