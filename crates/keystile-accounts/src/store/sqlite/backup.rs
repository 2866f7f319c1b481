//! A backup of a database that may be in use: copied out of one snapshot, read over, and only then named.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use super::super::{AuditRecord, Copied, CopyError, Progress, StoreError, Watch};
use super::location::{Location, is_same};
use super::unfinished::{Unfinished, failed};
use super::{audit, connect, copy, mark, whole};

/// How long a lock is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// In a backup, when it was taken; in a database, when the last one was.
const MARK: &str = "INSERT INTO meta (name, value) VALUES ('backed_up_at', CAST(?1 AS TEXT))
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";
const MARKED: &str = "SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'backed_up_at'";
const ACCOUNTS: &str = "SELECT count(*) FROM account";
const SESSIONS: &str = "SELECT count(*) FROM session WHERE ended_at IS NULL";

/// See [`super::super::Store::backup`].
pub(in crate::store) fn backup(
    url: &str,
    file: &Path,
    now: i64,
    watch: &mut Watch<'_>,
) -> Result<Copied, CopyError> {
    let database = path_of(url)?;
    mark::refuse_moved(&database)?;
    refuse_present(file, &database)?;
    let source = open(&database)?;
    let schema = whole::version(&source, &database)?;
    let unfinished = Unfinished::beside(file)?;
    let (mut copied, counts) = out_of_one_snapshot(&source, &unfinished, watch)?;
    copied.execute(MARK, [now]).map_err(StoreError::from)?;
    watch.tell(Progress::Checking)?;
    whole::check(&mut copied, &database, watch)?;
    if whole::counts(&copied)? != counts {
        return Err(whole::not_whole(
            &database,
            "the copy has other rows than the original had",
        ));
    }
    let held = Copied {
        bytes: 0,
        schema,
        accounts: count(&copied, ACCOUNTS)?,
        sessions: count(&copied, SESSIONS)?,
    };
    close(copied)?;
    watch.go_on()?;
    unfinished.name(file)?;
    remember(&source, now);
    let bytes = fs::metadata(file).map_err(|source| failed(file, source))?;
    Ok(Copied {
        bytes: bytes.len(),
        ..held
    })
}

/// The file that a URL names.
pub(super) fn path_of(url: &str) -> Result<PathBuf, CopyError> {
    match Location::parse(url)? {
        Location::File(path) => Ok(path),
        Location::Memory => Err(CopyError::InMemory),
    }
}

fn refuse_present(file: &Path, database: &Path) -> Result<(), CopyError> {
    match fs::symlink_metadata(file) {
        Ok(_) if is_same(file, database) => Err(CopyError::OntoItself(file.to_owned())),
        Ok(_) => Err(CopyError::FileExists(file.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(source) => Err(failed(file, source)),
    }
}

/// Opens what is there: no migration, no key, no new file. In WAL mode, as a server has it: in any other a reader would
/// stand in the way of who writes.
fn open(path: &Path) -> Result<Connection, CopyError> {
    match fs::metadata(path) {
        Ok(found) if found.len() > 0 => {}
        Ok(_) => return Err(CopyError::NoDatabase(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(CopyError::NoDatabase(path.to_owned()));
        }
        Err(source) => return Err(failed(path, source)),
    }
    connect::beside_others(path, PATIENCE).map_err(|error| whole::broken(path, error))
}

/// The copy, and how many rows each table of the original had. The snapshot ends with this: the log grows while it lasts.
fn out_of_one_snapshot(
    source: &Connection,
    file: &Unfinished,
    watch: &mut Watch<'_>,
) -> Result<(Connection, std::collections::BTreeMap<String, u64>), CopyError> {
    source.execute_batch("BEGIN").map_err(StoreError::from)?;
    let taken = whole::counts(source)
        .map_err(CopyError::from)
        .and_then(|counts| Ok((copy::copy(source, file, watch)?, counts)));
    source.execute_batch("ROLLBACK").map_err(StoreError::from)?;
    taken
}

/// Notes in the database that it was copied: a copy holds its secrets, and `doctor` tells its age. The backup stands
/// without the note.
fn remember(source: &Connection, now: i64) {
    let record = AuditRecord {
        at: now,
        kind: "database.backed_up".to_owned(),
        from: Some("command line".to_owned()),
        ..AuditRecord::default()
    };
    let note = || -> rusqlite::Result<()> {
        source.execute_batch("BEGIN IMMEDIATE")?;
        source.execute(MARK, [now])?;
        audit::put(source, &record)?;
        source.execute_batch("COMMIT")
    };
    if let Err(error) = note() {
        let _ = source.execute_batch("ROLLBACK");
        tracing::warn!(%error, "the backup was made, but the database could not note it");
    }
}

/// When the backup was taken that this is, or the last one of this.
pub(super) fn marked(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection
        .query_row(MARKED, [], |row| row.get(0))
        .optional()
}

pub(super) fn count(connection: &Connection, sql: &str) -> Result<u64, StoreError> {
    let count: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

pub(super) fn close(connection: Connection) -> Result<(), StoreError> {
    connection.close().map_err(|(_, error)| error.into())
}
