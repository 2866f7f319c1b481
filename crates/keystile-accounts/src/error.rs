//! Why a request was refused: one enum per flow, each with a stable `code()` and a message that tells the cure.
//! No message holds a password, a token or a hash.

mod client;

use std::time::Duration;

use thiserror::Error;

use crate::store::StoreError;

pub(crate) use client::WrongResource;
pub use client::{ClientAuthError, GrantError, RevokeError};

/// The store or the machine failed, not the caller. Safe to log; not for the caller's eyes.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct Fault {
    code: &'static str,
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Fault {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn because(
        code: &'static str,
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            code,
            message: message.into(),
            source: Some(source.into()),
        }
    }

    /// A stable code: `store_busy`, `store_failed`, `issue_failed` and so on.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

/// Why `Accounts` could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database's URL is not one.
    #[error("{message}")]
    Url {
        /// What is wrong and what to write.
        message: String,
    },
    /// Two options contradict each other, or one is out of its bounds.
    #[error("{message}")]
    Option {
        /// The option, by the name of its builder method.
        option: &'static str,
        /// What is wrong and what to write.
        message: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Fault),
}

impl OpenError {
    pub(crate) fn url(error: StoreError) -> Self {
        match error {
            StoreError::Url(message) => Self::Url { message },
            other => Self::Store(other.into()),
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Url { .. } => "database_url_invalid",
            Self::Option { .. } => "option_invalid",
            Self::Store(fault) => fault.code(),
        }
    }
}

/// A rule that a field of a sign-up breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokenRule {
    /// `username`, `email`, `password` or `id`.
    pub field: &'static str,
    /// Which rule, as a stable code.
    pub code: &'static str,
    /// The rule, in words.
    pub message: String,
}

/// Why a sign-up was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignUpError {
    /// A field breaks a rule. [`Accounts::broken_rules`](crate::Accounts::broken_rules) tells all of them at once.
    #[error("{field}: {message}")]
    Invalid {
        /// `username`, `email`, `password` or `id`.
        field: &'static str,
        /// Which rule, as a stable code.
        code: &'static str,
        /// The rule, in words.
        message: String,
    },
    /// Another account has it.
    #[error("this {field} is taken; choose another")]
    Taken {
        /// `username`, `email` or `id`.
        field: &'static str,
    },
    /// More passwords wait to be hashed than can be served soon.
    #[error("too many passwords are being hashed just now; try again in {} s", whole_seconds(*.retry_after))]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Fault),
}

impl SignUpError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { code, .. } => code,
            Self::Taken { field } => taken_code(field),
            Self::Busy { .. } => "busy",
            Self::Store(fault) => fault.code(),
        }
    }
}

/// Why a sign-in was refused. A disabled account answers like a wrong password.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignInError {
    /// The session's client was not given this audience; without a client there is the issuer's own alone.
    #[error("the client was not given this resource; name one of its audiences")]
    ResourceRefused,
    /// The session's client has several audiences, none of them the issuer's own, and none was named.
    #[error("the client has several audiences; say which one as the resource")]
    ResourceNeeded,
    /// No such account, a wrong password, or a disabled account: never said which.
    #[error("the name or the password is wrong")]
    WrongCredentials,
    /// Too many wrong guesses.
    #[error("too many attempts; try again in {} s", whole_seconds(*.retry_after))]
    Limited {
        /// When to try again.
        retry_after: Duration,
    },
    /// More passwords wait to be checked than can be served soon.
    #[error("too many people are signing in just now; try again in {} s", whole_seconds(*.retry_after))]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Fault),
}

impl SignInError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ResourceRefused => "resource_refused",
            Self::ResourceNeeded => "resource_needed",
            Self::WrongCredentials => "credentials_wrong",
            Self::Limited { .. } => "limited",
            Self::Busy { .. } => "busy",
            Self::Store(fault) => fault.code(),
        }
    }
}

/// Why a refresh was refused. All but the last mean: sign in again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// Not the form of a refresh token (an access token, say).
    #[error("this is not a refresh token; send the one that starts with ksr_")]
    Malformed,
    /// Never issued here, or long forgotten.
    #[error("this refresh token is not known; sign in again")]
    Unknown,
    /// It was used before: the session has been ended, as somebody else may hold the token.
    #[error("this refresh token was already used; its session has been ended, sign in again")]
    Reused,
    /// Its session was ended: by a sign-out, a password change, a disabling.
    #[error("the session of this refresh token has ended; sign in again")]
    Ended,
    /// It was not used in time.
    #[error("this refresh token has expired; sign in again")]
    Expired,
    /// Its session was not used for longer than the idle limit.
    #[error("the session of this refresh token was idle for too long; sign in again")]
    ExpiredIdle,
    /// The sign-in is longer ago than the absolute limit.
    #[error("the session of this refresh token has reached its longest life; sign in again")]
    ExpiredAbsolute,
    /// The store failed; the token may be presented again.
    #[error(transparent)]
    Store(#[from] Fault),
}

impl RefreshError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "refresh_token_malformed",
            Self::Unknown => "refresh_token_unknown",
            Self::Reused => "refresh_token_reused",
            Self::Ended => "session_ended",
            Self::Expired => "refresh_token_expired",
            Self::ExpiredIdle => "session_expired_idle",
            Self::ExpiredAbsolute => "session_expired_absolute",
            Self::Store(fault) => fault.code(),
        }
    }
}

/// Why a caller's act on their own account was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CallerError {
    /// The session ended, or the token is older than the account's last change of password or roles.
    #[error(
        "the sign-in behind this request is no longer good; refresh the token or sign in again"
    )]
    Stale,
    /// The current password is wrong.
    #[error("the current password is wrong")]
    WrongPassword,
    /// The change needs the current password and none came.
    #[error("the current password is needed for this change")]
    PasswordNeeded,
    /// There is no such session.
    #[error("there is no such session")]
    NotFound,
    /// A field breaks a rule.
    #[error("{field}: {message}")]
    Invalid {
        /// `username`, `email` or `password`.
        field: &'static str,
        /// Which rule, as a stable code.
        code: &'static str,
        /// The rule, in words.
        message: String,
    },
    /// Another account has it.
    #[error("this {field} is taken; choose another")]
    Taken {
        /// `username` or `email`.
        field: &'static str,
    },
    /// Too many wrong guesses at the current password.
    #[error("too many attempts; try again in {} s", whole_seconds(*.retry_after))]
    Limited {
        /// When to try again.
        retry_after: Duration,
    },
    /// More passwords wait to be checked than can be served soon.
    #[error("too many passwords are being checked just now; try again in {} s", whole_seconds(*.retry_after))]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Fault),
}

impl CallerError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stale => "caller_stale",
            Self::WrongPassword => "password_wrong",
            Self::PasswordNeeded => "password_needed",
            Self::NotFound => "not_found",
            Self::Invalid { code, .. } => code,
            Self::Taken { field } => taken_code(field),
            Self::Limited { .. } => "limited",
            Self::Busy { .. } => "busy",
            Self::Store(fault) => fault.code(),
        }
    }
}

/// Why an administrator's act was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The administrator's session ended, their token is older than their account's last change, or they have
    /// lost the role.
    #[error(
        "the sign-in behind this request is no longer good; refresh the token or sign in again"
    )]
    Stale,
    /// There is no such account, session, key or client.
    #[error("there is no such {what}")]
    NotFound {
        /// `account`, `session`, `key` or `client`.
        what: &'static str,
    },
    /// A field breaks a rule.
    #[error("{field}: {message}")]
    Invalid {
        /// `username`, `email`, `password`, `password_hash`, `id`, `roles` or `key`; of a client `name`, `scopes` or
        /// `audiences`.
        field: &'static str,
        /// Which rule, as a stable code.
        code: &'static str,
        /// The rule, in words.
        message: String,
    },
    /// Another account has it.
    #[error("this {field} is taken; choose another")]
    Taken {
        /// `username`, `email`, `id`, `key`, or a client's `name`.
        field: &'static str,
    },
    /// More passwords wait to be hashed than can be served soon.
    #[error("too many passwords are being hashed just now; try again in {} s", whole_seconds(*.retry_after))]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Fault),
}

impl AdminError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stale => "caller_stale",
            Self::NotFound { .. } => "not_found",
            Self::Invalid { code, .. } => code,
            Self::Taken { field } => taken_code(field),
            Self::Busy { .. } => "busy",
            Self::Store(fault) => fault.code(),
        }
    }
}

fn taken_code(field: &str) -> &'static str {
    match field {
        "email" => "email_taken",
        "id" => "id_taken",
        "key" => "key_taken",
        "name" => "name_taken",
        _ => "username_taken",
    }
}

/// Rounded up, at least one: what `Retry-After` takes.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    let rounded = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    rounded.max(1)
}
