//! Whether a file is a whole Keystile database: what is not is neither kept as a backup nor restored.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use super::super::{CopyError, Migration, StoreError, Watch};
use super::migrate;

const CHECK: &str = "PRAGMA integrity_check(5)";
const OBJECTS: &str =
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE substr(name, 1, 7) <> 'sqlite_'";
/// Virtual-machine instructions between two looks at whether to go on.
const LOOK_EVERY: i32 = 100_000;

/// An index, table, trigger or view: its kind and name, its table, its SQL.
type Objects = BTreeMap<(String, String), (String, Option<String>)>;

/// The schema's version: one that this program knows, or has been able to migrate from.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<i64, CopyError> {
    version_among(connection, path, migrate::MIGRATIONS)
}

fn version_among(
    connection: &Connection,
    path: &Path,
    known: &[Migration],
) -> Result<i64, CopyError> {
    let missing = match migrate::missing(connection, known) {
        Ok(missing) => missing.len(),
        Err(StoreError::TooNew { found, known }) => {
            let path = path.to_owned();
            return Err(CopyError::TooNew { path, found, known });
        }
        Err(StoreError::ForeignMigration { version }) => {
            let path = path.to_owned();
            return Err(CopyError::Foreign { path, version });
        }
        Err(StoreError::Database(what)) => return Err(not_whole(path, what)),
        Err(other) => return Err(other.into()),
    };
    match known[..known.len() - missing].last() {
        Some(last) => Ok(last.version),
        None => Err(not_whole(path, "it has none of Keystile's tables")),
    }
}

/// Reads every page; compares every table, index and trigger with those that the migrations make. Triggers beyond them on
/// our tables would do what nobody here wrote.
pub(super) fn check(
    connection: &mut Connection,
    path: &Path,
    watch: &Watch<'_>,
) -> Result<(), CopyError> {
    let version = version(connection, path)?;
    let stop = watch.stop.clone();
    connection
        .progress_handler(LOOK_EVERY, Some(move || stop.is_asked()))
        .map_err(StoreError::from)?;
    let damage = damage(connection);
    connection
        .progress_handler(0, None::<fn() -> bool>)
        .map_err(StoreError::from)?;
    watch.go_on()?;
    if let Some(damage) = damage.map_err(|error| broken(path, error))? {
        return Err(not_whole(path, damage));
    }
    let found = objects(connection).map_err(|error| broken(path, error))?;
    match difference(&expected(version)?, &found) {
        Some(what) => Err(not_whole(path, what)),
        None => Ok(()),
    }
}

fn damage(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let mut statement = connection.prepare(CHECK)?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
    let lines = lines.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok((lines != ["ok"]).then(|| lines.join("; ")))
}

fn objects(connection: &Connection) -> rusqlite::Result<Objects> {
    let mut statement = connection.prepare(OBJECTS)?;
    let rows = statement.query_map([], |row| {
        Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?)))
    })?;
    rows.collect()
}

/// What a database of that version holds when it is new.
fn expected(version: i64) -> Result<Objects, StoreError> {
    let mut fresh = Connection::open_in_memory()?;
    let steps = migrate::MIGRATIONS;
    let count = steps.partition_point(|step| step.version <= version);
    migrate::migrate(&mut fresh, &steps[..count])?;
    Ok(objects(&fresh)?)
}

fn difference(expected: &Objects, found: &Objects) -> Option<String> {
    for (key, object) in expected {
        let (kind, name) = key;
        match found.get(key) {
            None => return Some(format!("its {kind} {name} is missing")),
            Some(other) if other != object => {
                return Some(format!("its {kind} {name} is not Keystile's"));
            }
            Some(_) => {}
        }
    }
    let ours = |table: &String| expected.contains_key(&("table".to_owned(), table.clone()));
    found
        .iter()
        .find(|(key, (table, _))| key.0 == "trigger" && ours(table) && !expected.contains_key(key))
        .map(|((_, name), (table, _))| {
            format!("the trigger {name} on its table {table} is not Keystile's")
        })
}

/// How many rows each of our tables has, but for `meta`, which a copy's own mark changes.
pub(super) fn counts(connection: &Connection) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut counts = BTreeMap::new();
    for (kind, name) in objects(connection)?.into_keys() {
        if kind == "table" && name != "meta" {
            let quoted = name.replace('"', "\"\"");
            let sql = format!("SELECT count(*) FROM \"{quoted}\"");
            let count: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
            counts.insert(name, u64::try_from(count).unwrap_or(0));
        }
    }
    Ok(counts)
}

pub(super) fn not_whole(path: &Path, what: impl Into<String>) -> CopyError {
    CopyError::NotWhole {
        path: path.to_owned(),
        what: what.into(),
    }
}

/// What makes a file unreadable is told of the file, the rest (no space, a lock) of the machine.
pub(super) fn broken(path: &Path, error: rusqlite::Error) -> CopyError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            not_whole(path, error.to_string())
        }
        _ => StoreError::from(error).into(),
    }
}
