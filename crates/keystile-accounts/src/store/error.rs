//! How a read or a write can fail.

use std::path::PathBuf;

/// The store could not do its work; nothing of the call was kept, unless the text says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The queue in front of the database is full.
    #[error("the store has more work waiting than it takes on; try again shortly")]
    Busy,
    /// Two writes were in each other's way, and the database ended this one. Nothing of it was kept.
    #[error("another write was in the way, and nothing was kept of this one; try again shortly")]
    Conflict,
    /// Another process held the database for longer than the store waits.
    #[error(
        "the database is locked by another process; end it or wait until it is done, then try again"
    )]
    Locked,
    /// The database's server does not let itself be reached, or went away in between. Whether a write that was under way
    /// was kept is not known then.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The database did not answer in time. Whether a write that was under way was kept is not known.
    #[error(
        "the database did not answer in time; see whether it is overloaded or cannot be reached"
    )]
    Timeout,
    /// A text with a NUL character, which PostgreSQL does not keep.
    #[error("a text with a NUL character cannot be kept")]
    Unstorable,
    /// No space is left.
    #[error("the disk is full; free some space, then try again")]
    Full,
    /// The store was closed, or its thread is gone.
    #[error("the store is closed")]
    Closed,
    /// A server runs on this database, or what must have it without one: a restore, a move.
    #[error(
        "a server, a restore or a move is at work on this database (it holds {0}); end it, or wait until it is done"
    )]
    ServerRunning(PathBuf),
    /// Everything is just being moved to this database.
    #[error(
        "`keystile migrate-database` is at work on this database; wait until that is done, then try again"
    )]
    Moving,
    /// The database was moved elsewhere.
    #[error(
        "this database was moved to {place}; name that one as the database. To go back, if nobody has used it since, delete {mark}"
    )]
    Moved {
        /// Where it is now, without credentials.
        place: String,
        /// The file that says so.
        mark: PathBuf,
    },
    /// The database was written by a newer program.
    #[error(
        "the database has schema version {found}, this program knows up to {known}; use a newer program"
    )]
    TooNew {
        /// Version found.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// An applied migration is not the one this program has.
    #[error(
        "schema version {version} of the database was made by a different migration; restore a backup or use the program that made it"
    )]
    ForeignMigration {
        /// The version that differs.
        version: i64,
    },
    /// The URL names no database we can open. The text says why, and never shows a password.
    #[error("{0}")]
    Url(String),
    /// A log lies beside the database without the index that a mere look would need.
    #[error(
        "a log that is not yet part of {0} lies beside it, left by a crash or a copy; open it once (`keystile migrate` does) to take it in"
    )]
    LogWithoutIndex(PathBuf),
    /// The file or its folder cannot be made or opened.
    #[error("cannot open {path}: {source}")]
    Open {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A row holds what no version of this program writes.
    #[error("the database holds a value that cannot be read: {0}")]
    Corrupt(&'static str),
    /// What else the database reports.
    #[error("the database reports: {0}")]
    Database(String),
}

impl StoreError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Busy | Self::Conflict => "store_busy",
            Self::Locked => "store_locked",
            Self::Full => "store_full",
            Self::Closed => "store_closed",
            Self::Unreachable(_) => "store_unreachable",
            Self::Timeout => "store_timeout",
            Self::ServerRunning(_) => "server_running",
            Self::Moving => "database_moving",
            Self::Moved { .. } => "database_moved",
            _ => "store_failed",
        }
    }
}

#[cfg(feature = "postgres")]
impl StoreError {
    /// Nothing is found under a text that cannot be kept; any other error stays one.
    pub(super) fn or_nothing<T: Default>(self) -> Result<T, Self> {
        match self {
            Self::Unstorable => Ok(T::default()),
            error => Err(error),
        }
    }
}

/// The field whose value another account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The account id.
    Id,
    /// The user name.
    Username,
    /// The e-mail address.
    Email,
    /// A signing key's id.
    KeyId,
    /// A session's id or first token (a broken random source).
    Session,
    /// Another program's refresh token: it was exchanged before.
    Token,
    /// A client's name.
    ClientName,
}

/// Why a write was refused. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Another has it.
    #[error("the {0:?} is taken")]
    Taken(Field),
    /// The caller's session ended or its generation is no longer good.
    #[error("the caller's session is no longer good; sign in again")]
    Stale,
    /// The caller's account lacks the role now.
    #[error("the caller's account lacks the role that this needs")]
    RoleMissing,
    /// What was to be changed does not exist (any more).
    #[error("there is no such row")]
    NotFound,
    /// It is no longer what the caller saw; read again.
    #[error("it was changed in between; read it again")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl WriteError {
    /// Whether it is known that nothing of the write was kept.
    pub(crate) fn kept_nothing(&self) -> bool {
        !matches!(
            self,
            Self::Store(StoreError::Unreachable(_) | StoreError::Timeout)
        )
    }
}
