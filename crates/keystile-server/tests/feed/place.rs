//! Where the nodes of one test keep what they know.

use keystile::{Clock, Timestamp};
use keystile_accounts::store::{Options, Restoration, Store, Trusted};
use keystile_tests_postgres::{Database, Server};
use tempfile::TempDir;

use crate::node::Node;

/// When tests begin, in seconds.
pub(crate) const BEGINNING: i64 = 1_800_000_000;

/// A database of one test's, and the clock that all go by.
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) clock: Clock,
    pub(crate) database: Option<Database>,
    _folder: TempDir,
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("keystile.db").display());
        Self::of(url, folder, None)
    }

    pub(crate) fn postgres() -> Option<Self> {
        let database = Server::shared()?.database();
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self::of(database.url(), folder, Some(database)))
    }

    fn of(url: String, folder: TempDir, database: Option<Database>) -> Self {
        Self {
            url,
            clock: Clock::manual(Timestamp::from_seconds(BEGINNING)),
            database,
            _folder: folder,
        }
    }

    pub(crate) async fn node(&self) -> Node {
        Node::start(&self.url, &self.clock, 100).await
    }

    /// A node that lets so many readers in.
    pub(crate) async fn small_node(&self, readers: usize) -> Node {
        Node::start(&self.url, &self.clock, readers).await
    }

    /// What follows a restore: another history begins, and everything in it is trusted.
    pub(crate) async fn begin_anew(&self) {
        let store = Store::open(&self.url, Options::default()).await;
        let now = self.clock.now().as_millis();
        let anew = Restoration {
            trusted: Trusted::Everything,
            now,
            revoked_until: now,
        };
        let store = store.expect("the store");
        store.begin_anew(anew).await.expect("a new beginning");
        store.close().await;
    }
}
