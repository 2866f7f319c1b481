//! Where a reader stands, as it travels: the id of a `current` event.

use std::fmt;

/// Longer ones are not ours.
const LONGEST: usize = 128;

/// A place in a history: everything below it has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position<'a> {
    pub(super) feed: &'a str,
    pub(super) whole_below: u64,
}

impl<'a> Position<'a> {
    /// From what a client sent, which may be anything. Only the one way of writing it is read.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let (feed, number) = text.split_once('.')?;
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let padded = number.len() > 1 && number.starts_with('0');
        if feed.is_empty() || !digits || padded {
            return None;
        }
        Some(Self {
            feed,
            whole_below: number.parse().ok()?,
        })
    }
}

impl fmt::Display for Position<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.feed, self.whole_below)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_way_of_writing_it_is_read() {
        let read = Position::read("a1-00000001.42").unwrap();
        assert_eq!((read.feed, read.whole_below), ("a1-00000001", 42));
        assert_eq!(Position::read("f.0").unwrap().whole_below, 0);
        let largest = format!("f.{}", u64::MAX);
        assert_eq!(Position::read(&largest).unwrap().whole_below, u64::MAX);
        let long = format!("{}.1", "f".repeat(LONGEST));
        for odd in [
            "",
            ".",
            "f",
            "f.",
            ".1",
            "f.01",
            "f.+1",
            "f.-1",
            "f. 1",
            "f.1 ",
            "f.1.2",
            "f.1e3",
            "f.x",
            "f.٣",
            "f.18446744073709551616",
            "f.1\0",
            &long,
        ] {
            assert_eq!(Position::read(odd), None, "{odd:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(feed in "[0-9a-f]{1,32}(-[0-9A-F]{8})?", whole_below: u64) {
            let position = Position { feed: &feed, whole_below };
            let text = position.to_string();
            prop_assert!(text.len() <= LONGEST && text.is_ascii());
            prop_assert_eq!(Position::read(&text), Some(position));
        }

        #[test]
        fn whatever_is_read_is_written_the_same(text in "\\PC{0,160}") {
            if let Some(position) = Position::read(&text) {
                prop_assert_eq!(position.to_string(), text);
            }
        }

        #[test]
        fn so_is_what_looks_like_one(text in "[0-9a-f.+ -]{0,40}") {
            if let Some(position) = Position::read(&text) {
                prop_assert_eq!(position.to_string(), text);
            }
        }
    }
}
