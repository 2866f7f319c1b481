//! What goes into the store and what comes out: plain records.
//!
//! Times are epoch milliseconds, ids are text, token hashes are 32 bytes. No record's `Debug` shows a secret.

mod client;
mod key;
mod session;

use std::fmt;

pub(in crate::store) use client::audited;
pub use client::{ClientRecord, NewClient, TokenOwner, client_subject};
pub use key::*;
pub use session::*;

/// SHA-256 (or keyed hash) of an opaque token; also an HMAC that keys a guessing counter.
pub type Hash = [u8; 32];

/// A user name or e-mail address: as it is shown, and normalised as it must be unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// As the user wrote it.
    pub shown: String,
    /// As it is compared; the unique index is on this.
    pub key: String,
}

/// A stored password hash and the family and cost it belongs to.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    /// The whole encoded hash (PHC string, bcrypt string, ...).
    pub encoded: String,
    /// Family and cost without salt and digest, e.g. `$argon2id$v=19$m=19456,t=2,p=1`; counted for the dummies of unknown users.
    pub format: String,
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordHash({}, redacted)", self.format)
    }
}

/// How a new account gets its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewAccountId {
    /// The caller chose it (`UUIDv7`, or an import's own id).
    Given(String),
    /// The next decimal number, allotted in the insert's own transaction and never used again.
    Sequence,
}

/// An account to create.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Where the id comes from.
    pub id: NewAccountId,
    /// User name, if any.
    pub username: Option<Identifier>,
    /// E-mail address, if any.
    pub email: Option<Identifier>,
    /// Password hash; none = no password sign-in.
    pub password: Option<PasswordHash>,
    /// Roles, as they go into tokens.
    pub roles: Vec<String>,
    /// Whether it comes from another program, whose tokens are older than the row.
    pub imported: bool,
}

/// An account as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// The subject of its tokens.
    pub id: String,
    /// User name, if any.
    pub username: Option<Identifier>,
    /// E-mail address, if any.
    pub email: Option<Identifier>,
    /// Password hash, if any.
    pub password: Option<PasswordHash>,
    /// Roles.
    pub roles: Vec<String>,
    /// Raised by password change, disabling, role change, sign-out everywhere; tokens carry it as `gen`.
    pub generation: u64,
    /// When it was disabled, if it is.
    pub disabled_at: Option<i64>,
    /// When it was created.
    pub created_at: i64,
    /// When anything in it changed last.
    pub updated_at: i64,
    /// Whether it comes from another program.
    pub imported: bool,
    /// When all its sessions, or all but one, were ended last.
    pub sessions_ended_at: Option<i64>,
}

/// A change of names. `None` leaves a field, `Some(None)` empties it.
#[derive(Clone, Debug, Default)]
pub struct AccountChanges {
    /// New user name.
    pub username: Option<Option<Identifier>>,
    /// New e-mail address.
    pub email: Option<Option<Identifier>>,
    /// If given, the change happens only while this is the stored hash (the one that was verified).
    pub expected_password: Option<String>,
}

/// Which accounts a page shows; all conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct AccountFilter {
    /// Normalised user name or e-mail begins with this.
    pub prefix: Option<String>,
    /// Only disabled (`true`) or only enabled (`false`) ones.
    pub disabled: Option<bool>,
    /// Only those that have this role.
    pub role: Option<String>,
}

/// One page and where the next one begins.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// At most as many as were asked for.
    pub items: Vec<T>,
    /// Pass as `after` to go on; `None` at the end.
    pub next: Option<i64>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            next: None,
        }
    }
}

/// Whose verified token asks for a write; rechecked in the write's own transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// `sub`.
    pub account_id: String,
    /// `sid`.
    pub session_id: String,
    /// `gen`.
    pub generation: u64,
    /// For administrative writes: the role that the account must have *now*.
    pub required_role: Option<String>,
}

/// By whom, when and from where a write is made.
#[derive(Clone, Debug, Default)]
pub struct Act {
    /// The caller to recheck; `None` for the command line and the engine's own writes.
    pub actor: Option<Actor>,
    /// The time.
    pub now: i64,
    /// Until when a revocation made by this write must be kept at the least: the longest life of an access token that this
    /// process issued up to now, plus leeway. See `Store::remember_token_life` for those of other processes.
    pub revoked_until: i64,
    /// Where it came from, for the audit: an address, or `command line`.
    pub from: Option<String>,
}

impl Act {
    /// The session of the caller to recheck.
    pub(super) fn own_session(&self) -> Option<&str> {
        let actor = self.actor.as_ref()?;
        Some(&actor.session_id)
    }
}

/// What is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// All tokens of a session.
    Session {
        /// `sid`.
        session_id: String,
    },
    /// An account's tokens whose `gen` is smaller.
    Subject {
        /// `sub`.
        account_id: String,
        /// Smallest `gen` that is still good.
        smallest_generation: u64,
    },
    /// One token.
    Token {
        /// `jti`.
        token_id: String,
    },
    /// All tokens of a key.
    Key {
        /// `kid`.
        kid: String,
    },
}

/// How far a reader of the revocations has come; only the store knows how to read it. The default is the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub(super) String);

/// A row of the revocation table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationRecord {
    /// Grows with every row. On PostgreSQL a smaller one may be seen after a larger one.
    pub id: i64,
    /// Where it stands in the order in which writes begin: see [`RevocationPoll::whole_below`].
    pub place: u64,
    /// What.
    pub revoked: Revoked,
    /// When.
    pub at: i64,
    /// Until when any token it touches can live.
    pub until: i64,
}

/// What a poll of the revocation table found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationPoll {
    /// Changes when the table is no longer a continuation (a restore): take a snapshot then.
    pub feed_id: String,
    /// Ask for rows after this next time.
    pub cursor: Cursor,
    /// Whoever has read to the end of this poll lacks no row whose place is below this, and none will ever be written there.
    /// So it is a cursor too, a coarser one: what is at or above it may have been read, or not.
    pub whole_below: u64,
    /// The rows, in order.
    pub rows: Vec<RevocationRecord>,
}

/// An attempt at guessing.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// HMAC of what is counted; the caller computes it.
    pub key: Hash,
    /// Length of the window that begins with the first failure, in milliseconds.
    pub window: i64,
    /// The period of the hold that is given back with the count, if there is one.
    pub period: Option<i64>,
}

/// An attempt that was let through and is under way. It counts as a failure would until it is settled, or lapses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The counter.
    pub key: Hash,
    /// The period of time in which it was let through; only the store knows how to read it.
    pub period: i64,
}

/// A counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Failures in the running window.
    pub count: u64,
    /// Attempts under way.
    pub under_way: u64,
    /// When the window ends and the count begins anew.
    pub window_ends_at: i64,
}

impl Counted {
    /// The counter of what was never tried.
    pub(super) fn none(now: i64) -> Self {
        Self {
            count: 0,
            under_way: 0,
            window_ends_at: now,
        }
    }
}

/// A row of the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditRecord {
    /// When.
    pub at: i64,
    /// What happened, e.g. `session.opened`.
    pub kind: String,
    /// Who did it; `None` for the command line and for the unknown.
    pub actor_id: Option<String>,
    /// To which account.
    pub account_id: Option<String>,
    /// In or to which session.
    pub session_id: Option<String>,
    /// From where.
    pub from: Option<String>,
    /// JSON with what else there is to say; never a secret.
    pub detail: Option<String>,
}

/// What a sweep removes: in small batches, never long in the writer's way.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// The time; behind the clock where that has just jumped: what is revoked must not be forgotten, nor a token be
    /// exchanged again, because somebody set a clock forward and back.
    pub now: i64,
    /// The grace: salts older than this are erased.
    pub grace: i64,
    /// How long an expired session is kept, so that its token is answered `Expired` and not `Unknown`.
    pub keep_sessions: i64,
    /// How long audit rows are kept.
    pub keep_audit: i64,
    /// Most guessing counters kept; those soonest to end go first.
    pub most_counters: u32,
}
