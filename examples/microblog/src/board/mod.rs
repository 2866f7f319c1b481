//! The tables of people, posts, follows and timelines. The accounts keep theirs in the same file; neither looks into
//! the other's.

mod change;
mod pool;
mod read;
mod seed;
#[cfg(test)]
mod size;
mod tables;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use keystile::Timestamp;
use rusqlite::{Connection, Row};
use serde::Serialize;

use self::pool::Pool;

/// Connections that read. One writes: SQLite lets one write at a time anyway.
const READERS: usize = 4;

/// The board. Clones share its connections.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    reading: Arc<Pool>,
    writing: Arc<Pool>,
}

/// A post to be.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) author: i64,
    pub(crate) content: String,
    pub(crate) written: Timestamp,
}

/// A post, as it is answered.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Post {
    pub(crate) postid: i64,
    userid: i64,
    username: String,
    content: String,
    created: String,
}

/// What became of a follow or an unfollow, with the followee's name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is so now.
    Done(String),
    /// It was so before.
    Nothing(String),
    /// There is nobody of that id.
    NoSuchUser,
}

/// What became of a deletion.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Deletion {
    /// No read finds it any more.
    Done,
    /// Somebody else wrote it.
    NotTheAuthor,
    /// There is none, or no longer.
    NoSuchPost,
}

impl Board {
    /// Makes the file and the tables if need be, where there are no accounts in it.
    pub(crate) fn make(file: &Path) -> Result<Self> {
        let made = Connection::open(file)?;
        made.pragma_update(None, "journal_mode", "wal")?;
        Self::open(file)
    }

    /// Makes the tables if need be. The accounts have opened the file before, and turned on its log.
    pub(crate) fn open(file: &Path) -> Result<Self> {
        let board = Self {
            reading: Pool::new(file.to_owned(), READERS, "PRAGMA query_only = ON;"),
            writing: Pool::new(
                file.to_owned(),
                1,
                "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -32768;",
            ),
        };
        board
            .writing
            .lend(|connection: &mut Connection| connection.execute_batch(tables::TABLES))?;
        Ok(board)
    }
}

impl Post {
    /// From the columns `id, author, username, content, created_at`.
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let created = jiff::Timestamp::from_millisecond(row.get(4)?);
        Ok(Self {
            postid: row.get(0)?,
            userid: row.get(1)?,
            username: row.get(2)?,
            content: row.get(3)?,
            created: created.unwrap_or_default().to_string(),
        })
    }
}
