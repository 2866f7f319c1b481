//! What an issuer says about itself: RFC 8414, and `OpenID` Connect Discovery 1.0.

use reqwest::Url;

use super::FollowError;
use super::address::shown;
use crate::strict::{self, KnownNames, Piece};

/// Where an issuer's document may be, in the order of asking.
pub(super) fn places(issuer: &Url) -> [Url; 2] {
    let path = issuer.path().trim_end_matches('/');
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    [
        // RFC 8414, section 3.1: between the host and the path.
        at(format!("/.well-known/oauth-authorization-server{path}")),
        // OpenID Connect Discovery 1.0, section 4: behind the path.
        at(format!("{path}/.well-known/openid-configuration")),
    ]
}

/// What is read of an issuer's document.
#[derive(Debug, Default)]
pub(super) struct Document {
    issuer: Option<String>,
    keys: Option<String>,
    pub(super) token: Option<String>,
    pub(super) introspection: Option<String>,
    /// Where the issuer tells what it revokes: a member of Keystile's own.
    pub(super) revocations: Option<String>,
}

impl Document {
    /// Reads the document found at `place`, which must be that of the issuer `configured`, letter by letter (RFC 8414,
    /// section 3.3).
    pub(super) fn read(
        document: &[u8],
        configured: &str,
        place: &Url,
    ) -> Result<Self, FollowError> {
        let mut read = Self::default();
        let taken = strict::read_object(document, |name, piece| read.take(name, piece));
        taken.map_err(|_| unreadable(place, "it is not one JSON object with each member once"))?;
        let issuer = read.issuer.as_deref();
        let issuer = issuer.ok_or_else(|| unreadable(place, "it has no text 'issuer'"))?;
        if issuer != configured {
            return Err(FollowError::IssuerDiffers {
                url: place.to_string(),
                configured: configured.to_owned(),
                found: shown(issuer),
            });
        }
        Ok(read)
    }

    fn take(&mut self, name: &str, piece: Piece<'_>) -> KnownNames {
        let members = [
            ("issuer", &mut self.issuer),
            ("jwks_uri", &mut self.keys),
            ("token_endpoint", &mut self.token),
            ("introspection_endpoint", &mut self.introspection),
            ("revocation_feed_uri", &mut self.revocations),
        ];
        let mut bit = 1;
        for (known, member) in members {
            if known == name {
                if let Piece::Text(text) = piece {
                    *member = Some(text.into_owned());
                }
                return bit;
            }
            bit <<= 1;
        }
        0
    }

    /// Where the keys are.
    pub(super) fn keys(self, place: &Url) -> Result<String, FollowError> {
        let missing = || unreadable(place, "it has no text 'jwks_uri'");
        self.keys.ok_or_else(missing)
    }
}

fn unreadable(place: &Url, what: &'static str) -> FollowError {
    FollowError::Unreadable {
        url: place.to_string(),
        what,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(document: &str) -> Result<String, FollowError> {
        let place = Url::parse("https://id.example/x").unwrap();
        Document::read(document.as_bytes(), "https://id.example", &place)?.keys(&place)
    }

    #[test]
    fn a_path_is_put_behind_the_one_and_before_the_other() {
        for (issuer, oauth, openid) in [
            (
                "https://id.example",
                "https://id.example/.well-known/oauth-authorization-server",
                "https://id.example/.well-known/openid-configuration",
            ),
            (
                "https://id.example/",
                "https://id.example/.well-known/oauth-authorization-server",
                "https://id.example/.well-known/openid-configuration",
            ),
            (
                "https://id.example:8443/a/b",
                "https://id.example:8443/.well-known/oauth-authorization-server/a/b",
                "https://id.example:8443/a/b/.well-known/openid-configuration",
            ),
            (
                "https://id.example/a%20b/",
                "https://id.example/.well-known/oauth-authorization-server/a%20b",
                "https://id.example/a%20b/.well-known/openid-configuration",
            ),
        ] {
            let places = places(&Url::parse(issuer).unwrap());
            assert_eq!(
                places.map(|place| place.to_string()),
                [oauth, openid],
                "{issuer}"
            );
        }
    }

    #[test]
    fn the_document_must_be_that_of_just_this_issuer() {
        let good = r#"{"issuer":"https://id.example","jwks_uri":"https://k.example/","x":[{}]}"#;
        assert_eq!(read(good).as_deref(), Ok("https://k.example/"));
        for found in [
            "https://id.example/",
            "https://ID.example",
            "http://id.example",
            "https://id.example.evil",
            "",
        ] {
            let refused = read(&format!(
                r#"{{"issuer":"{found}","jwks_uri":"https://k.example/"}}"#
            ));
            assert!(
                matches!(refused, Err(FollowError::IssuerDiffers { .. })),
                "{found}"
            );
        }
    }

    #[test]
    fn what_is_no_document_is_said_to_be_none() {
        for document in [
            "",
            "[]",
            "null",
            "<html>",
            "{}",
            r#"{"issuer":"https://id.example"}"#,
            r#"{"jwks_uri":"https://k.example/"}"#,
            r#"{"issuer":["https://id.example"],"jwks_uri":"https://k.example/"}"#,
            r#"{"issuer":"https://id.example","jwks_uri":null}"#,
            r#"{"issuer":"https://id.example","jwks_uri":"a","jwks_uri":"b"}"#,
            r#"{"issuer":"https://evil.example","issuer":"https://id.example","jwks_uri":"a"}"#,
            r#"{"issuer":"https://id.example","jwks_uri":"a"} x"#,
        ] {
            assert!(
                matches!(read(document), Err(FollowError::Unreadable { .. })),
                "{document}"
            );
        }
    }

    #[test]
    fn what_the_document_says_is_escaped_and_shortened_in_the_message() {
        let found = format!("https://id.example\\u001b[2J\\n{}", "x".repeat(10_000));
        let refused = read(&format!(r#"{{"issuer":"{found}","jwks_uri":"a"}}"#)).unwrap_err();
        let message = refused.to_string();
        assert!(
            message.len() < 1_000 && !message.contains(['\u{1b}', '\n']),
            "{message}"
        );
    }

    proptest! {
        #[test]
        fn nothing_panics(document: Vec<u8>) {
            let place = Url::parse("https://id.example/x").unwrap();
            let _ = Document::read(&document, "https://id.example", &place);
        }

        #[test]
        fn any_address_comes_through_as_it_is(address in "\\PC{0,64}") {
            let document = serde_json::json!({ "issuer": "https://id.example", "jwks_uri": address });
            prop_assert_eq!(read(&document.to_string()), Ok(address));
        }
    }
}
