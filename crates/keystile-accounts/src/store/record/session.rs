//! Sessions, and the rotation of their refresh tokens.

use std::fmt;

use super::{AccountRecord, Act, Hash, Held};

/// What a successor is derived with; lives in the session's row from rotation until the grace ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 32]);

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(redacted)")
    }
}

/// A session to open.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id (`sid`).
    pub id: String,
    /// Whose it is.
    pub account_id: String,
    /// The generation read beside the password hash; a changed one refuses the opening. An exchange goes by the token's
    /// own time instead.
    pub generation: u64,
    /// Hash of the first refresh token.
    pub token_hash: Hash,
    /// When the first refresh token expires (idle limit already counted in).
    pub expires_at: i64,
    /// A limit that no rotation moves.
    pub absolute_expires_at: Option<i64>,
    /// User agent or name of the device.
    pub device: Option<String>,
    /// Address the sign-in came from.
    pub address: Option<String>,
    /// When the user proved who they are; 0 where nobody here knows.
    pub auth_time: i64,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// The client that the refresh tokens are bound to, if any.
    pub client_id: Option<String>,
    /// The attempt that succeeds with it: its counter begins anew.
    pub attempt: Option<Held>,
    /// Most living sessions of the account, this one included; those unused for longest are ended beyond it.
    pub most: Option<u32>,
}

/// A refresh token of another program's, whose signature was verified.
#[derive(Clone, Debug)]
pub struct ForeignToken {
    /// Its `iss`; empty if it has none.
    pub issuer: String,
    /// Its `jti`.
    pub token_id: String,
    /// Its `iat`, in milliseconds.
    pub issued_at: i64,
    /// How long to remember that it was exchanged: until nobody accepts it any more.
    pub kept_until: i64,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Signed out.
    SignedOut,
    /// The password was changed or set.
    PasswordChanged,
    /// The account was disabled.
    Disabled,
    /// The account was deleted.
    Deleted,
    /// A consumed refresh token came again.
    Reused,
    /// A later sign-in went beyond the limit of the account's sessions, and this was the one unused for longest.
    Displaced,
    /// The client that it was opened for was deleted.
    ClientDeleted,
}

/// A session and its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfSession {
    /// Whose session.
    pub account_id: String,
    /// Which.
    pub session_id: String,
}

/// What a session that is over by time went beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// The lifetime of its refresh token.
    Lifetime,
    /// The idle limit.
    Idle,
    /// The absolute limit.
    Absolute,
}

/// A session as stored, without its hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// `sid`.
    pub id: String,
    /// Whose it is.
    pub account_id: String,
    /// The client it is bound to.
    pub client_id: Option<String>,
    /// When it was opened.
    pub created_at: i64,
    /// When it was opened or rotated last.
    pub last_used_at: i64,
    /// When its current refresh token expires.
    pub expires_at: i64,
    /// The limit that no rotation moves.
    pub absolute_expires_at: Option<i64>,
    /// When it ended, and why.
    pub ended: Option<(i64, EndReason)>,
    /// User agent or device.
    pub device: Option<String>,
    /// Address it was opened or used from last.
    pub address: Option<String>,
    /// When the user proved who they are.
    pub auth_time: i64,
    /// How.
    pub amr: Vec<String>,
}

/// A living session with its account, read in one snapshot: what an access token is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSession {
    /// The session.
    pub session: SessionRecord,
    /// Its account, with the generation and roles of the same snapshot.
    pub account: AccountRecord,
}

/// The new head of a chain that is replaced rather than rotated (one's own password change).
#[derive(Clone, Debug)]
pub struct NewHead {
    /// Hash of the new refresh token.
    pub token_hash: Hash,
    /// When it expires.
    pub expires_at: i64,
    /// If given, the session's new `auth_time`.
    pub auth_time: Option<i64>,
}

/// A rotation: everything is drawn and derived before the statement runs.
#[derive(Clone, Debug)]
pub struct Rotate {
    /// Hash of the token presented.
    pub presented: Hash,
    /// Hash of the successor derived with `salt`.
    pub successor: Hash,
    /// The salt, kept in the row for the grace.
    pub salt: Salt,
    /// The time.
    pub now: i64,
    /// When the successor expires; the store caps it by the session's absolute limit.
    pub expires_at: i64,
    /// Whether an idle limit decides that, and not the token's lifetime.
    pub idle: bool,
    /// How long after its consumption a token may come again, in milliseconds; 0 = never.
    pub grace: i64,
    /// The client that presents it; must be the one the session is bound to.
    pub client_id: Option<String>,
    /// Address the request came from; `None` keeps the stored one.
    pub address: Option<String>,
    /// See [`Act::revoked_until`](super::Act::revoked_until); used when reuse ends the session.
    pub revoked_until: i64,
}

impl Rotate {
    /// What a refusal does, as an act of nobody in particular.
    pub(crate) fn act(&self) -> Act {
        Act {
            actor: None,
            now: self.now,
            revoked_until: self.revoked_until,
            from: self.address.clone(),
        }
    }
}

/// What became of a presented refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It was the head: the successor is the head now.
    Rotated(Box<LiveSession>),
    /// It was consumed within the grace and its successor is unused: derive the same successor from this salt. Nothing was moved.
    Replayed(Salt, Box<LiveSession>),
    /// It was consumed before: the session was ended by this very call.
    Reused(OfSession),
    /// Its session ended earlier.
    Ended(OfSession),
    /// It, or its session, expired.
    Expired(OfSession, Expiry),
    /// No such token.
    Unknown,
}

impl Rotation {
    /// The outcome's stable name, as counters and the audit have it.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Rotated(_) => "rotated",
            Self::Replayed(..) => "replayed",
            Self::Reused(_) => "reused",
            Self::Ended(_) => "ended",
            Self::Expired(_, Expiry::Lifetime) => "expired",
            Self::Expired(_, Expiry::Idle) => "expired_idle",
            Self::Expired(_, Expiry::Absolute) => "expired_absolute",
            Self::Unknown => "unknown",
        }
    }

    /// The session that a token was refused for, if not by this very call.
    pub(crate) fn refused_before(&self) -> Option<&OfSession> {
        match self {
            Self::Ended(of) | Self::Expired(of, _) => Some(of),
            _ => None,
        }
    }
}

impl SessionRecord {
    /// Its id and its account's.
    pub(crate) fn ids(&self) -> OfSession {
        OfSession {
            account_id: self.account_id.clone(),
            session_id: self.id.clone(),
        }
    }
}
