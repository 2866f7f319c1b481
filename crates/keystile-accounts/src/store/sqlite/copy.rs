//! A database copied page by page, out of one snapshot.

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::super::{CopyError, Progress, StoreError, Watch};
use super::unfinished::Unfinished;

/// Pages in a step: a mebibyte of the usual ones.
const STEP: i32 = 256;
/// Steps between flushes. A writer's own flush waits for what lies in the disk's queue: that is never more than this.
const STEPS_TO_FLUSH: u32 = 16;

/// Copies what `source` sees into `file`; answers a connection to the copy. In WAL mode a reader stands in no writer's way;
/// the snapshot of `source` is the caller's to hold, else every write of others would begin the copy anew.
pub(super) fn copy(
    source: &Connection,
    file: &Unfinished,
    watch: &mut Watch<'_>,
) -> Result<Connection, CopyError> {
    let mut copy = open(file)?;
    let page: u64 = source
        .pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0))
        .map_err(StoreError::from)?
        .into();
    let backup = Backup::new(source, &mut copy).map_err(StoreError::from)?;
    for step in 1_u32.. {
        let outcome = backup.step(STEP).map_err(StoreError::from)?;
        let progress = backup.progress();
        let bytes = |pages: i32| u64::try_from(pages).unwrap_or(0) * page;
        watch.tell(Progress::Copying {
            done: bytes(progress.pagecount - progress.remaining),
            total: bytes(progress.pagecount),
        })?;
        match outcome {
            StepResult::Done => break,
            StepResult::More => {}
            _ => return Err(StoreError::Locked.into()),
        }
        if step % STEPS_TO_FLUSH == 0 {
            file.flush()?;
        }
    }
    drop(backup);
    settle(&copy).map_err(StoreError::from)?;
    Ok(copy)
}

/// Nothing is kept of a copy that breaks off, so it needs no journal and no flush but the last.
fn open(file: &Unfinished) -> Result<Connection, CopyError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let copy = Connection::open_with_flags(file.path(), flags)?;
        copy.pragma_update(None, "trusted_schema", "OFF")?;
        copy.execute_batch("PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;")?;
        Ok(copy)
    };
    Ok(open().map_err(|error: rusqlite::Error| StoreError::from(error))?)
}

/// The header came with the copy and says WAL: one file alone needs none.
fn settle(copy: &Connection) -> rusqlite::Result<()> {
    for mode in ["DELETE", "MEMORY"] {
        copy.pragma_update_and_check(None, "journal_mode", mode, |_| Ok(()))?;
    }
    copy.execute_batch("PRAGMA secure_delete = FAST;")
}
