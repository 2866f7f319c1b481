//! Filling an empty board: many rows in one transaction, in the order in which their index keeps them. Each transaction
//! leaves the timelines as they must be, so a server may be running beside it.

use anyhow::Result;
use rusqlite::{Connection, Transaction, params};

use super::change::add_post;
use super::{Board, Draft};

const FOLLOW: &str = "INSERT INTO follow (follower, followee) VALUES (?1, ?2)";
const SHOW_THESE: &str =
    "INSERT OR ROLLBACK INTO timeline (reader, post) SELECT ?1, value FROM json_each(?2)";
impl Board {
    /// Whether nobody is here yet.
    pub(crate) async fn is_empty(&self) -> Result<bool> {
        let anybody = |connection: &mut Connection| {
            connection
                .prepare_cached("SELECT 1 FROM person LIMIT 1")?
                .exists([])
        };
        Ok(!self.reading.run(anybody).await?)
    }

    /// Posts. Answers their ids, which ascend.
    pub(crate) async fn seed_posts(&self, drafts: Vec<Draft>) -> Result<Vec<i64>> {
        let insert = move |work: &Transaction<'_>| {
            let posts = drafts.iter().map(|draft| add_post(work, draft));
            posts.collect()
        };
        self.writing.transact(insert).await
    }

    /// Whom somebody follows, and all that these people have written: nobody can sign in as one of them yet, so it is the
    /// same as when it was collected. Sorted, it is appended to the timelines without a search for the place of each row.
    pub(crate) async fn seed_reader(
        &self,
        reader: i64,
        followees: Vec<i64>,
        posts: Vec<i64>,
    ) -> Result<()> {
        let posts = serde_json::to_string(&posts)?;
        let insert = move |work: &Transaction<'_>| {
            let mut follow = work.prepare_cached(FOLLOW)?;
            for followee in followees {
                follow.execute([reader, followee])?;
            }
            work.prepare_cached(SHOW_THESE)?
                .execute(params![reader, posts])
        };
        self.writing.transact(insert).await?;
        Ok(())
    }
}
