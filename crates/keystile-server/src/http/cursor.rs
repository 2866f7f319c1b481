//! Cursors of pages: signed, so that no one writes one.

use std::sync::Arc;
use std::time::Duration;

use keystile::{Claims, Clock, Expected, KeySet, SigningKey, Trust, Verifier};

use super::problem::Problem;

/// How long a cursor may be followed.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The `typ` of a cursor: it can never be taken for an access token.
const TYPE: &str = "keystile-cursor+jwt";

/// Writes and reads cursors under a secret of the database: one that any node wrote is good at each, also after a restart.
#[derive(Debug, Clone)]
pub(crate) struct Cursors(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    key: SigningKey,
    verifier: Verifier,
    clock: Clock,
}

impl Cursors {
    pub(crate) fn new(secret: [u8; 32], clock: Clock) -> Self {
        // Thirty-two bytes are always long enough for HS256; `None` could only mean that no cursor is given out.
        let inner = SigningKey::hs256(secret).ok().map(|key| {
            let verifier = Verifier::new(Trust {
                issuer: Expected::Unchecked,
                audience: Expected::Unchecked,
                token_type: TYPE.into(),
                keys: KeySet::new([key.verifying_key().clone()]),
            })
            .clock(clock.clone());
            Arc::new(Inner {
                key,
                verifier,
                clock,
            })
        });
        Self(inner)
    }

    /// A cursor that continues after `place`, a number of the list's own.
    pub(crate) fn write(&self, place: i64) -> Option<String> {
        let inner = self.0.as_ref()?;
        let expires = inner.clock.now().saturating_add(LIFETIME);
        inner
            .key
            .issue_as(TYPE, &Claims::new(place.to_string(), expires.as_seconds()))
            .ok()
    }

    /// The place after which a cursor continues.
    pub(crate) fn read(&self, cursor: &str) -> Result<i64, Problem> {
        let verified = self
            .0
            .as_ref()
            .and_then(|inner| inner.verifier.verify(cursor).ok());
        verified.and_then(|verified| verified.claims().sub.parse().ok()).ok_or_else(|| {
            let detail = "This cursor is not one of this server's, or it is too old. Start again without a cursor.";
            Problem::bad_request("cursor_invalid", detail).member("cursor")
        })
    }
}

#[cfg(test)]
mod tests {
    use keystile::Timestamp;

    use super::*;

    #[test]
    fn a_cursor_reads_back_and_no_other_text_does() {
        let clock = Clock::manual(Timestamp::from_seconds(1_000));
        let cursors = Cursors::new([1; 32], clock.clone());
        let cursor = cursors.write(7).unwrap();
        assert_eq!(cursors.read(&cursor).unwrap(), 7);
        assert!(Cursors::new([2; 32], clock.clone()).read(&cursor).is_err());
        assert!(cursors.read("7").is_err());
        clock.advance(LIFETIME + Duration::from_secs(1));
        assert!(cursors.read(&cursor).is_err());
    }
}
