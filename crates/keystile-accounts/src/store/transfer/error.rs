//! Why a move was refused.

use std::path::PathBuf;

use super::super::{CopyError, StoreError};
use crate::store::postgres::CREATE;

/// Why nothing was moved. Both databases are as they were, unless the text says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    /// Not from a file of SQLite's to PostgreSQL.
    #[error(
        "a database is moved from SQLite in a file to PostgreSQL: --from sqlite://PATH --to postgres://USER:PASSWORD@HOST/DATABASE. Between two of one engine its own means do it: `keystile backup` and `keystile restore --keep-sessions` for SQLite, `pg_dump` and `pg_restore` for PostgreSQL"
    )]
    Direction,
    /// There is no database.
    #[error(
        "there is no database at {0}; name the file with --from, as in sqlite:///var/lib/keystile/keystile.db"
    )]
    NoSource(PathBuf),
    /// The source is damaged, or something else.
    #[error(
        "{path} is not a whole Keystile database: {what}; `keystile doctor` says more, `keystile restore` puts a backup in its place"
    )]
    NotWhole {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The source's schema is not this program's.
    #[error("{path} has schema version {found}, this program's is {known}; {cure}, then try again")]
    Version {
        /// The file.
        path: PathBuf,
        /// Version found.
        found: i64,
        /// Newest version known here.
        known: i64,
        /// What to do about it.
        cure: &'static str,
    },
    /// A process has the source open.
    #[error(
        "another process has {0} open; end it (a server, a program that embeds Keystile, a command that still runs), then try again"
    )]
    SourceInUse(PathBuf),
    /// A process is connected to the target.
    #[error(
        "a server or a command uses the target {0}; end all of them (on every node), then try again"
    )]
    TargetInUse(String),
    /// The target is not new.
    #[error(
        "the target {target} is not empty: its table {table} has rows, and a move overwrites nothing; make a new database with {create} and name that one",
        create = CREATE
    )]
    NotEmpty {
        /// Host and database.
        target: String,
        /// The table.
        table: &'static str,
    },
    /// A row cannot be moved.
    #[error(
        "the row of table {table} with {row} cannot be moved: {why}; mend or delete it in the source"
    )]
    Row {
        /// The table.
        table: &'static str,
        /// Which, by its key.
        row: String,
        /// What is wrong with it.
        why: String,
    },
    /// The target holds other rows than the source.
    #[error(
        "table {table} came to the target otherwise than it is in the source ({source_rows} rows there, {target_rows} here), so nothing was kept; see whether triggers or rules of somebody else's change it"
    )]
    Differs {
        /// The table.
        table: &'static str,
        /// Rows in the source.
        source_rows: u64,
        /// Rows in the target.
        target_rows: u64,
    },
    /// It was asked to stop.
    #[error("stopped before the end; both databases are as they were")]
    Stopped,
    /// Nobody knows whether the target has everything now, or nothing.
    #[error(
        "the connection to the target was lost at the very end, and whether it has everything or nothing is not known: {0}; run the same command again, which finds out"
    )]
    Unknown(StoreError),
    /// The source is moved, but is not marked.
    #[error(
        "the target has everything, but {path} could not be written, which keeps the source from being served by mistake: {why}; start no server on the source, and run the same command again"
    )]
    Unmarked {
        /// The mark.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The target cannot be connected to.
    #[error(
        "the target {target} cannot be opened: {error}. Nothing was done. See the host, its port, pg_hba.conf and the password; `keystile doctor --database URL` looks at each host"
    )]
    NoTarget {
        /// Hosts and database.
        target: String,
        /// Why not.
        error: StoreError,
    },
    /// The target reports something else.
    #[error(
        "at the target: {0}. Both databases are as they were; run the same command again once that is mended"
    )]
    Target(StoreError),
    /// The source reports something else.
    #[error("at the source: {0}. Both databases are as they were")]
    Source(#[from] StoreError),
}

impl MoveError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Direction => "other_engine",
            Self::NoSource(_) => "no_database",
            Self::NotWhole { .. } => "not_whole",
            Self::Version { found, known, .. } if found < known => "schema_behind",
            Self::Version { .. } => "too_new",
            Self::SourceInUse(_) => "database_in_use",
            Self::TargetInUse(_) => "target_in_use",
            Self::NotEmpty { .. } => "target_not_empty",
            Self::Row { .. } => "row_unfit",
            Self::Differs { .. } => "move_differs",
            Self::Stopped => "stopped",
            Self::Unknown(_) => "move_unknown",
            Self::Unmarked { .. } => "source_unmarked",
            Self::NoTarget { error, .. } | Self::Target(error) | Self::Source(error) => {
                error.code()
            }
        }
    }
}

impl From<CopyError> for MoveError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::InMemory | CopyError::OtherEngine => Self::Direction,
            CopyError::NoDatabase(path) | CopyError::NoBackup(path) => Self::NoSource(path),
            CopyError::NotWhole { path, what } => Self::NotWhole { path, what },
            CopyError::InUse(path) => Self::SourceInUse(path),
            CopyError::TooNew { path, found, known } => Self::Version {
                path,
                found,
                known,
                cure: "use the newer keystile that made it",
            },
            CopyError::Foreign { path, version } => Self::NotWhole {
                path,
                what: format!("its schema version {version} was made by a different migration"),
            },
            CopyError::File { path, source } => StoreError::Open { path, source }.into(),
            CopyError::Stopped => Self::Stopped,
            CopyError::Store(error) => Self::Source(error),
            other => Self::Source(StoreError::Database(other.to_string())),
        }
    }
}
