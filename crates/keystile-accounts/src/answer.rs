//! What callers get back.

use std::fmt;
use std::time::Duration;

use keystile::{Claims, Timestamp};
use zeroize::Zeroizing;

use crate::store::{AccountRecord, SessionRecord};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// An account's id, the `sub` of its tokens: text; UUIDv7 unless the builder or an import says otherwise.
    AccountId
}

text_id! {
    /// A session's id, the `sid` of its tokens.
    SessionId
}

/// An account, without its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The id; never reused.
    pub id: AccountId,
    /// The username, as written at sign-up.
    pub username: Option<String>,
    /// The e-mail address, as written.
    pub email: Option<String>,
    /// The roles, sorted.
    pub roles: Vec<String>,
    /// Raised whenever earlier access tokens must die.
    pub generation: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Since when nobody may sign in to it.
    pub disabled_at: Option<Timestamp>,
    /// Whether it was taken over from another system.
    pub imported: bool,
    /// When all its sessions, or all but one, were ended last: by a sign-out, a password change, a disabling.
    pub sessions_ended_at: Option<Timestamp>,
}

impl Account {
    /// Whether sign-in is refused.
    pub fn is_disabled(&self) -> bool {
        self.disabled_at.is_some()
    }

    /// Whether a verified token that **another program** issued can be this account's, which is found by what the token
    /// says: the account is enabled; it was there when the token was issued, or was imported, so that no older token
    /// finds a newcomer of the same name or number; and its sessions were not ended since. `false` for a token that does
    /// not say when it was issued. Tokens of ours need none of it: a guard knows them by their session and generation.
    pub fn can_own<E>(&self, claims: &Claims<E>) -> bool {
        let Some(issued_at) = claims.iat else {
            return false;
        };
        let was_there = self.imported || issued_at >= self.created_at.as_seconds();
        let goes_on = self
            .sessions_ended_at
            .is_none_or(|at| Timestamp::from_seconds(issued_at) > at);
        !self.is_disabled() && was_there && goes_on
    }
}

impl From<&AccountRecord> for Account {
    fn from(record: &AccountRecord) -> Self {
        let shown =
            |name: &Option<crate::store::Identifier>| name.as_ref().map(|name| name.shown.clone());
        Self {
            id: AccountId::from(record.id.as_str()),
            username: shown(&record.username),
            email: shown(&record.email),
            roles: record.roles.clone(),
            generation: record.generation,
            created_at: Timestamp::from_millis(record.created_at),
            updated_at: Timestamp::from_millis(record.updated_at),
            disabled_at: record.disabled_at.map(Timestamp::from_millis),
            imported: record.imported,
            sessions_ended_at: record.sessions_ended_at.map(Timestamp::from_millis),
        }
    }
}

/// A refresh token in the clear, given out once. `Debug` does not show it, and it is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(Zeroizing<String>);

impl RefreshToken {
    pub(crate) fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The token's text, for the answer to its owner.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same as [`as_str`](Self::as_str), under the name that reviewers search for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for RefreshToken {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken([redacted])")
    }
}

/// The answer to a sign-in, a refresh or one's own password change.
#[derive(Clone)]
pub struct SignedIn {
    /// Who signed in.
    pub account: Account,
    /// The session that was opened or continued.
    pub session_id: SessionId,
    /// The signed access token (RFC 9068).
    pub access_token: String,
    /// How long the access token is good for, from now.
    pub expires_in: Duration,
    /// The refresh token: good once.
    pub refresh_token: RefreshToken,
    /// When the refresh token expires if it is not used.
    pub refresh_expires_at: Timestamp,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn")
            .field("account", &self.account)
            .field("session_id", &self.session_id)
            .field("access_token", &"[redacted]")
            .field("expires_in", &self.expires_in)
            .field("refresh_token", &self.refresh_token)
            .field("refresh_expires_at", &self.refresh_expires_at)
            .finish()
    }
}

/// One living session, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// When it was opened by a sign-in.
    pub opened_at: Timestamp,
    /// When its refresh token was last used.
    pub last_used_at: Timestamp,
    /// When it expires if its refresh token is not used.
    pub expires_at: Timestamp,
    /// What the owner may recognise it by.
    pub device: Option<String>,
    /// The network address that used it last: at the sign-in, or at a refresh that said where it came from.
    pub address: Option<String>,
}

impl From<&SessionRecord> for Session {
    fn from(record: &SessionRecord) -> Self {
        Self {
            id: SessionId::from(record.id.as_str()),
            opened_at: Timestamp::from_millis(record.created_at),
            last_used_at: Timestamp::from_millis(record.last_used_at),
            expires_at: Timestamp::from_millis(record.expires_at),
            device: record.device.clone(),
            address: record.address.clone(),
        }
    }
}

/// A page of an account's living sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionsPage {
    /// The sessions, newest first.
    pub sessions: Vec<Session>,
    /// What to give as `after` for the next page; `None` at the end.
    pub next: Option<i64>,
}

/// A page of accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountsPage {
    /// The accounts, in the order of their creation.
    pub accounts: Vec<Account>,
    /// What to give as `after` for the next page; `None` at the end.
    pub next: Option<i64>,
}

/// One signing key, without its private part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySummary {
    /// The `kid`.
    pub key_id: String,
    /// `ES256`, `EdDSA` or `RS256`.
    pub algorithm: keystile::Algorithm,
    /// Where it is in its life.
    pub state: KeyState,
    /// When it was made or imported.
    pub created_at: Timestamp,
    /// When it came into its present state.
    pub since: Timestamp,
    /// What becomes of it, and when; `None` where that is not settled.
    pub next: Option<NextStep>,
}

impl KeySummary {
    /// Whether it is the one that signs.
    pub fn is_signing(&self) -> bool {
        self.state == KeyState::Signing
    }
}

/// What becomes of a key next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextStep {
    /// What.
    pub step: KeyStep,
    /// When, within seconds: whichever process looks first makes it.
    pub at: Timestamp,
}

/// A step in a key's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStep {
    /// It begins to sign.
    Signs,
    /// Another signs in its place; its tokens stay good.
    Retires,
    /// Its tokens have expired, and it goes.
    Goes,
}

impl KeyStep {
    /// The step's stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signs => "signs",
            Self::Retires => "retires",
            Self::Goes => "goes",
        }
    }
}

/// Whom the withdrawal of a key touches, as far as the store can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// Living sessions whose present access token the key may have signed.
    pub sessions: u64,
    /// Of how many accounts.
    pub accounts: u64,
}

/// What a withdrawal came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// The key that was withdrawn.
    pub key: KeySummary,
    /// The key that signs now.
    pub signing: KeySummary,
}

/// Where a signing key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// In the key set, not signing yet.
    Published,
    /// Signs new tokens.
    Signing,
    /// Signs no more; its tokens still verify.
    Retired,
    /// Withdrawn: nothing that it signed is good.
    Withdrawn,
}

impl KeyState {
    /// The state's stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Signing => "signing",
            Self::Retired => "retired",
            Self::Withdrawn => "withdrawn",
        }
    }
}
