//! The names of an object's members: none may occur twice.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use crate::Reason;

/// The name of a member, borrowed where it has no escapes.
pub(super) struct Name<'a>(pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }

            fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }

        reader.deserialize_str(NameVisitor)
    }
}

pub(super) fn twice<E: Error>(fault: &Cell<Reason>) -> E {
    fault.set(Reason::TokenMemberDuplicate);
    E::custom("a member occurs twice")
}

/// Names are few: they are compared one by one up to this many, and hashed beyond it.
const FEW: usize = 20;

/// The names of an object's members so far.
#[derive(Default)]
pub(super) struct Names<'a> {
    few: Vec<Cow<'a, str>>,
    many: HashSet<Cow<'a, str>>,
    /// One bit for each name's length and outer letters: a name whose bit is not set is new without a search.
    seen: u64,
}

impl<'a> Names<'a> {
    /// Refuses a name that was there before.
    pub(super) fn add<E: Error>(
        &mut self,
        name: Cow<'a, str>,
        fault: &Cell<Reason>,
    ) -> Result<(), E> {
        let bit = 1 << Self::trait_of(&name);
        if self.seen & bit != 0 && (self.few.contains(&name) || self.many.contains(&name)) {
            return Err(twice(fault));
        }
        if self.few.len() < FEW {
            self.few.push(name);
        } else {
            self.many.insert(name);
        }
        self.seen |= bit;
        Ok(())
    }

    /// 0 to 63, the same for the same name.
    fn trait_of(name: &str) -> usize {
        let [.., last] = name.as_bytes() else {
            return 0;
        };
        let first = name.as_bytes()[0];
        (name.len() * 5 + usize::from(first) * 3 + usize::from(*last)) % 64
    }
}
