//! The mark of a move is written before the move is kept, and gets its name after.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::super::transfer::MoveError;
use super::super::{CopyError, StoreError};
use super::mark::mark_of;
use super::unfinished::Unfinished;

const TO_TIME: &str = "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', ?1 / 1000, 'unixepoch')";

/// A mark that lacks nothing but its name.
#[derive(Debug)]
pub(in crate::store) struct Mark {
    unfinished: Unfinished,
    path: PathBuf,
}

impl Mark {
    /// Writes it under a name that means nothing.
    pub(in crate::store) fn prepare(
        database: &Path,
        place: &str,
        digest: &str,
        now: i64,
    ) -> Result<Self, MoveError> {
        let path = mark_of(database);
        let at: String = Connection::open_in_memory()
            .and_then(|any| any.query_row(TO_TIME, [now], |row| row.get(0)))
            .map_err(StoreError::from)?;
        let text = format!(
            "{place}
The database beside this file was moved there at {at}, with the digest {digest}.
While this file is here, Keystile does not open that database. Whoever deletes this file has it back as it was then:
do so only if nobody has used the other since, or what happened there is lost.
"
        );
        let unfinished = Unfinished::beside(&path)?;
        fs::write(unfinished.path(), text).map_err(|source| CopyError::File {
            path: unfinished.path().to_owned(),
            source,
        })?;
        unfinished.flush()?;
        Ok(Self { unfinished, path })
    }

    /// Gives it its name.
    pub(in crate::store) fn set(self) -> Result<PathBuf, MoveError> {
        let Self { unfinished, path } = self;
        match unfinished.name(&path) {
            Ok(()) => Ok(path),
            Err(error) => Err(MoveError::Unmarked {
                why: error.to_string(),
                path,
            }),
        }
    }
}
