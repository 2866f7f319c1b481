//! What reads the board. Each read is one statement, so it sees the board as it was at one moment.

use anyhow::Result;
use rusqlite::{OptionalExtension as _, Params, Row};

use super::{Board, Post};
use crate::page::Page;

/// In any case of letters, as signing in: the column's own collation.
const PERSON: &str = "SELECT id, username FROM person WHERE username = ?1";
/// A subject of another issuer's tokens, by this very name.
const ACQUAINTANCE: &str = "SELECT id FROM subject JOIN person ON id = person
    WHERE sub = ?1 AND username = ?2 COLLATE BINARY";
const POST: &str = "SELECT post.id, author, username, content, created_at
    FROM post JOIN person ON person.id = author WHERE post.id = ?1 AND deleted_at IS NULL";
const POSTS_OF: &str = "SELECT post.id, author, username, content, created_at
    FROM post JOIN person ON person.id = author
    WHERE author = ?1 AND post.id < ?2 AND deleted_at IS NULL ORDER BY post.id DESC LIMIT ?3";
/// Three rows for each post of the page: its place in the reader's timeline, the post, its author's name.
pub(super) const TIMELINE: &str = "SELECT post.id, author, username, content, created_at
    FROM timeline JOIN post ON post.id = timeline.post JOIN person ON person.id = author
    WHERE reader = ?1 AND timeline.post < ?2 ORDER BY timeline.post DESC LIMIT ?3";

/// Every statement above, for the test of what they read.
#[cfg(test)]
pub(super) const ALL: [&str; 5] = [PERSON, ACQUAINTANCE, POST, POSTS_OF, TIMELINE];

impl Board {
    /// Somebody by name, in any case of letters: id, and the name as they write it.
    pub(crate) async fn person(&self, username: String) -> Result<Option<(i64, String)>> {
        self.one(PERSON, [username], |row| Ok((row.get(0)?, row.get(1)?)))
            .await
    }

    /// The number of a subject that was met by this name.
    pub(crate) async fn acquaintance(&self, sub: String, username: String) -> Result<Option<i64>> {
        let key = (sub, username);
        self.one(ACQUAINTANCE, key, |row| row.get(0)).await
    }

    /// One post.
    pub(crate) async fn find(&self, id: i64) -> Result<Option<Post>> {
        self.one(POST, [id], Post::from_row).await
    }

    /// A page of what somebody wrote.
    pub(crate) async fn posts_of(&self, author: i64, page: Page) -> Result<Vec<Post>> {
        self.page(POSTS_OF, author, page).await
    }

    /// A page of what those wrote whom the reader follows.
    pub(crate) async fn timeline(&self, reader: i64, page: Page) -> Result<Vec<Post>> {
        self.page(TIMELINE, reader, page).await
    }

    async fn page(&self, sql: &'static str, whose: i64, page: Page) -> Result<Vec<Post>> {
        let bounds = (whose, page.before, page.limit);
        self.reading
            .run(move |connection| {
                let mut statement = connection.prepare_cached(sql)?;
                statement.query_map(bounds, Post::from_row)?.collect()
            })
            .await
    }

    async fn one<T: Send + 'static>(
        &self,
        sql: &'static str,
        key: impl Params + Send + 'static,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        self.reading
            .run(move |connection| {
                let mut statement = connection.prepare_cached(sql)?;
                statement.query_row(key, read).optional()
            })
            .await
    }
}
