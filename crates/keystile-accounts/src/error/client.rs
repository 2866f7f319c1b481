//! Why a client was refused.

use std::time::Duration;

use thiserror::Error;

use super::{Fault, RefreshError, SignInError, whole_seconds};

/// Why a client was not believed to be who it says.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientAuthError {
    /// No such client, or a wrong secret: never said which.
    #[error("the client's id or its secret is wrong")]
    WrongCredentials,
    /// Too many wrong secrets from this address, and this one is wrong too.
    #[error("too many attempts; try again in {} s", whole_seconds(*.retry_after))]
    Limited {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Fault),
}

impl ClientAuthError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongCredentials => "client_wrong",
            Self::Limited { .. } => "limited",
            Self::Store(fault) => fault.code(),
        }
    }
}

/// Why a token cannot be for an audience.
#[derive(Debug)]
pub(crate) enum WrongResource {
    Refused,
    Needed,
}

impl From<WrongResource> for GrantError {
    fn from(wrong: WrongResource) -> Self {
        match wrong {
            WrongResource::Refused => Self::ResourceRefused,
            WrongResource::Needed => Self::ResourceNeeded,
        }
    }
}

impl From<WrongResource> for SignInError {
    fn from(wrong: WrongResource) -> Self {
        match wrong {
            WrongResource::Refused => Self::ResourceRefused,
            WrongResource::Needed => Self::ResourceNeeded,
        }
    }
}

/// Why a client got no token.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GrantError {
    /// It asked for a scope that it does not have.
    #[error("the client does not have every scope that it asks for")]
    ScopeRefused,
    /// It asked for an audience that it was not given.
    #[error("the client was not given this resource; name one of its audiences")]
    ResourceRefused,
    /// It has several audiences, none of them the issuer's own, and did not say which.
    #[error("the client has several audiences; say which one as the resource")]
    ResourceNeeded,
    /// The refresh token was refused.
    #[error(transparent)]
    Refresh(RefreshError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Fault),
}

impl GrantError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ScopeRefused => "scope_refused",
            Self::ResourceRefused => "resource_refused",
            Self::ResourceNeeded => "resource_needed",
            Self::Refresh(error) => error.code(),
            Self::Store(fault) => fault.code(),
        }
    }
}

/// Why a client's token was not revoked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// It is good, and was not given to this client.
    #[error("this token was not given to this client")]
    NotYours,
    /// The client has revoked more tokens than guards can be told of.
    #[error("the client revokes too many tokens; try again in {} s", whole_seconds(*.retry_after))]
    Limited {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Fault),
}

impl RevokeError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotYours => "token_of_another",
            Self::Limited { .. } => "limited",
            Self::Store(fault) => fault.code(),
        }
    }
}
