//! A file beside a database that was moved elsewhere: whoever would open the database is told where it is now. The
//! database itself is left as it was, so that whoever deletes the mark has it back.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::super::StoreError;
use super::location::{beside, the_file_itself};

/// More of the mark is not read.
const MOST_READ: u64 = 4_096;

/// Beside the file itself, where its name is a link.
pub(super) fn mark_of(database: &Path) -> PathBuf {
    beside(&the_file_itself(database), ".moved")
}

/// Refuses a database that was moved elsewhere. Whatever the mark is, or says: that it is there is enough.
pub(super) fn refuse_moved(database: &Path) -> Result<(), StoreError> {
    let mark = mark_of(database);
    match fs::symlink_metadata(&mark) {
        Ok(found) => Err(StoreError::Moved {
            place: Some(&mark)
                .filter(|_| found.is_file())
                .and_then(|mark| place(mark))
                .unwrap_or_else(|| "another database".to_owned()),
            mark,
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(source) => Err(StoreError::Open { path: mark, source }),
    }
}

/// The first line.
fn place(mark: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(mark).ok()?;
    file.take(MOST_READ).read_to_string(&mut text).ok()?;
    let line = text.lines().next()?;
    Some(line.chars().filter(|c| !c.is_control()).collect())
}
