//! Whom a verifier trusts, stated entry by entry.

use crate::KeySet;
use crate::entry::Entry;

/// What a member of a token must be. There is no default: each entry says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// This and nothing else. For `aud`: the token's audiences contain it.
    Exactly(String),
    /// One of these. For `aud`: the token's audiences contain one of them.
    AnyOf(Vec<String>),
    /// It must not be there at all.
    Absent,
    /// Anything, or nothing. Say why beside it.
    Unchecked,
}

impl Expected {
    /// Whether a value, or its absence, is as expected. `same` compares two values.
    pub(crate) fn accepts(&self, value: Option<&str>, same: impl Fn(&str, &str) -> bool) -> bool {
        match (self, value) {
            (Self::Unchecked, _) | (Self::Absent, None) => true,
            (Self::Exactly(one), Some(value)) => same(one, value),
            (Self::AnyOf(some), Some(value)) => some.iter().any(|one| same(one, value)),
            (Self::Absent, Some(_)) | (Self::Exactly(_) | Self::AnyOf(_), None) => false,
        }
    }

    /// Whether a value must be there.
    pub(crate) const fn is_required(&self) -> bool {
        matches!(self, Self::Exactly(_) | Self::AnyOf(_))
    }
}

impl From<&str> for Expected {
    fn from(value: &str) -> Self {
        Self::Exactly(value.to_owned())
    }
}

impl From<String> for Expected {
    fn from(value: String) -> Self {
        Self::Exactly(value)
    }
}

/// One issuer: what its tokens must say, and its keys. Written as a struct literal, so that nothing is left unsaid.
///
/// ```
/// use keystile::{Expected, KeySet, Random, SigningKey, Algorithm, Trust};
///
/// # let key = SigningKey::generate(Algorithm::Es256, &Random::system())?;
/// let trust = Trust {
///     issuer: "https://id.example".into(),
///     audience: "https://cakes.example".into(),
///     token_type: "at+jwt".into(),
///     keys: KeySet::from(key.verifying_key().clone()),
/// };
/// # Ok::<(), keystile::KeyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Trust {
    /// What `iss` must be.
    pub issuer: Expected,
    /// What `aud` must contain.
    pub audience: Expected,
    /// What the header's `typ` must be: compared in any case, `application/` before it or not.
    pub token_type: Expected,
    /// The issuer's keys. No other entry's tokens are verified with them.
    pub keys: KeySet,
}

/// Whom a [`Verifier`](crate::Verifier) trusts: made of a [`Trust`], whose keys are given, or, with the feature `remote`, of
/// an `Issuer`, whose keys are followed.
#[derive(Clone, Debug)]
pub struct Trusted(pub(crate) Entry);

impl From<Trust> for Trusted {
    fn from(trust: Trust) -> Self {
        Self(trust.into())
    }
}

/// What the subject, `sub`, must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubjectRule {
    /// A string that is not empty.
    #[default]
    Required,
    /// As `Required`, or a JSON integer, as older issuers write it; it is read as its decimal text.
    Integer,
    /// A string or a JSON integer or nothing; without one, [`Claims::sub`](crate::Claims::sub) is empty.
    Unchecked,
}
