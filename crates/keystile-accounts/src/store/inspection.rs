//! What a look at a database finds.

use super::{ClientRecord, Migration, StoreError};

/// So many clients are looked at.
pub(super) const CLIENTS: u32 = 1_000;

/// How a database's schema stands to this program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Schema {
    /// It is this program's.
    Current {
        /// Its version.
        version: i64,
    },
    /// It is older; the next opening migrates it.
    Behind {
        /// Version found; 0 before the first migration.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// A newer program made it; this one refuses it.
    TooNew {
        /// Version found.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// An applied migration is not the one this program has; it refuses the database.
    Foreign {
        /// The version that differs.
        version: i64,
    },
}

impl Schema {
    /// How the steps that are missing, or why none can be applied, stand to those `known`.
    pub(super) fn of(
        missing: Result<&[Migration], StoreError>,
        known: &[Migration],
    ) -> Result<Self, StoreError> {
        let newest = known.last().map_or(0, |last| last.version);
        match missing {
            Ok([]) => Ok(Self::Current { version: newest }),
            Ok([next, ..]) => Ok(Self::Behind {
                found: next.version - 1,
                known: newest,
            }),
            Err(StoreError::TooNew { found, known }) => Ok(Self::TooNew { found, known }),
            Err(StoreError::ForeignMigration { version }) => Ok(Self::Foreign { version }),
            Err(error) => Err(error),
        }
    }
}

/// What a look at a database found. Where the schema is not known or something is damaged, the rest is empty.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// How its schema stands.
    pub schema: Schema,
    /// What is broken in the file, in the database's words; empty when it is whole.
    pub damage: Vec<String>,
    /// The id, the algorithm and the private part of the key that signs.
    pub signing_key: Option<(String, String, Vec<u8>)>,
    /// The issuer that servers on it have, as `Store::issuer_or_insert` answers it.
    pub issuer: Option<String>,
    /// How many accounts there are.
    pub accounts: u64,
    /// How many sessions have not been ended; some may have expired.
    pub sessions: u64,
    /// The first of its clients, in the order of their creation; where the schema is this program's.
    pub clients: Vec<ClientRecord>,
    /// When it was last copied by this program's backup, as far as it knows.
    pub last_backup: Option<i64>,
}

/// What a look at a database's server found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DatabaseServer {
    /// The hosts of the URL, in their order.
    pub hosts: Vec<DatabaseHost>,
    /// Of the one that takes writes, or of the first that answers; `None` if none does.
    pub facts: Option<ServerFacts>,
}

/// One host of a database's URL.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseHost {
    /// Host and port.
    pub name: String,
    /// What it is.
    pub state: HostState,
}

impl DatabaseHost {
    /// A host in this state.
    pub fn new(name: impl Into<String>, state: HostState) -> Self {
        Self {
            name: name.into(),
            state,
        }
    }
}

/// What a host of a database's URL is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostState {
    /// It takes writes.
    Writes,
    /// It follows another, and takes over when it is promoted.
    Standby,
    /// It is no standby, and refuses to write.
    ReadOnly,
    /// It does not answer, or lets nobody in, and why.
    Unreachable(String),
}

/// What a database's server is and how it is set.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServerFacts {
    /// Its version as it says it.
    pub version: String,
    /// Whether it is too old for this program.
    pub too_old: bool,
    /// Whether the way to it is encrypted.
    pub encrypted: bool,
    /// The database's encoding; texts are kept in UTF8 only.
    pub encoding: String,
    /// Rights that this program's role lacks, in words.
    pub lacking: Vec<String>,
    /// Whether the role may do everything, which it need not.
    pub superuser: bool,
    /// Settings that are off, without which a crash loses what was acknowledged: `fsync`, `full_page_writes`.
    pub careless: Vec<String>,
    /// `synchronous_commit` as it is before this program overrules `off`.
    pub synchronous_commit: String,
    /// `synchronous_standby_names`; empty where no standby is waited for.
    pub synchronous_standby_names: String,
    /// Standbys that are connected.
    pub standbys: u64,
    /// How many of them are waited for; `None` where the role may not see it.
    pub synchronous: Option<u64>,
    /// How far its clock is ahead of this machine's, in milliseconds.
    pub clock_ahead: i64,
    /// Connections that roles like this one may have in all.
    pub connections: u64,
    /// How many there are now, those of others included.
    pub connected: u64,
}
