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

    /// So many sessions of an account, opened for a client: `many-0` and so on.
    pub(crate) fn open_sessions(&self, account: &str, client: &str, count: usize, now: i64) {
        let until = now + 86_400_000;
        let row = |hash: &str| {
            format!(
                "INSERT INTO session (id, account_id, client_id, token_hash, created_at, last_used_at, expires_at, auth_time, amr)
                 SELECT 'many-' || n, '{account}', '{client}', {hash}, {now}, {now}, {until}, {now}, '[]' FROM"
            )
        };
        let last = count - 1;
        if let Some(database) = &self.database {
            let insert = row("sha256(('many-' || n)::bytea)");
            database.sql(&format!("{insert} generate_series(0, {last}) AS n"));
        } else {
            let insert = row("CAST(printf('%032d', n) AS BLOB)");
            let numbers = format!(
                "(WITH RECURSIVE all_of(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM all_of WHERE n < {last}) SELECT n FROM all_of)"
            );
            let path = self.url.strip_prefix("sqlite://").expect("a path");
            let connection = rusqlite::Connection::open(path).expect("the database");
            connection
                .execute(&format!("{insert} {numbers}"), ())
                .expect("sessions");
        }
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
