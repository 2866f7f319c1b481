//! Whom a verifier trusts, stated entry by entry.

use std::sync::Arc;

use crate::entry::{Keys, Source};
use crate::{KeyFile, KeySet, VerifyingKey};

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
///
/// What else is to hold for this issuer alone (algorithms, leeway, where its roles stand) is said of the [`Trusted`](crate::Trusted)
/// that it becomes.
#[derive(Clone, Debug)]
pub struct Trust<Keys = KeySet> {
    /// What `iss` must be.
    pub issuer: Expected,
    /// What `aud` must contain.
    pub audience: Expected,
    /// What the header's `typ` must be: compared in any case, `application/` before it or not.
    pub token_type: Expected,
    /// The issuer's keys: a [`KeySet`], or whatever else is a [`KeySource`]. No other entry's tokens are verified with them.
    pub keys: Keys,
}

/// Where the keys of a [`Trust`] come from: given once ([`KeySet`], [`VerifyingKey`]), or read again from a [`KeyFile`];
/// with the feature `remote`, those that an `Issuer` publishes.
#[derive(Clone, Debug)]
pub struct KeySource {
    pub(crate) keys: Arc<Keys>,
    pub(crate) source: Source,
}

impl From<KeySet> for KeySource {
    fn from(keys: KeySet) -> Self {
        Self {
            keys: Arc::new(Keys::new(keys)),
            source: Source::Given,
        }
    }
}

impl From<VerifyingKey> for KeySource {
    fn from(key: VerifyingKey) -> Self {
        KeySet::from(key).into()
    }
}

impl From<&KeyFile> for KeySource {
    fn from(file: &KeyFile) -> Self {
        Self {
            keys: Arc::clone(file.shared_keys()),
            source: Source::File(file.clone()),
        }
    }
}

impl From<KeyFile> for KeySource {
    fn from(file: KeyFile) -> Self {
        Self::from(&file)
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

/// Whether a token must say when it expires, in `exp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpiryRule {
    /// It must.
    #[default]
    Required,
    /// One without `exp` passes too, and never expires: [`Claims::exp`](crate::Claims::exp) is then
    /// [`Claims::NEVER`](crate::Claims::NEVER). Nothing but a revocation or another key ends such a token.
    Optional,
}
