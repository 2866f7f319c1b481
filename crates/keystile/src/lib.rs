//! Guards the routes of an HTTP API.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod base64url;
mod basic;
mod claims;
mod clock;
mod guard;
mod header;
mod issue;
mod key;
mod key_set;
mod payload;
mod random;
mod reason;
mod remembered;
mod requirement;
mod revocation;
mod secret;
mod sets;
mod strict;
mod trust;
mod verify;

#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub mod axum;

#[cfg(feature = "axum")]
pub use self::axum::{GuardLayer, Principal, Rejection, Require};
pub use basic::BasicCredentials;
pub use claims::Claims;
pub use clock::{Clock, Timestamp};
pub use guard::Guard;
pub use issue::IssueError;
pub use key::{Algorithm, KeyError, KeyId, SigningKey, VerifyingKey};
pub use key_set::KeySet;
pub use random::Random;
pub use reason::{Reason, Refusal};
pub use requirement::{Any, Fresh, Requirement};
#[doc(hidden)]
pub use requirement::{require_role as __require_role, require_scope as __require_scope};
pub use revocation::{Revocations, WhenStale};
pub use secret::{OpaqueToken, Secret, TokenHash};
pub use sets::{Audience, Roles, Scope};
pub use trust::{Expected, SubjectRule, Trust};
pub use verify::{UnverifiedParts, Verified, Verifier, take_apart_unverified};
