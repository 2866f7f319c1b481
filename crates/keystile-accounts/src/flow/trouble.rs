//! What the store, the pool, the policy and the limits refuse, as each flow's own error. The one place that decides it.

use std::time::Duration;

use crate::error::{
    AdminError, BrokenRule, CallerError, ClientAuthError, Fault, RefreshError, RevokeError,
    SignInError, SignUpError,
};
use crate::limits::NotNow;
use crate::names::BadName;
use crate::password::{Broken, PoolError};
use crate::store::{Field, StoreError, WriteError};

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// What went wrong in a step that several flows share.
pub(super) enum Trouble {
    Busy {
        retry_after: Duration,
    },
    Limited {
        retry_after: Duration,
    },
    Invalid {
        field: &'static str,
        code: &'static str,
        message: String,
    },
    Taken {
        field: &'static str,
    },
    Stale,
    NotFound,
    Fault(Fault),
}

impl From<PoolError> for Trouble {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Busy { retry_after } => Self::Busy { retry_after },
            PoolError::Closed => Self::Fault(Fault::new("closed", "the accounts are closed")),
            PoolError::Failed => {
                Self::Fault(Fault::new("hash_failed", "a password could not be hashed"))
            }
        }
    }
}

impl From<NotNow> for Trouble {
    fn from(error: NotNow) -> Self {
        match error {
            NotNow::Limited { retry_after } => Self::Limited { retry_after },
            NotNow::Busy { retry_after } => Self::Busy { retry_after },
            NotNow::Store(error) => Self::Fault(error.into()),
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<WriteError> for Trouble {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Taken(field) => Self::Taken {
                field: field_name(field),
            },
            // A role that was lost raised the generation too.
            WriteError::Stale | WriteError::RoleMissing => Self::Stale,
            WriteError::NotFound => Self::NotFound,
            other => Self::Fault(other.into()),
        }
    }
}

impl Trouble {
    pub(super) fn name(field: &'static str) -> impl Fn(BadName) -> Self {
        move |bad| Self::Invalid {
            field,
            code: bad.code,
            message: bad.message,
        }
    }

    /// The rule that is broken, if that is the trouble.
    pub(super) fn broken_rule(self) -> Option<BrokenRule> {
        match self {
            Self::Invalid {
                field,
                code,
                message,
            } => Some(BrokenRule {
                field,
                code,
                message,
            }),
            _ => None,
        }
    }

    pub(super) fn invalid(field: &'static str, code: &'static str, message: &str) -> Self {
        Self::Invalid {
            field,
            code,
            message: message.to_owned(),
        }
    }
}

impl From<Broken> for Trouble {
    fn from(broken: Broken) -> Self {
        Self::Invalid {
            field: "password",
            code: broken.code,
            message: broken.message,
        }
    }
}

fn field_name(field: Field) -> &'static str {
    match field {
        Field::Id => "id",
        Field::Username => "username",
        Field::Email => "email",
        Field::KeyId => "key",
        Field::Session => "session",
        Field::Token => "token",
        Field::ClientName => "name",
    }
}

/// What a flow cannot answer with is a fault.
fn unexpected(what: &'static str) -> Fault {
    Fault::new(
        "store_conflict",
        format!("the store answered with what this flow does not have: {what}; try again"),
    )
}

impl From<Trouble> for SignUpError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Busy { retry_after } => Self::Busy { retry_after },
            Trouble::Invalid {
                field,
                code,
                message,
            } => Self::Invalid {
                field,
                code,
                message,
            },
            Trouble::Taken { field } => Self::Taken { field },
            Trouble::Fault(fault) => Self::Store(fault),
            Trouble::Limited { .. } => Self::Store(unexpected("a limit")),
            Trouble::Stale => Self::Store(unexpected("a stale caller")),
            Trouble::NotFound => Self::Store(unexpected("a missing row")),
        }
    }
}

impl From<Trouble> for SignInError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Busy { retry_after } => Self::Busy { retry_after },
            Trouble::Limited { retry_after } => Self::Limited { retry_after },
            Trouble::Fault(fault) => Self::Store(fault),
            Trouble::Stale | Trouble::NotFound => Self::WrongCredentials,
            Trouble::Invalid { .. } => Self::Store(unexpected("a broken rule")),
            Trouble::Taken { field } => Self::Store(unexpected(field)),
        }
    }
}

impl From<Trouble> for ClientAuthError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Limited { retry_after } | Trouble::Busy { retry_after } => {
                Self::Limited { retry_after }
            }
            Trouble::Fault(fault) => Self::Store(fault),
            _ => Self::Store(unexpected("what is not about a client's secret")),
        }
    }
}

impl From<Trouble> for RevokeError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Limited { retry_after } | Trouble::Busy { retry_after } => {
                Self::Limited { retry_after }
            }
            Trouble::Fault(fault) => Self::Store(fault),
            _ => Self::Store(unexpected("what is not about a count")),
        }
    }
}

impl From<WriteError> for RefreshError {
    fn from(error: WriteError) -> Self {
        Self::Store(error.into())
    }
}

impl From<Trouble> for CallerError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Busy { retry_after } => Self::Busy { retry_after },
            Trouble::Limited { retry_after } => Self::Limited { retry_after },
            Trouble::Invalid {
                field,
                code,
                message,
            } => Self::Invalid {
                field,
                code,
                message,
            },
            Trouble::Taken { field } => Self::Taken { field },
            Trouble::Stale => Self::Stale,
            Trouble::NotFound => Self::NotFound,
            Trouble::Fault(fault) => Self::Store(fault),
        }
    }
}

impl From<Trouble> for AdminError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Busy { retry_after } => Self::Busy { retry_after },
            Trouble::Invalid {
                field,
                code,
                message,
            } => Self::Invalid {
                field,
                code,
                message,
            },
            Trouble::Taken { field } => Self::Taken { field },
            Trouble::Stale => Self::Stale,
            Trouble::NotFound => Self::NotFound { what: "account" },
            Trouble::Fault(fault) => Self::Store(fault),
            Trouble::Limited { .. } => Self::Store(unexpected("a limit")),
        }
    }
}
