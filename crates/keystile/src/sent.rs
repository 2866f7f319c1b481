//! A token as a request carries it.

use std::borrow::Cow;

use crate::{Reason, Refusal};

/// A token as a request carries it. One that is remembered is known by its bytes, so nobody reads a header's before they are
/// needed: to do it costs more than to find the token.
#[derive(Debug, PartialEq)]
pub(crate) enum Sent<'r> {
    Text(Cow<'r, str>),
    /// Of a header. Whether it is one token is told by [`text`](Self::text).
    #[cfg_attr(
        not(any(test, feature = "tower")),
        expect(dead_code, reason = "only requests have headers")
    )]
    Unread(&'r [u8]),
}

impl Sent<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Unread(bytes) => bytes,
        }
    }

    /// The token, or that the header holds no one token.
    pub(crate) fn text(&self) -> Result<&str, Refusal> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Unread(bytes) => {
                let text = is_one_token(bytes).then(|| std::str::from_utf8(bytes).ok());
                Ok(text.flatten().ok_or(Reason::AuthorizationMalformed)?)
            }
        }
    }
}

impl<'r> From<&'r str> for Sent<'r> {
    fn from(text: &'r str) -> Self {
        Self::Text(text.into())
    }
}

impl<'r> From<Cow<'r, str>> for Sent<'r> {
    fn from(text: Cow<'r, str>) -> Self {
        Self::Text(text)
    }
}

/// Whether it is visible ASCII throughout and no comma, which would make two of it.
fn is_one_token(bytes: &[u8]) -> bool {
    // To the end whatever is found on the way: so the compiler looks at many bytes at a time.
    let faults = bytes.iter().fold(0, |faults, byte| {
        faults | u8::from(!byte.is_ascii_graphic()) | u8::from(*byte == b',')
    });
    faults == 0 && !bytes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_one_token_or_malformed() {
        let text = |bytes| Sent::Unread(bytes).text().map(str::to_owned);
        assert_eq!(text(b"a.b-c_d~"), Ok("a.b-c_d~".to_owned()));
        let malformed = [
            &b""[..],
            b"a b",
            b"a,b",
            b"a\tb",
            b"\xc3\xa9",
            b"\xff",
            b"a\x7f",
        ];
        for bytes in malformed {
            assert_eq!(text(bytes), Err(Reason::AuthorizationMalformed.into()));
        }
    }
}
