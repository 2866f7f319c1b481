//! A change of an e-mail address: what is left out stays, null removes it.

use keystile_accounts::Changes;
use serde::{Deserialize, Deserializer};

/// What a request says about the e-mail address.
#[derive(Debug, Default)]
pub(crate) enum EmailChange {
    /// The member is left out.
    #[default]
    Kept,
    /// It is null.
    Removed,
    /// It is the new address.
    Set(String),
}

impl EmailChange {
    /// Whether the request says anything.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self, Self::Kept)
    }

    /// Adds it to the other changes.
    pub(crate) fn apply(self, changes: Changes) -> Changes {
        match self {
            Self::Kept => changes,
            Self::Removed => changes.without_email(),
            Self::Set(address) => changes.email(address),
        }
    }
}

impl<'de> Deserialize<'de> for EmailChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let member = Option::<String>::deserialize(deserializer)?;
        Ok(member.map_or(Self::Removed, Self::Set))
    }
}
