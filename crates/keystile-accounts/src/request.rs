//! What callers ask for. Passwords inside are wiped from memory when the request is dropped and never shown by `Debug`.

mod sign_in;

use std::fmt;
use std::net::IpAddr;

use keystile::Claims;
use zeroize::Zeroizing;

use crate::answer::{AccountId, RefreshToken, SessionId};

pub(crate) use sign_in::Identifier;
pub use sign_in::SignIn;

/// A password as it was typed: wiped on drop, redacted in `Debug`.
#[derive(Clone, Default)]
pub(crate) struct Password(Zeroizing<String>);

impl Password {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A new account with a password, as a person makes it. At least a username or an e-mail address.
#[derive(Clone, Debug, Default)]
pub struct SignUp {
    pub(crate) id: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) password: Password,
}

impl SignUp {
    /// Starts with a username: no `@`, ASCII letters, digits and `._-` unless the builder says otherwise.
    pub fn username(username: impl Into<String>) -> Self {
        Self {
            username: Some(username.into()),
            ..Self::default()
        }
    }

    /// Starts without a username: the e-mail address alone names the account.
    pub fn with_email(email: impl Into<String>) -> Self {
        Self {
            email: Some(email.into()),
            ..Self::default()
        }
    }

    /// The e-mail address: kept as written, compared in lower case.
    #[must_use]
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// An id that the application has chosen: that of a row of its own, say, which it wrote before it asked for the
    /// account. 1 to 64 characters of `A-Za-z0-9._-`; never take it from the person who signs up.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The password, checked against the policy.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Password::new(password);
        self
    }
}

/// An account made by an administrator, a command or an import: it may have roles, an id of its own, and
/// a foreign password hash in place of a password.
#[derive(Clone, Default)]
pub struct NewAccount {
    pub(crate) id: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) secret: NewSecret,
    pub(crate) roles: Vec<String>,
    pub(crate) imported: bool,
}

/// What will prove who owns a new account.
#[derive(Clone, Default)]
pub(crate) enum NewSecret {
    /// Nobody can sign in until a password is set.
    #[default]
    None,
    Password(Password),
    Hash(Zeroizing<String>),
}

impl NewAccount {
    /// Starts with a username.
    pub fn username(username: impl Into<String>) -> Self {
        Self {
            username: Some(username.into()),
            ..Self::default()
        }
    }

    /// Starts without a username: the e-mail address alone names the account.
    pub fn with_email(email: impl Into<String>) -> Self {
        Self {
            email: Some(email.into()),
            ..Self::default()
        }
    }

    /// The e-mail address: kept as written, compared in lower case.
    #[must_use]
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// An id of its own (an import keeps the ids that other tables point at). 1 to 64 characters of `A-Za-z0-9._-`.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The password, checked against the policy.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.secret = NewSecret::Password(Password::new(password));
        self
    }

    /// A stored hash from another system, in place of a password: Argon2 in PHC form, or bcrypt
    /// (`$2a$`, `$2b$`, `$2y$`). It signs its owner in, and is replaced by Argon2id then.
    #[must_use]
    pub fn password_hash(mut self, hash: impl Into<String>) -> Self {
        self.secret = NewSecret::Hash(Zeroizing::new(hash.into()));
        self
    }

    /// The account's roles.
    #[must_use]
    pub fn roles<R: Into<String>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }
}

impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAccount")
            .field("id", &self.id)
            .field("username", &self.username)
            .field("email", &self.email)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

/// A refresh token that is presented.
#[derive(Clone)]
pub struct Refresh {
    pub(crate) token: Zeroizing<String>,
    pub(crate) from: Option<IpAddr>,
}

impl Refresh {
    /// By the token that came with the last sign-in or refresh.
    pub fn token(token: impl Into<String>) -> Self {
        Self {
            token: Zeroizing::new(token.into()),
            from: None,
        }
    }

    /// The network address that asks.
    #[must_use]
    pub fn from(mut self, address: IpAddr) -> Self {
        self.from = Some(address);
        self
    }
}

impl From<&str> for Refresh {
    fn from(token: &str) -> Self {
        Self::token(token)
    }
}

impl From<&String> for Refresh {
    fn from(token: &String) -> Self {
        Self::token(token)
    }
}

impl From<&RefreshToken> for Refresh {
    fn from(token: &RefreshToken) -> Self {
        Self::token(token.expose())
    }
}

impl fmt::Debug for Refresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refresh")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

/// Who acts, taken from verified claims. Every write checks again, in its own transaction, that the session
/// lives and that nothing has raised the account's generation since the token was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account that acts.
    pub account_id: AccountId,
    /// The session that its token belongs to.
    pub session_id: SessionId,
    /// The account's generation when the token was issued.
    pub generation: u64,
    /// The network address that asks, for the limits on guessing.
    pub from: Option<IpAddr>,
}

impl Caller {
    /// From verified claims. `None` if they carry no `sid` or no `gen`, that is: if this engine did not issue them.
    pub fn from_claims<E>(claims: &Claims<E>) -> Option<Self> {
        Some(Self {
            account_id: AccountId::from(claims.sub.clone()),
            session_id: SessionId::from(claims.sid.clone()?),
            generation: claims.generation?,
            from: None,
        })
    }

    /// The network address that asks.
    #[must_use]
    pub fn from(mut self, address: IpAddr) -> Self {
        self.from = Some(address);
        self
    }
}

/// What an owner changes about their account.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub(crate) username: Option<String>,
    #[expect(clippy::option_option, reason = "left as it is, removed, replaced")]
    pub(crate) email: Option<Option<String>>,
    pub(crate) current_password: Option<Password>,
}

impl Changes {
    /// No change yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new username. Needs the current password.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// A new e-mail address. Needs the current password.
    #[must_use]
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(Some(email.into()));
        self
    }

    /// Removes the e-mail address (the account must have a username). Needs the current password.
    #[must_use]
    pub fn without_email(mut self) -> Self {
        self.email = Some(None);
        self
    }

    /// The current password.
    #[must_use]
    pub fn current_password(mut self, password: impl Into<String>) -> Self {
        self.current_password = Some(Password::new(password));
        self
    }
}

/// Which sessions a sign-out ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// The session that asks.
    #[default]
    This,
    /// Every other one.
    Others,
    /// All of them, this one too; access tokens of every session are revoked.
    All,
}

/// Which accounts a page lists.
#[derive(Clone, Debug, Default)]
pub struct AccountFilter {
    /// Only accounts whose username or e-mail address starts with this.
    pub starts_with: Option<String>,
    /// Only accounts that have this role.
    pub role: Option<String>,
    /// Only disabled ones (`true`) or only enabled ones (`false`).
    pub disabled: Option<bool>,
}

/// When a new key begins to sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begin {
    /// As soon as everybody who verifies tokens can have it: no good token is refused.
    #[default]
    WhenDue,
    /// At once: whoever keeps an older key set refuses its tokens until they look again.
    Now,
}
