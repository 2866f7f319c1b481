//! Embedded migrations: applied once, in order, under the write lock, so that two openers do not race.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::super::migration;
use super::super::{Migration, StoreError};

/// All steps this program knows, in order.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        sql: include_str!("../../../migrations/sqlite/0001_first.sql"),
    },
    Migration {
        version: 2,
        sql: include_str!("../../../migrations/sqlite/0002_exchange.sql"),
    },
    Migration {
        version: 3,
        sql: include_str!("../../../migrations/sqlite/0003_keys.sql"),
    },
    Migration {
        version: 4,
        sql: include_str!("../../../migrations/sqlite/0004_holds.sql"),
    },
    Migration {
        version: 5,
        sql: include_str!("../../../migrations/sqlite/0005_refusals.sql"),
    },
    Migration {
        version: 6,
        sql: include_str!("../../../migrations/sqlite/0006_clients.sql"),
    },
    Migration {
        version: 7,
        sql: include_str!("../../../migrations/sqlite/0007_living.sql"),
    },
];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS keystile_migration (
    version  INTEGER PRIMARY KEY,
    checksum BLOB NOT NULL
) STRICT";
const TABLE_EXISTS: &str =
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'keystile_migration'";
const APPLIED: &str = "SELECT version, checksum FROM keystile_migration ORDER BY version";
const RECORD: &str = "INSERT INTO keystile_migration (version, checksum) VALUES (?1, ?2)";

/// Brings the schema to the newest of `known`; refuses a database that is ahead, or that was made by other steps.
pub fn migrate(connection: &mut Connection, known: &[Migration]) -> Result<(), StoreError> {
    if missing(connection, known)?.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Asked again under the lock: another opener may have been first.
    for migration in missing(&transaction, known)? {
        apply(&transaction, migration)?;
    }
    transaction.commit()?;
    Ok(())
}

/// The steps that are not applied yet.
pub(super) fn missing<'a>(
    connection: &Connection,
    known: &'a [Migration],
) -> Result<&'a [Migration], StoreError> {
    migration::missing(&applied(connection)?, known)
}

fn applied(connection: &Connection) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    if connection
        .query_row(TABLE_EXISTS, [], |_| Ok(()))
        .optional()?
        .is_none()
    {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare(APPLIED)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn apply(transaction: &Transaction<'_>, migration: &Migration) -> Result<(), StoreError> {
    transaction.execute_batch(TABLE)?;
    transaction.execute_batch(migration.sql)?;
    transaction.execute(RECORD, (migration.version, migration.checksum()))?;
    Ok(())
}
