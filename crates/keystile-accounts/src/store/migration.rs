//! Steps of the schema, and which of them a database lacks. Each engine applies its own.

use aws_lc_rs::digest::{SHA256, digest};

use super::StoreError;

/// A step of the schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Counts up from 1.
    pub version: i64,
    /// SQL, several statements.
    pub sql: &'static str,
}

impl Migration {
    /// By what an applied step is known again.
    pub(super) fn checksum(&self) -> Vec<u8> {
        digest(&SHA256, self.sql.as_bytes()).as_ref().to_vec()
    }
}

/// The steps that are not among those `applied` yet, which are given in order with their checksums. Refuses a database
/// that is ahead, or that was made by other steps.
pub(super) fn missing<'a>(
    applied: &[(i64, Vec<u8>)],
    known: &'a [Migration],
) -> Result<&'a [Migration], StoreError> {
    for (index, (version, checksum)) in applied.iter().enumerate() {
        let Some(migration) = known.get(index) else {
            return Err(StoreError::TooNew {
                found: applied.last().map_or(*version, |last| last.0),
                known: known.last().map_or(0, |last| last.version),
            });
        };
        if migration.version != *version || migration.checksum() != *checksum {
            return Err(StoreError::ForeignMigration { version: *version });
        }
    }
    Ok(&known[applied.len()..])
}
