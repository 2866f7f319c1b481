//! A backup put in the place of the database: copied, checked, brought to this version, told whom not to trust any more,
//! and only then given the name.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::super::{CopyError, Progress, Restoration, Restored, StoreError, Watch};
use super::location::{Location, ServerLock, folder_of, is_same, make_folder, the_file_itself};
use super::replaced::{self, Outliving, Replaced};
use super::unfinished::{Unfinished, failed};
use super::{anew, backup, client, copy, inspect, mark, migrate, snapshot, whole};

const SEQUENCE: &str = "UPDATE account_sequence SET last = max(last, ?1)";
/// See [`super::super::Store::restore`].
pub(in crate::store) fn restore(
    url: &str,
    file: &Path,
    how: Restoration,
    watch: &mut Watch<'_>,
) -> Result<Restored, CopyError> {
    let named = backup::path_of(url)?;
    mark::refuse_moved(&named)?;
    let source = open(file, &named)?;
    make_folder(folder_of(&named))?;
    // Held to the end: no server begins on what is about to be replaced.
    let _lock = ServerLock::claim(&Location::File(named.clone()))?;
    // The file itself, where its name is a link: SQLite's other files lie beside that.
    let database = the_file_itself(&named);
    let former = Replaced::take(&database)?;
    let unfinished = Unfinished::beside(&database)?;
    let mut copied = snapshot_of(&source, &unfinished, watch)?;
    drop(source);
    watch.tell(Progress::Checking)?;
    whole::check(&mut copied, file, watch)?;
    migrate::migrate(&mut copied, migrate::MIGRATIONS)?;
    let undone = former.as_ref().and_then(|former| former.beyond(&copied));
    let outliving = former.as_ref().map(Replaced::outliving).unwrap_or_default();
    let restored = begin_anew(&mut copied, how, &outliving)?;
    backup::close(copied)?;
    watch.go_on()?;
    let kept = former.as_ref().map(|former| former.keep(how.now));
    let kept = kept.transpose()?;
    replaced::keep_log(&database, kept.as_deref(), how.now)?;
    if database.exists() {
        unfinished.replace(&database)?;
    } else {
        // A command may have made one meanwhile.
        unfinished.name(&database)?;
    }
    Ok(Restored {
        replaced: kept,
        undone,
        ..restored
    })
}

/// Opens the backup to read; it stays as it is, be it on a disk that cannot be written.
fn open(file: &Path, database: &Path) -> Result<Connection, CopyError> {
    match fs::metadata(file) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(whole::not_whole(file, "it is not a file")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(CopyError::NoBackup(file.to_owned()));
        }
        Err(source) => return Err(failed(file, source)),
    }
    if is_same(file, database) {
        return Err(CopyError::SameFile(file.to_owned()));
    }
    let source = inspect::open(file)?;
    whole::version(&source, file)?;
    Ok(source)
}

fn snapshot_of(
    source: &Connection,
    unfinished: &Unfinished,
    watch: &mut Watch<'_>,
) -> Result<Connection, CopyError> {
    let mut outcome = Err(CopyError::Stopped);
    snapshot(source, |source| {
        // The snapshot begins with the first read.
        source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        outcome = copy::copy(source, unfinished, watch);
        Ok(())
    })?;
    outcome
}

/// Everything that parts this history from the one that was lost, in one transaction.
fn begin_anew(
    copied: &mut Connection,
    how: Restoration,
    outliving: &Outliving,
) -> Result<Restored, StoreError> {
    let transaction = copied.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let taken_at = backup::marked(&transaction)?;
    transaction.execute(SEQUENCE, [outliving.last_account_id])?;
    for id in &outliving.deleted_clients {
        client::delete_again(&transaction, how, id)?;
    }
    let restored = anew::begin(&transaction, how, taken_at, &outliving.withdrawn_keys)?;
    transaction.commit()?;
    Ok(restored)
}
