//! What changes the board: each change is one transaction, and the statement that makes it decides whether it may.

use anyhow::Result;
use keystile::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{Board, Change, Deletion, Draft};

/// The name is another account's now: who had it was deleted or renamed. No name has brackets.
const FREE_NAME: &str =
    "UPDATE person SET username = '(' || id || ')' WHERE username = ?2 AND id <> ?1";
const REMEMBER: &str = "INSERT INTO person (id, username) VALUES (?1, ?2)
    ON CONFLICT (id) DO UPDATE SET username = excluded.username WHERE username IS NOT excluded.username";

const MET: &str = "SELECT person FROM subject WHERE sub = ?1";
const NEW_PERSON: &str = "INSERT INTO person (username) VALUES (?1)";
const NEW_SUBJECT: &str = "INSERT INTO subject (sub, person) VALUES (?1, ?2)";

const ADD_POST: &str = "INSERT INTO post (author, content, created_at) VALUES (?1, ?2, ?3)";
/// A row that is there already would undo the transaction; by saying so, SQLite need not keep a journal to undo the
/// statement alone, which took a third of its time.
const SHOW_TO_FOLLOWERS: &str = "INSERT OR ROLLBACK INTO timeline (reader, post)
    SELECT follower, ?1 FROM follow WHERE followee = ?2";

/// Whose it is, is decided here and nowhere before.
const MARK_DELETED: &str =
    "UPDATE post SET deleted_at = ?3 WHERE id = ?1 AND author = ?2 AND deleted_at IS NULL";
const HIDE_FROM_FOLLOWERS: &str = "DELETE FROM timeline WHERE post = ?1
    AND reader IN (SELECT follower FROM follow WHERE followee = ?2)";
const IS_THERE: &str = "SELECT 1 FROM post WHERE id = ?1 AND deleted_at IS NULL";

const NAME: &str = "SELECT username FROM person WHERE id = ?1";
const FOLLOW: &str =
    "INSERT INTO follow (follower, followee) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
const SHOW_POSTS: &str = "INSERT OR ROLLBACK INTO timeline (reader, post)
    SELECT ?1, id FROM post WHERE author = ?2 AND deleted_at IS NULL";
const UNFOLLOW: &str = "DELETE FROM follow WHERE follower = ?1 AND followee = ?2";
const HIDE_POSTS: &str = "DELETE FROM timeline WHERE reader = ?1
    AND post IN (SELECT id FROM post WHERE author = ?2 AND deleted_at IS NULL)";

/// Every statement above, for the test of what they read.
#[cfg(test)]
pub(super) const ALL: [&str; 15] = [
    FREE_NAME,
    REMEMBER,
    MET,
    NEW_PERSON,
    NEW_SUBJECT,
    ADD_POST,
    SHOW_TO_FOLLOWERS,
    MARK_DELETED,
    HIDE_FROM_FOLLOWERS,
    IS_THERE,
    NAME,
    FOLLOW,
    SHOW_POSTS,
    UNFOLLOW,
    HIDE_POSTS,
];

impl Board {
    /// Takes a person's name over from their account.
    pub(crate) async fn remember(&self, id: i64, username: String) -> Result<()> {
        let remember = move |work: &Transaction<'_>| {
            let person = params![id, username];
            work.prepare_cached(FREE_NAME)?.execute(person)?;
            work.prepare_cached(REMEMBER)?.execute(person)
        };
        self.writing.transact(remember).await?;
        Ok(())
    }

    /// The number of a subject of another issuer's tokens: given at first sight, and the name taken over at each change.
    pub(crate) async fn meet(&self, sub: String, username: String) -> Result<i64> {
        if let Some(id) = self.acquaintance(sub.clone(), username.clone()).await? {
            return Ok(id);
        }
        let meet = move |work: &Transaction<'_>| {
            let met = work
                .prepare_cached(MET)?
                .query_row([&sub], |row| row.get(0))
                .optional()?;
            // No person has the number 0.
            work.prepare_cached(FREE_NAME)?
                .execute(params![met.unwrap_or(0), username])?;
            if let Some(id) = met {
                work.prepare_cached(REMEMBER)?
                    .execute(params![id, username])?;
                return Ok(id);
            }
            work.prepare_cached(NEW_PERSON)?.execute([&username])?;
            let id = work.last_insert_rowid();
            work.prepare_cached(NEW_SUBJECT)?
                .execute(params![sub, id])?;
            Ok(id)
        };
        self.writing.transact(meet).await
    }

    /// A new post, in the timeline of each follower at once. Answers its id.
    pub(crate) async fn create(&self, draft: Draft) -> Result<i64> {
        let create = move |work: &Transaction<'_>| add_post(work, &draft);
        self.writing.transact(create).await
    }

    /// Marks a post as deleted if this is its author.
    pub(crate) async fn delete(&self, id: i64, author: i64, now: Timestamp) -> Result<Deletion> {
        let delete = move |work: &Transaction<'_>| {
            let marked =
                work.prepare_cached(MARK_DELETED)?
                    .execute([id, author, now.as_millis()])?;
            if marked == 1 {
                work.prepare_cached(HIDE_FROM_FOLLOWERS)?
                    .execute([id, author])?;
                return Ok(Deletion::Done);
            }
            Ok(if work.prepare_cached(IS_THERE)?.exists([id])? {
                Deletion::NotTheAuthor
            } else {
                Deletion::NoSuchPost
            })
        };
        self.writing.transact(delete).await
    }

    /// Follows, and puts the followee's posts into the follower's timeline.
    pub(crate) async fn follow(&self, follower: i64, followee: i64) -> Result<Change> {
        self.change(follower, followee, FOLLOW, SHOW_POSTS).await
    }

    /// Follows no more, and takes them out again.
    pub(crate) async fn unfollow(&self, follower: i64, followee: i64) -> Result<Change> {
        self.change(follower, followee, UNFOLLOW, HIDE_POSTS).await
    }

    async fn change(
        &self,
        follower: i64,
        followee: i64,
        change: &'static str,
        timeline: &'static str,
    ) -> Result<Change> {
        let change = move |work: &Transaction<'_>| {
            let name = work
                .prepare_cached(NAME)?
                .query_row([followee], |row| row.get(0))
                .optional()?;
            let Some(name) = name else {
                return Ok(Change::NoSuchUser);
            };
            let both = [follower, followee];
            if work.prepare_cached(change)?.execute(both)? == 0 {
                return Ok(Change::Nothing(name));
            }
            work.prepare_cached(timeline)?.execute(both)?;
            Ok(Change::Done(name))
        };
        self.writing.transact(change).await
    }
}

pub(super) fn add_post(work: &Transaction<'_>, draft: &Draft) -> rusqlite::Result<i64> {
    work.prepare_cached(ADD_POST)?.execute(params![
        draft.author,
        draft.content,
        draft.written.as_millis()
    ])?;
    let id = work.last_insert_rowid();
    work.prepare_cached(SHOW_TO_FOLLOWERS)?
        .execute([id, draft.author])?;
    Ok(id)
}
