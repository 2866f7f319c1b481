//! What is known of a token once it is trusted.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Algorithm, Claims, KeyId, Reason, Refusal};
#[cfg(feature = "remote")]
use crate::{entry::Entry, payload::Payload};

/// A token whose signature and claims hold.
#[derive(Clone)]
pub struct Verified {
    pub(super) claims: Claims,
    /// As the issuer knows them, where the subject was read from another claim.
    pub(super) as_issued: Option<Box<Claims>>,
    pub(super) payload: Vec<u8>,
    /// Of the key that verified it.
    pub(super) key: Option<(KeyId, Algorithm)>,
    /// The place of the entry that trusts it.
    pub(super) entry: usize,
    pub(super) legacy: bool,
}

impl Verified {
    /// What the token says.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The CSRF value that the token itself says, in the claim `csrf`, as Flask-JWT-Extended writes it. `None` where there is none, or
    /// no string. Compare it in constant time.
    pub fn csrf(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Marked {
            csrf: String,
        }
        self.extra::<Marked>().ok().map(|marked| marked.csrf)
    }

    /// Whether an issuer of the past issued it, one that is trusted by a [`LegacyTrust`](crate::LegacyTrust): for routes that take no such
    /// tokens, by a [`Requirement`](crate::Requirement) of their own.
    pub const fn is_legacy(&self) -> bool {
        self.legacy
    }

    /// The claims by which the issuer may have revoked it, where they are others than [`claims`](Self::claims).
    pub(crate) fn as_issued(&self) -> Option<&Claims> {
        self.as_issued.as_deref()
    }

    /// The application's own claims: `E` is read from the whole payload, so it may name registered claims too.
    ///
    /// Refused with `token_claim_malformed` if the payload does not fit `E`.
    pub fn extra<E: DeserializeOwned>(&self) -> Result<E, Refusal> {
        serde_json::from_slice(&self.payload).map_err(|_| Reason::TokenClaimMalformed.into())
    }

    /// What its issuer said of it when asked.
    #[cfg(feature = "remote")]
    pub(crate) fn introspected(read: Payload, json: Vec<u8>, (at, entry): (usize, &Entry)) -> Self {
        Self {
            claims: read.claims,
            as_issued: read.as_issued,
            payload: json,
            key: None,
            entry: at,
            legacy: entry.legacy.is_some(),
        }
    }

    /// The id of the key that verified it; `None` where no key did, since its issuer was asked.
    pub fn key_id(&self) -> Option<&KeyId> {
        self.key.as_ref().map(|(id, _)| id)
    }

    /// The algorithm of the key that verified it; `None` where no key did, since its issuer was asked.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.key.as_ref().map(|(_, algorithm)| *algorithm)
    }

    /// About how many bytes this takes in memory.
    pub(crate) fn weight(&self) -> usize {
        let twice = usize::from(self.as_issued.is_some());
        size_of::<Self>() + (2 + twice) * (self.payload.len() + 128)
    }
}

impl std::fmt::Debug for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verified")
            .field("claims", &self.claims)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
