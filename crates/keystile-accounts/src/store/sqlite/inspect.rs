//! A look at a database that changes nothing: no migration, no key, no file beside it.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Error, ErrorCode, OpenFlags};

use super::super::inspection::CLIENTS;
use super::super::{Inspection, Migration, Schema, StoreError};
use super::location::{Location, beside, the_file_itself};
use super::migrate;
use super::{backup, client, issuer, key, mark, snapshot};

const CHECK: &str = "PRAGMA quick_check(5)";
const ACCOUNTS: &str = "SELECT count(*) FROM account";
const SESSIONS: &str = "SELECT count(*) FROM session WHERE ended_at IS NULL";
/// How long a look waits for a lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// See [`super::super::Store::inspect`].
pub fn inspect(url: &str, known: &[Migration]) -> Result<Option<Inspection>, StoreError> {
    let Location::File(path) = Location::parse(url)? else {
        return Ok(None);
    };
    match fs::metadata(&path) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StoreError::Open { path, source }),
    }
    mark::refuse_moved(&path)?;
    let connection = open(&path)?;
    snapshot(&connection, |connection| look(connection, known)).map(Some)
}

fn look(connection: &Connection, known: &[Migration]) -> Result<Inspection, StoreError> {
    let damage = damage(connection)?;
    let mut found = Inspection {
        schema: schema(connection, known)?,
        damage,
        signing_key: None,
        issuer: None,
        accounts: 0,
        sessions: 0,
        clients: Vec::new(),
        last_backup: None,
    };
    // What a stranger's tables mean nobody knows, and before the first migration there are none.
    let has_tables = match found.schema {
        Schema::Current { .. } => true,
        Schema::Behind { found, .. } => found > 0,
        Schema::TooNew { .. } | Schema::Foreign { .. } => false,
    };
    if has_tables && found.damage.is_empty() {
        found.signing_key = key::signing_at_a_glance(connection)?;
        found.issuer = issuer::known(connection)?;
        found.accounts = count(connection, ACCOUNTS)?;
        found.sessions = count(connection, SESSIONS)?;
        found.last_backup = backup::marked(connection)?;
        if let Schema::Current { .. } = found.schema {
            found.clients = client::first(connection, CLIENTS)?;
        }
    }
    Ok(found)
}

fn schema(connection: &Connection, known: &[Migration]) -> Result<Schema, StoreError> {
    Schema::of(migrate::missing(connection, known), known)
}

fn damage(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare(CHECK)?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
    let lines = lines.collect::<Result<Vec<_>, Error>>();
    match lines {
        Ok(lines) => Ok(lines.into_iter().filter(|line| line != "ok").collect()),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
            Ok(vec![error.to_string()])
        }
        Err(error) => Err(error.into()),
    }
}

fn count(connection: &Connection, sql: &str) -> Result<u64, StoreError> {
    let count: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Without a log beside it nobody has the database open, and it is read as it lies: even a reader would make the log
/// otherwise. With one it is read together with the log, whose index is not written either.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    // The log lies beside the file itself, where its name is a link.
    let path = &the_file_itself(path);
    let logged = fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0);
    if logged && !beside(path, "-shm").exists() {
        return Err(StoreError::LogWithoutIndex(path.to_owned()));
    }
    let options = if logged {
        "mode=ro&readonly_shm=1"
    } else {
        "mode=ro&immutable=1"
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(format!("{}?{options}", uri(path)), flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA temp_store = MEMORY;")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    Ok(connection)
}

/// The path as a `file:` URI (RFC 8089), each byte that could mean something else as `%XX`.
fn uri(path: &Path) -> String {
    let mut uri = String::from(if path.is_absolute() {
        "file://"
    } else {
        "file:"
    });
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}
