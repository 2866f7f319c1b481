//! Connections: how durable, how patient.

use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, Error, ErrorCode, OpenFlags};

use super::location::Location;

/// Pages in the log before SQLite writes them back (16 MiB). Large, because writing back costs fsyncs too.
const CHECKPOINT_PAGES: u32 = 4_000;
const LOG_BYTES_KEPT: u32 = 64 * 1024 * 1024;

/// The one connection that writes.
pub(super) fn writing(location: &Location, lock_wait: Duration) -> Result<Connection, Error> {
    let connection = open(location, lock_wait)?;
    journal(&connection, "WAL", lock_wait)?;
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = FAST;
         PRAGMA temp_store = MEMORY;
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
         PRAGMA journal_size_limit = {LOG_BYTES_KEPT};"
    ))?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

/// A connection that reads what is committed. The writer has made the schema before one is opened.
pub(super) fn reading(location: &Location, lock_wait: Duration) -> Result<Connection, Error> {
    let connection = open(location, lock_wait)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA temp_store = MEMORY;")?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// A connection for a backup, beside whoever has the database open; it makes and migrates nothing.
pub(super) fn beside_others(path: &Path, lock_wait: Duration) -> Result<Connection, Error> {
    let connection = open(&Location::File(path.to_owned()), lock_wait)?;
    journal(&connection, "WAL", lock_wait)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;")?;
    Ok(connection)
}

fn open(location: &Location, lock_wait: Duration) -> Result<Connection, Error> {
    // Without SQLITE_OPEN_URI: a path is a path, whatever it begins with.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match location {
        Location::Memory => Connection::open_in_memory()?,
        Location::File(path) => Connection::open_with_flags(path, flags)?,
    };
    connection.busy_timeout(lock_wait)?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    Ok(connection)
}

/// Changing the journal mode does not always wait for locks (two processes that open a new database together meet here), so
/// this does.
pub(super) fn journal(
    connection: &Connection,
    mode: &str,
    lock_wait: Duration,
) -> Result<(), Error> {
    const PAUSE: Duration = Duration::from_millis(10);
    let mut waited = Duration::ZERO;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", mode, |_| Ok(())) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && waited < lock_wait =>
            {
                thread::sleep(PAUSE);
                waited += PAUSE;
            }
            outcome => return outcome,
        }
    }
}
