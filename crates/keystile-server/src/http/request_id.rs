//! The id that joins an answer, its problem and the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use keystile::Random;

/// Its header, on requests and answers.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Makes ids: a random part drawn at start, and a count. Unique, not secret.
#[derive(Debug, Clone)]
pub(crate) struct RequestIds(Arc<Sequence>);

#[derive(Debug)]
struct Sequence {
    start: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(random: &Random) -> Self {
        Self(Arc::new(Sequence {
            start: u64::from_be_bytes(random.bytes::<8>()),
            next: AtomicU64::new(0),
        }))
    }

    /// The client's id where it is sane, else one of ours.
    pub(crate) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        if let Some(given) = headers.get(X_REQUEST_ID).filter(|given| is_sane(given)) {
            return given.clone();
        }
        self.fresh()
    }

    /// An id of ours.
    pub(crate) fn fresh(&self) -> HeaderValue {
        let Sequence { start, next } = &*self.0;
        let count = next.fetch_add(1, Ordering::Relaxed);
        let text = format!("{start:016x}-{count:x}");
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
    }
}

/// At most 64 letters, digits, `-`, `_` and `.`: nothing that a log or a shell could misread.
fn is_sane(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    (1..=64).contains(&bytes.len())
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(given: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(
            X_REQUEST_ID,
            HeaderValue::from_bytes(given.as_bytes()).unwrap(),
        );
        RequestIds::new(&Random::seeded(1))
            .of(&headers)
            .to_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn a_sane_id_is_kept_and_no_other() {
        assert_eq!(id_for("abc-123_X.y"), "abc-123_X.y");
        for odd in ["", "a b", "a\"b", "é", &"a".repeat(65)] {
            assert_ne!(id_for(odd), odd);
        }
    }

    #[test]
    fn ids_differ() {
        let ids = RequestIds::new(&Random::seeded(1));
        assert_ne!(ids.of(&HeaderMap::new()), ids.of(&HeaderMap::new()));
    }
}
