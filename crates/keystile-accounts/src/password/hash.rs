//! Stored password hashes of any format, parsed as hostile input: an import may bring anything.

use std::fmt;

use thiserror::Error;

use super::argon2id::{Argon2Cost, Argon2Hash};
use super::bcrypt::BcryptHash;

/// The longest encoded hash that is looked at.
const LONGEST: usize = 512;

/// What computing a hash costs: its family and parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cost {
    /// Argon2: id or i, memory, passes, lanes.
    Argon2(Argon2Cost),
    /// bcrypt: the binary logarithm of its rounds.
    Bcrypt(u8),
}

/// A hash that can be verified. Other families join as variants.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum StoredHash {
    Argon2(Argon2Hash),
    Bcrypt(BcryptHash),
}

/// Why a stored hash cannot be used. Never holds the hash.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum UnreadableHash {
    #[error("not a hash that is understood here: Argon2 in PHC form, or bcrypt ($2a$, $2b$, $2y$)")]
    Unknown,
    #[error("the hash is damaged: {0}")]
    Damaged(&'static str),
    #[error("the hash costs more than is accepted ({0}); have its owner set a new password")]
    TooCostly(&'static str),
}

impl StoredHash {
    pub(crate) fn parse(encoded: &str) -> Result<Self, UnreadableHash> {
        if encoded.len() > LONGEST || !encoded.is_ascii() {
            return Err(UnreadableHash::Unknown);
        }
        if encoded.starts_with("$argon2") {
            return Argon2Hash::parse(encoded).map(Self::Argon2);
        }
        if encoded.starts_with("$2") {
            return BcryptHash::parse(encoded).map(Self::Bcrypt);
        }
        Err(UnreadableHash::Unknown)
    }

    pub(crate) fn cost(&self) -> Cost {
        match self {
            Self::Argon2(hash) => Cost::Argon2(hash.cost),
            Self::Bcrypt(hash) => Cost::Bcrypt(hash.cost),
        }
    }

    /// A hash of this cost that no password has: what an unknown user's password is checked against.
    pub(crate) fn dummy(cost: Cost) -> Self {
        match cost {
            Cost::Argon2(cost) => Self::Argon2(Argon2Hash::dummy(cost)),
            Cost::Bcrypt(cost) => Self::Bcrypt(BcryptHash::dummy(cost)),
        }
    }
}

impl Cost {
    /// The `format` that the store counts: everything of a hash but its salt and digest.
    pub(crate) fn parse(format: &str) -> Option<Self> {
        if format.len() > LONGEST || !format.is_ascii() {
            return None;
        }
        if format.starts_with("$argon2") {
            let cost = Argon2Cost::parse(format)?;
            return cost.check().is_ok().then_some(Self::Argon2(cost));
        }
        super::bcrypt::parse_cost(format)
            .filter(|cost| super::bcrypt::COSTS.contains(cost))
            .map(Self::Bcrypt)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argon2(cost) => cost.fmt(f),
            Self::Bcrypt(cost) => write!(f, "$2b${cost:02}"),
        }
    }
}

impl fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredHash({}, redacted)", self.cost())
    }
}
