//! Small sets of strings, as claims hold them: audiences, scopes, roles.

use std::collections::HashSet;
use std::fmt;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

/// A set of few strings in the order in which they came; one string costs one allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Words {
    #[default]
    None,
    One(Box<str>),
    Many(Vec<Box<str>>),
}

impl Words {
    fn as_slice(&self) -> &[Box<str>] {
        match self {
            Self::None => &[],
            Self::One(word) => std::slice::from_ref(word),
            Self::Many(words) => words,
        }
    }

    fn insert(&mut self, word: &str) {
        if self.as_slice().iter().any(|known| &**known == word) {
            return;
        }
        *self = match std::mem::take(self) {
            Self::None => Self::One(word.into()),
            Self::One(first) => Self::Many(vec![first, word.into()]),
            Self::Many(mut words) => {
                words.push(word.into());
                Self::Many(words)
            }
        };
    }
}

/// Up to this many words are compared one by one. A token may bring thousands, even before its signature is checked where
/// several issuers are trusted: the rest are hashed, so that nobody makes us compare each with each.
const FEW: usize = 16;

impl<W: AsRef<str>> FromIterator<W> for Words {
    fn from_iter<I: IntoIterator<Item = W>>(words: I) -> Self {
        let mut set = Self::default();
        let mut words = words.into_iter();
        while set.as_slice().len() < FEW {
            let Some(word) = words.next() else {
                return set;
            };
            set.insert(word.as_ref());
        }
        let mut list = set.as_slice().to_vec();
        let mut seen: HashSet<Box<str>> = list.iter().cloned().collect();
        for word in words {
            let word = word.as_ref();
            if !seen.contains(word) {
                seen.insert(word.into());
                list.push(word.into());
            }
        }
        Self::Many(list)
    }
}

macro_rules! word_set {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, Eq)]
        pub struct $name(Words);

        impl $name {
            /// Whether `word` is in it, compared byte for byte.
            pub fn contains(&self, word: &str) -> bool {
                self.0.as_slice().iter().any(|known| &**known == word)
            }

            /// Each string, in the order in which it came.
            pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
                self.0.as_slice().iter().map(|word| &**word)
            }

            /// Whether there is none. An empty set is not written into a token.
            pub fn is_empty(&self) -> bool {
                self.0.as_slice().is_empty()
            }

            /// How many there are.
            pub fn len(&self) -> usize {
                self.0.as_slice().len()
            }

            /// Adds one; a second of the same changes nothing.
            pub fn insert(&mut self, word: &str) {
                self.0.insert(word);
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                Self(Words::One(word.into()))
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                Self(Words::One(word.into()))
            }
        }

        impl<W: AsRef<str>> FromIterator<W> for $name {
            fn from_iter<I: IntoIterator<Item = W>>(words: I) -> Self {
                Self(words.into_iter().collect())
            }
        }

        impl<W: AsRef<str>, const N: usize> From<[W; N]> for $name {
            fn from(words: [W; N]) -> Self {
                words.into_iter().collect()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_set().entries(self.iter()).finish()
            }
        }
    };
}

word_set! {
    /// Whom a token is meant for: `aud` (RFC 7519, section 4.1.3). Written as a string where there is one, as an array where there are more.
    Audience
}

word_set! {
    /// The caller's roles: `roles` (RFC 9068, section 2.2.3.1), an array of strings.
    Roles
}

impl Serialize for Audience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Words::One(word) => serializer.serialize_str(word),
            words => serialize_words(words.as_slice(), serializer),
        }
    }
}

impl Serialize for Roles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_words(self.0.as_slice(), serializer)
    }
}

fn serialize_words<S: Serializer>(words: &[Box<str>], serializer: S) -> Result<S::Ok, S::Error> {
    let mut array = serializer.serialize_seq(Some(words.len()))?;
    for word in words {
        array.serialize_element(&**word)?;
    }
    array.end()
}

/// What the token may be used for: `scope`, words separated by one space (RFC 8693, section 4.2).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Scope(Box<str>);

impl Scope {
    /// Whether `word` is in it, compared byte for byte.
    pub fn contains(&self, word: &str) -> bool {
        self.iter().any(|known| known == word)
    }

    /// Each word, in the order in which it came.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_ascii_whitespace()
    }

    /// Whether there is none. An empty scope is not written into a token.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The words, separated by one space.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Scope {
    /// From words separated by spaces, as the claim has them.
    fn from(words: &str) -> Self {
        Self(words.into())
    }
}

impl From<String> for Scope {
    fn from(words: String) -> Self {
        Self(words.into())
    }
}

impl<W: AsRef<str>> FromIterator<W> for Scope {
    fn from_iter<I: IntoIterator<Item = W>>(words: I) -> Self {
        let mut text = String::new();
        for word in words {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word.as_ref());
        }
        Self(text.into())
    }
}

impl<W: AsRef<str>, const N: usize> From<[W; N]> for Scope {
    fn from(words: [W; N]) -> Self {
        words.into_iter().collect()
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_keeps_each_string_once_and_in_order() {
        let roles: Roles = ["b", "a", "b"].into_iter().collect();
        assert_eq!(roles.iter().collect::<Vec<_>>(), ["b", "a"]);
        assert!(roles.contains("a") && !roles.contains("A") && !roles.contains(""));
        assert_eq!(Roles::default().len(), 0);
    }

    #[test]
    fn a_set_of_many_keeps_each_string_once_and_in_order_too() {
        let words = (0..1_000).flat_map(|n| [format!("w{n}"), format!("w{}", n / 2)]);
        let roles: Roles = words.collect();
        let expected: Vec<String> = (0..1_000).map(|n| format!("w{n}")).collect();
        assert!(roles.iter().eq(expected.iter().map(String::as_str)));
    }

    #[test]
    fn one_audience_is_a_string_and_two_are_an_array() {
        let text = |audience: Audience| serde_json::to_string(&audience).unwrap();
        assert_eq!(text("cakes".into()), r#""cakes""#);
        assert_eq!(text(["a", "b"].into()), r#"["a","b"]"#);
    }

    #[test]
    fn a_scope_is_found_as_a_whole_word_only() {
        let scope = Scope::from("cakes:read cakes:write");
        assert!(scope.contains("cakes:read"));
        assert!(!scope.contains("cakes") && !scope.contains("cakes:read cakes:write"));
        assert_eq!(Scope::from(["a", "b"]).as_str(), "a b");
        assert!(Scope::from("  ").is_empty());
    }
}
