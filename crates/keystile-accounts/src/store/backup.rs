//! What a backup and a restore are asked, what they answer, and why they refuse.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{AuditRecord, StoreError};

/// How far a backup, a restore or a move has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The database is being copied.
    Copying {
        /// Bytes that are copied.
        done: u64,
        /// Bytes there are.
        total: u64,
    },
    /// What is to be copied, or was, is being read over.
    Checking,
    /// Rows are being moved to another database.
    Moving {
        /// The table that they are of.
        table: &'static str,
        /// Rows that are moved, of all tables.
        done: u64,
        /// Rows there are.
        total: u64,
    },
    /// The rows that were moved are being read back.
    Comparing {
        /// The table that they are of.
        table: &'static str,
        /// Rows that are compared, of all tables.
        done: u64,
        /// Rows there are.
        total: u64,
    },
}

/// Asks a backup or a restore to stop, from any thread. It then leaves everything as it was.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Who watches a backup or a restore.
pub struct Watch<'a> {
    /// Stops it.
    pub stop: Stop,
    /// Is told, at each step, how far it has come.
    pub told: &'a mut dyn FnMut(Progress),
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

impl Watch<'_> {
    /// Tells, and asks whether to go on.
    pub(super) fn tell(&mut self, progress: Progress) -> Result<(), CopyError> {
        (self.told)(progress);
        self.go_on()
    }

    pub(super) fn go_on(&self) -> Result<(), CopyError> {
        if self.stop.is_asked() {
            return Err(CopyError::Stopped);
        }
        Ok(())
    }
}

/// A backup that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Size of the file.
    pub bytes: u64,
    /// Schema version of the database in it.
    pub schema: i64,
    /// Accounts in it.
    pub accounts: u64,
    /// Sessions in it that have not been ended.
    pub sessions: u64,
}

/// What a restored database goes on trusting of what was handed out before. What happened between the backup and the
/// loss is not known any more: who signed out, what was stolen, which key was withdrawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trusted {
    /// Nothing: every session ends, and every signing key of the store is withdrawn, so that no token from before is good.
    #[default]
    Nothing,
    /// The signing keys, for verifiers that have them pinned: every session ends; access tokens from before go on until they
    /// expire.
    Keys,
    /// Everything: nobody is signed out. Right only where nothing happened after the backup, such as for a move.
    Everything,
}

/// A restore to make.
#[derive(Clone, Copy, Debug)]
pub struct Restoration {
    /// What to trust.
    pub trusted: Trusted,
    /// The time.
    pub now: i64,
    /// Until when a revocation must be kept at the least: the longest life of an access token.
    pub revoked_until: i64,
}

impl Restoration {
    /// The row that says so in the audit.
    pub(super) fn audited(&self, taken_at: Option<i64>) -> AuditRecord {
        let trusted = match self.trusted {
            Trusted::Nothing => "nothing",
            Trusted::Keys => "keys",
            Trusted::Everything => "everything",
        };
        let detail = serde_json::json!({ "taken_at": taken_at, "trusted": trusted });
        AuditRecord {
            at: self.now,
            kind: "database.restored".to_owned(),
            from: Some("command line".to_owned()),
            detail: Some(detail.to_string()),
            ..AuditRecord::default()
        }
    }
}

/// What the replaced database knew of that the backup does not: it is undone by the restore.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// Accounts that were made since, and are gone.
    pub created: u64,
    /// Ids of accounts that were disabled since, and are enabled again; at most a hundred.
    pub disabled: Vec<String>,
    /// Ids of accounts that were deleted since, and are there again; at most a hundred.
    pub deleted: Vec<String>,
    /// Ids of accounts whose password was changed or set since, and is the former one again; at most a hundred.
    pub passwords: Vec<String>,
    /// Ids of accounts whose roles were changed since, and have the former ones again; at most a hundred.
    pub roles: Vec<String>,
}

/// A restore that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// When the backup was taken, if it is one that says so.
    pub taken_at: Option<i64>,
    /// Where the former database is now, if there was one.
    pub replaced: Option<PathBuf>,
    /// Accounts in it.
    pub accounts: u64,
    /// Living sessions in it, before any was ended.
    pub sessions: u64,
    /// Keys that were withdrawn.
    pub keys_withdrawn: u64,
    /// What the former database knew beyond the backup; `None` where that cannot be told.
    pub undone: Option<Undone>,
}

/// Why there is no backup, or why nothing was restored. Everything is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// A database of another engine.
    #[error(
        "this copies SQLite databases. Back PostgreSQL up by its own means: `pg_dump --format=custom` and `pg_restore`, or base backups with `pg_basebackup`; after such a restore say `keystile restore --in-place`"
    )]
    OtherEngine,
    /// A database in memory.
    #[error("a database in memory cannot be copied; use one in a file: sqlite://shop.db")]
    InMemory,
    /// There is no database.
    #[error("there is no database at {0}; name the server's folder with --data")]
    NoDatabase(PathBuf),
    /// There is no such backup.
    #[error("there is no file {0}; name one that `keystile backup` made")]
    NoBackup(PathBuf),
    /// The file is there already.
    #[error(
        "{0} is there already, and a backup overwrites nothing; name another file, or move that one away"
    )]
    FileExists(PathBuf),
    /// The backup is the database.
    #[error("{0} is the database itself; name a backup")]
    SameFile(PathBuf),
    /// The database was named as the file to be made.
    #[error("{0} is the database itself, which is to be copied; name the file to make")]
    OntoItself(PathBuf),
    /// Damaged, or something else.
    #[error("{path} is not a whole Keystile database: {what}; use another backup")]
    NotWhole {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A newer program made it.
    #[error(
        "{path} has schema version {found}, and this program knows up to {known}; use the newer keystile that made it"
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Version found.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// The program that made it has other migrations.
    #[error(
        "schema version {version} of {path} was made by a different migration; use the keystile that made it, or another backup"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The version that differs.
        version: i64,
    },
    /// A process has the database open that is to be replaced.
    #[error(
        "another process has {0} open; end it (a program that embeds Keystile, a command that still runs), then try again"
    )]
    InUse(PathBuf),
    /// It was asked to stop.
    #[error("stopped before the end; nothing was changed, and nothing is left behind")]
    Stopped,
    /// A file cannot be made, read or named.
    #[error("cannot use {path}: {source}; mend that, or name another place")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The database reports something else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CopyError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherEngine => "other_engine",
            Self::InMemory => "in_memory",
            Self::NoDatabase(_) => "no_database",
            Self::NoBackup(_) => "no_backup",
            Self::FileExists(_) => "file_exists",
            Self::SameFile(_) | Self::OntoItself(_) => "same_file",
            Self::NotWhole { .. } => "not_whole",
            Self::TooNew { .. } => "too_new",
            Self::Foreign { .. } => "foreign_migration",
            Self::InUse(_) => "database_in_use",
            Self::Stopped => "stopped",
            Self::File { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "store_full"
            }
            Self::File { .. } => "file_failed",
            Self::Store(error) => error.code(),
        }
    }
}
