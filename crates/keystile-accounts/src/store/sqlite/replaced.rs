//! The database that a restore replaces: taken out of everybody's hands, asked what it knew, kept beside the new one.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::super::{CopyError, StoreError, Undone};
use super::backup::PATIENCE;
use super::connect;
use super::location::beside;
use super::unfinished::failed;

const TO_DAY: &str = "SELECT strftime('%Y%m%dT%H%M%SZ', ?1 / 1000, 'unixepoch')";
const FEED_ID: &str = "SELECT value FROM meta WHERE name = 'feed_id'";
const LAST_AUDIT: &str = "SELECT coalesce(max(id), 0) FROM audit";
const LAST_ID: &str = "SELECT last FROM account_sequence";
/// But for those that only a restore withdrew: whoever takes that restore back has them again.
const WITHDRAWN: &str = "SELECT kid, state_since FROM signing_key WHERE state = 'withdrawn'
    AND state_since NOT IN (SELECT at FROM audit WHERE kind = 'database.restored')";
const DELETED_CLIENTS: &str = "SELECT json_extract(detail, '$.client_id') FROM audit
    WHERE kind = 'client.deleted' AND json_valid(detail)";
const CREATED: &str = "SELECT count(*) FROM audit WHERE id > ?1 AND kind = 'account.created'";
/// The accounts that a kind of act was done to since, each once.
const TOUCHED: &str = "SELECT DISTINCT account_id FROM audit
    WHERE id > ?1 AND account_id IS NOT NULL AND kind IN (?2, ?3) ORDER BY account_id";
const DISABLED: &str = "SELECT 1 FROM account WHERE id = ?1 AND disabled_at IS NOT NULL";
const KNOWN: &str = "SELECT 1 FROM account WHERE id = ?1";
/// Nobody reads more names than these.
const MOST_TOLD: usize = 100;
/// Most names that one second's restores may ask for.
const MOST_IN_A_SECOND: u32 = 100;

/// What of it outlives the restore, whatever that trusts.
#[derive(Debug, Default)]
pub(super) struct Outliving {
    /// The last decimal account id that it gave away: none comes again.
    pub(super) last_account_id: i64,
    /// The keys that somebody withdrew, each with the time: none is good again.
    pub(super) withdrawn_keys: Vec<(String, i64)>,
    /// The clients that somebody deleted: none opens anything again.
    pub(super) deleted_clients: Vec<String>,
}

/// The former database. While this is held nobody else has it open, as far as it can be opened at all.
#[derive(Debug)]
pub(super) struct Replaced {
    path: PathBuf,
    /// None where it is too broken to open: then its log is part of what is kept.
    held: Option<Connection>,
}

impl Replaced {
    /// Takes the database, if there is one, and folds its log into it.
    pub(super) fn take(path: &Path) -> Result<Option<Self>, CopyError> {
        match fs::metadata(path) {
            Ok(found) if found.len() > 0 => {}
            // An empty file is what an opening that broke off leaves: there is nothing to keep.
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(path, source)),
        }
        let path = path.to_owned();
        match alone(&path) {
            Ok(held) => Ok(Some(Self {
                path,
                held: Some(held),
            })),
            Err(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    Err(CopyError::InUse(path))
                }
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    Ok(Some(Self { path, held: None }))
                }
                _ => Err(StoreError::from(error).into()),
            },
        }
    }

    /// Empty where it cannot be read.
    pub(super) fn outliving(&self) -> Outliving {
        let asked = |held: &Connection| -> rusqlite::Result<Outliving> {
            let mut statement = held.prepare(WITHDRAWN)?;
            let keys = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(Outliving {
                last_account_id: held.query_row(LAST_ID, [], |row| row.get(0))?,
                withdrawn_keys: keys.collect::<rusqlite::Result<_>>()?,
                deleted_clients: deleted_clients(held)?,
            })
        };
        let held = self.held.as_ref();
        held.and_then(|held| asked(held).ok()).unwrap_or_default()
    }

    /// Whether the backup is of this one's own past, as far as their feeds tell.
    fn continues(&self, backup: &Connection) -> bool {
        let feed_id = |of: &Connection| {
            of.query_row(FEED_ID, [], |row| row.get::<_, String>(0))
                .ok()
        };
        let own = self.held.as_ref().and_then(feed_id);
        own.is_some() && own == feed_id(backup)
    }

    /// What it knew beyond `backup`, which must be a copy of its own past. None where that cannot be told.
    pub(super) fn beyond(&self, backup: &Connection) -> Option<Undone> {
        let held = self.held.as_ref()?;
        self.continues(backup).then_some(())?;
        let since: i64 = backup.query_row(LAST_AUDIT, [], |row| row.get(0)).ok()?;
        let newest: i64 = held.query_row(LAST_AUDIT, [], |row| row.get(0)).ok()?;
        // An older copy in the place of a newer one knows nothing beyond it.
        (newest >= since).then_some(())?;
        let touched = |kind: &str, or: &str, now: Option<&str>| -> rusqlite::Result<Vec<String>> {
            let mut known = backup.prepare(KNOWN)?;
            let mut so_now = now.map(|sql| held.prepare(sql)).transpose()?;
            let mut statement = held.prepare(TOUCHED)?;
            let rows = statement.query_map((since, kind, or), |row| row.get(0))?;
            let mut told = Vec::new();
            for id in rows {
                let id: String = id?;
                let holds = match &mut so_now {
                    Some(statement) => statement.exists([&id])?,
                    None => true,
                };
                if told.len() < MOST_TOLD && holds && known.exists([&id])? {
                    told.push(id);
                }
            }
            Ok(told)
        };
        let created: i64 = held.query_row(CREATED, [since], |row| row.get(0)).ok()?;
        let (changed, set) = ("account.password_changed", "account.password_set");
        Some(Undone {
            created: u64::try_from(created).unwrap_or(0),
            disabled: touched("account.disabled", "", Some(DISABLED)).ok()?,
            deleted: touched("account.deleted", "", None).ok()?,
            passwords: touched(changed, set, None).ok()?,
            roles: touched("account.roles_set", "", None).ok()?,
        })
    }

    /// Gives it a second name. At every moment a whole database has the first name.
    pub(super) fn keep(&self, now: i64) -> Result<PathBuf, CopyError> {
        for number in 1..=MOST_IN_A_SECOND {
            let kept = dated(&self.path, now, number)?;
            match second_name(&self.path, &kept) {
                Ok(()) => return Ok(kept),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(source) => return Err(failed(&kept, source)),
            }
        }
        Err(CopyError::FileExists(dated(&self.path, now, 1)?))
    }
}

fn deleted_clients(held: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = held.prepare(DELETED_CLIENTS)?;
    let ids = statement.query_map([], |row| row.get::<_, Option<String>>(0))?;
    let ids: Vec<Option<String>> = ids.collect::<rusqlite::Result<_>>()?;
    Ok(ids.into_iter().flatten().collect())
}

/// A log that could not be folded into its database, or lies there without one: beside the new database it would be taken
/// for that one's own.
pub(super) fn keep_log(path: &Path, kept: Option<&Path>, now: i64) -> Result<(), CopyError> {
    let kept = match kept {
        Some(kept) => kept.to_owned(),
        None => dated(path, now, 1)?,
    };
    for end in ["-wal", "-journal", "-shm"] {
        let log = beside(path, end);
        match fs::rename(&log, beside(&kept, end)) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                return Err(failed(&log, source));
            }
            _ => {}
        }
    }
    Ok(())
}

fn dated(path: &Path, now: i64, number: u32) -> Result<PathBuf, CopyError> {
    let stamp = Connection::open_in_memory()
        .and_then(|any| any.query_row(TO_DAY, [now], |row| row.get::<_, String>(0)))
        .map_err(StoreError::from)?;
    let end = match number {
        1 => format!(".replaced-{stamp}"),
        number => format!(".replaced-{stamp}-{number}"),
    };
    Ok(beside(path, &end))
}

/// A second name for the file; where the file system has none, a copy.
fn second_name(path: &Path, name: &Path) -> std::io::Result<()> {
    match fs::hard_link(path, name) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            if name.exists() {
                return Err(ErrorKind::AlreadyExists.into());
            }
            fs::copy(path, name).and_then(|_| fs::File::open(name)?.sync_all())
        }
        outcome => outcome,
    }
}

/// Leaving WAL mode needs the database for oneself, and makes one file of it.
fn alone(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let held = Connection::open_with_flags(path, flags)?;
    // What cannot be opened is kept as it lies: closing it must not take its log away.
    held.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    held.busy_timeout(PATIENCE)?;
    held.pragma_update(None, "trusted_schema", "OFF")?;
    connect::journal(&held, "DELETE", PATIENCE)?;
    held.execute_batch("BEGIN EXCLUSIVE")?;
    Ok(held)
}
