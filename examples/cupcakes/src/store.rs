//! The cupcakes' table. The accounts keep theirs in the same file; neither looks into the other's.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags, Row, params};
use serde::Serialize;

use crate::sealed::EncryptionKey;

/// `flavor_key` is the flavor in lower case, in any script. `key_check` holds one sealed word, so that another
/// `ENCRYPTION_KEY` is noticed at the start and not at the first read.
const TABLES: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS cupcake (
        id           INTEGER PRIMARY KEY AUTOINCREMENT,
        author       INTEGER NOT NULL,
        flavor       TEXT    NOT NULL,
        flavor_key   TEXT    NOT NULL,
        instructions BLOB    NOT NULL
    );
    CREATE INDEX IF NOT EXISTS cupcake_by_flavor ON cupcake (flavor_key);
    CREATE TABLE IF NOT EXISTS key_check (sealed BLOB NOT NULL);";

/// One recipe, as it is answered.
#[derive(Debug, Serialize)]
pub(crate) struct Cupcake {
    id: i64,
    flavor: String,
    instructions: String,
}

/// What became of a deletion.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Deletion {
    /// It is gone.
    Done,
    /// There was none.
    NoSuchCupcake,
    /// There is one, but somebody else wrote it.
    NotTheAuthor,
}

/// The table, with the key that its instructions are encrypted under.
#[derive(Clone, Debug)]
pub(crate) struct Cupcakes(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    connection: Mutex<Connection>,
    key: EncryptionKey,
}

impl Cupcakes {
    /// Opens the file, and makes the table if need be.
    pub(crate) fn open(file: &Path, key: EncryptionKey) -> Result<Self> {
        // Without SQLITE_OPEN_URI: a path is a path, whatever it begins with.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch(TABLES)?;
        // One statement: of two programs that start at once, the first one's key is kept.
        connection.execute(
            "INSERT INTO key_check SELECT ?1 WHERE NOT EXISTS (SELECT * FROM key_check)",
            [key.seal("cupcakes", "key_check")?],
        )?;
        let sql = "SELECT sealed FROM key_check";
        let sealed: Vec<u8> = connection.query_row(sql, [], |row| row.get(0))?;
        key.open(&sealed, "key_check").with_context(|| {
            let file = file.display();
            format!("{file} was written under another ENCRYPTION_KEY: put that one back")
        })?;
        Ok(Self(Arc::new(Opened {
            connection: Mutex::new(connection),
            key,
        })))
    }

    /// All cupcakes, or those of one flavor, whatever its case.
    pub(crate) async fn list(&self, flavor: Option<String>) -> Result<Vec<Cupcake>> {
        self.run(move |it, connection| {
            let wanted = flavor.map(|flavor| flavor.to_lowercase());
            let sql = "SELECT id, author, flavor, instructions FROM cupcake
                       WHERE ?1 IS NULL OR flavor_key = ?1 ORDER BY id";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_and_then([wanted], |row| it.unsealed(row))?;
            rows.collect()
        })
        .await
    }

    /// One cupcake.
    pub(crate) async fn find(&self, id: i64) -> Result<Option<Cupcake>> {
        self.run(move |it, connection| {
            let sql = "SELECT id, author, flavor, instructions FROM cupcake WHERE id = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            statement
                .query_and_then([id], |row| it.unsealed(row))?
                .next()
                .transpose()
        })
        .await
    }

    /// A new cupcake of this author's.
    pub(crate) async fn add(
        &self,
        author: i64,
        flavor: String,
        instructions: String,
    ) -> Result<Cupcake> {
        self.run(move |it, connection| {
            let sealed = it.key.seal(&instructions, &place(author, &flavor))?;
            let sql = "INSERT INTO cupcake (author, flavor, flavor_key, instructions) VALUES (?1, ?2, ?3, ?4)";
            connection.execute(sql, params![author, flavor, flavor.to_lowercase(), sealed])?;
            Ok(Cupcake { id: connection.last_insert_rowid(), flavor, instructions })
        })
        .await
    }

    /// Deletes a cupcake if this is its author. The statement itself decides; what follows only explains.
    pub(crate) async fn delete(&self, id: i64, author: i64) -> Result<Deletion> {
        self.run(move |_, connection| {
            let sql = "DELETE FROM cupcake WHERE id = ?1 AND author = ?2";
            if connection.execute(sql, [id, author])? == 1 {
                return Ok(Deletion::Done);
            }
            let exists = connection
                .prepare_cached("SELECT 1 FROM cupcake WHERE id = ?1")?
                .exists([id])?;
            Ok(if exists {
                Deletion::NotTheAuthor
            } else {
                Deletion::NoSuchCupcake
            })
        })
        .await
    }

    /// Runs blocking work off the threads that serve requests.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Opened, &Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let opened = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            let connection = opened
                .connection
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            work(&opened, &connection)
        })
        .await?
    }
}

impl Opened {
    fn unsealed(&self, row: &Row<'_>) -> Result<Cupcake> {
        let (id, author, flavor): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let sealed: Vec<u8> = row.get(3)?;
        let instructions = self.key.open(&sealed, &place(author, &flavor))?;
        Ok(Cupcake {
            id,
            flavor,
            instructions,
        })
    }
}

/// What a row's ciphertext is bound to: put under another author or flavor, it does not open.
fn place(author: i64, flavor: &str) -> String {
    format!("{author}/{flavor}")
}
