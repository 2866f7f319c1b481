//! What a look at a database finds.

use super::{Migration, StoreError};

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
    /// How many accounts there are.
    pub accounts: u64,
    /// How many sessions have not been ended; some may have expired.
    pub sessions: u64,
    /// Which server it is on and how the way to it is protected, for one that is not on this machine's disk.
    pub server: Option<String>,
    /// What makes the server lose what it has acknowledged, a sentence each.
    pub risks: Vec<String>,
    /// When it was last copied by this program's backup, as far as it knows.
    pub last_backup: Option<i64>,
}
