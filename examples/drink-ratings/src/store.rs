//! The testimonials' table. The accounts keep theirs in the same file; neither looks into the other's.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::Serialize;

const TABLES: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS testimonial (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        name        TEXT NOT NULL,
        testimonial TEXT NOT NULL
    );";

/// What somebody says of a drink, as it is answered.
#[derive(Debug, Serialize)]
pub(crate) struct Testimonial {
    id: i64,
    name: String,
    #[serde(rename = "testimonial")]
    words: String,
}

/// The table.
#[derive(Clone, Debug)]
pub(crate) struct Testimonials(Arc<Mutex<Connection>>);

impl Testimonials {
    /// Opens the file, and makes the table if need be.
    pub(crate) fn open(file: &Path) -> Result<Self> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch(TABLES)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// All of them.
    pub(crate) async fn list(&self) -> Result<Vec<Testimonial>> {
        self.run(|connection| {
            let sql = "SELECT id, name, testimonial FROM testimonial ORDER BY id";
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_map([], read)?.collect()
        })
        .await
    }

    /// One of them.
    pub(crate) async fn find(&self, id: i64) -> Result<Option<Testimonial>> {
        self.run(move |connection| {
            let sql = "SELECT id, name, testimonial FROM testimonial WHERE id = ?1";
            connection
                .prepare_cached(sql)?
                .query_row([id], read)
                .optional()
        })
        .await
    }

    /// A new one.
    pub(crate) async fn add(&self, name: String, words: String) -> Result<Testimonial> {
        self.run(move |connection| {
            let sql = "INSERT INTO testimonial (name, testimonial) VALUES (?1, ?2)
                       RETURNING id, name, testimonial";
            connection
                .prepare_cached(sql)?
                .query_row((name, words), read)
        })
        .await
    }

    /// Other words for one that is there; `None` if it is not.
    pub(crate) async fn change(
        &self,
        id: i64,
        name: String,
        words: String,
    ) -> Result<Option<Testimonial>> {
        self.run(move |connection| {
            let sql = "UPDATE testimonial SET name = ?2, testimonial = ?3 WHERE id = ?1
                       RETURNING id, name, testimonial";
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_row((id, name, words), read).optional()
        })
        .await
    }

    /// Deletes it; whether it was there.
    pub(crate) async fn delete(&self, id: i64) -> Result<bool> {
        self.run(move |connection| {
            let sql = "DELETE FROM testimonial WHERE id = ?1";
            Ok(connection.prepare_cached(sql)?.execute([id])? == 1)
        })
        .await
    }

    /// Runs blocking work off the threads that serve requests.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let connection = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            work(&connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        Ok(done.await??)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Testimonial> {
    Ok(Testimonial {
        id: row.get(0)?,
        name: row.get(1)?,
        words: row.get(2)?,
    })
}
