//! The customers' table. The accounts keep theirs in the same file; neither looks into the other's.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use keystile_accounts::Account;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;

/// A row is `arriving` until its account is made and `leaving` while its account is deleted; `membership` says why.
/// What is not `listed` is nobody's customer yet. Ids are never used twice.
const TABLES: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = FAST;
    CREATE TABLE IF NOT EXISTS customer (
        id       INTEGER PRIMARY KEY AUTOINCREMENT,
        name     TEXT NOT NULL,
        email    TEXT NOT NULL,
        phone    TEXT NOT NULL,
        username TEXT NOT NULL,
        standing TEXT NOT NULL DEFAULT 'here' CHECK (standing IN ('arriving', 'here', 'leaving'))
    ) STRICT;
    CREATE INDEX IF NOT EXISTS customer_listed ON customer (id) WHERE standing <> 'arriving';
    CREATE INDEX IF NOT EXISTS customer_unsettled ON customer (id) WHERE standing <> 'here';
    CREATE VIEW IF NOT EXISTS listed AS
        SELECT id, name, email, phone, username FROM customer WHERE standing <> 'arriving';";

/// Steps over the customers before the page in an index, which has their ids and nothing else.
const PAGE: &str =
    "SELECT id, name, email, phone, username FROM listed ORDER BY id LIMIT ?1 OFFSET ?2";

/// What a customer is, as everybody may be answered: no password is near it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Customer {
    pub(crate) id: i64,
    #[serde(flatten)]
    pub(crate) person: Person,
}

/// What a customer tells of themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) username: String,
}

/// The table: a connection that writes, and one that reads meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Customers {
    writes: Arc<Mutex<Connection>>,
    reads: Arc<Mutex<Connection>>,
}

impl Customers {
    /// Opens the file, and makes the table if need be.
    pub(crate) fn open(file: &Path) -> Result<Self> {
        let connect = || -> Result<Connection> {
            let connection = Connection::open(file)?;
            connection.busy_timeout(Duration::from_secs(5))?;
            Ok(connection)
        };
        let (writes, reads) = (connect()?, connect()?);
        writes.execute_batch(TABLES)?;
        Ok(Self {
            writes: Arc::new(Mutex::new(writes)),
            reads: Arc::new(Mutex::new(reads)),
        })
    }

    /// A new row, not listed yet. Its id is what the account is made under.
    pub(crate) async fn reserve(&self, person: &Person) -> Result<i64> {
        let person = person.clone();
        run(&self.writes, move |connection| {
            let sql = "INSERT INTO customer (name, email, phone, username, standing)
                       VALUES (?1, ?2, ?3, ?4, 'arriving')";
            let Person {
                name,
                email,
                phone,
                username,
            } = person;
            connection.execute(sql, params![name, email, phone, username])?;
            Ok(connection.last_insert_rowid())
        })
        .await
    }

    /// The row's account is made: it is listed from now on. An account of the same id that was made for somebody else
    /// has other names, and changes nothing.
    pub(crate) async fn arrived(&self, account: &Account) -> Result<bool> {
        let Account {
            id,
            username,
            email,
            ..
        } = account.clone();
        run(&self.writes, move |connection| {
            let sql = "UPDATE customer SET standing = 'here'
                       WHERE id = ?1 AND username = ?2 AND email = ?3 AND standing = 'arriving'";
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.execute(params![id.as_str(), username, email])? == 1)
        })
        .await
    }

    /// The row will have no account.
    pub(crate) async fn turned_away(&self, id: i64) -> Result<bool> {
        self.change(
            "DELETE FROM customer WHERE id = ?1 AND standing = 'arriving'",
            id,
        )
        .await
    }

    /// The row's account is about to be deleted. `false` if no such row is listed.
    pub(crate) async fn leaving(&self, id: i64) -> Result<bool> {
        self.change(
            "UPDATE customer SET standing = 'leaving' WHERE id = ?1 AND standing <> 'arriving'",
            id,
        )
        .await
    }

    /// The row's account is still there.
    pub(crate) async fn stays(&self, id: i64) -> Result<bool> {
        self.change(
            "UPDATE customer SET standing = 'here' WHERE id = ?1 AND standing = 'leaving'",
            id,
        )
        .await
    }

    /// The row's account is gone.
    pub(crate) async fn gone(&self, id: i64) -> Result<bool> {
        self.change(
            "DELETE FROM customer WHERE id = ?1 AND standing = 'leaving'",
            id,
        )
        .await
    }

    /// Ids of the rows that a broken-off sign-up or deletion left behind.
    pub(crate) async fn unsettled(&self) -> Result<Vec<i64>> {
        run(&self.reads, |connection| {
            let sql = "SELECT id FROM customer WHERE standing <> 'here' ORDER BY id";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// One customer.
    pub(crate) async fn find(&self, id: i64) -> Result<Option<Customer>> {
        run(&self.reads, move |connection| {
            let sql = "SELECT id, name, email, phone, username FROM listed WHERE id = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.query_row([id], Customer::read).optional()?)
        })
        .await
    }

    /// At most `limit` customers in the order of their ids, after the first `offset` ones.
    pub(crate) async fn page(&self, limit: u32, offset: u32) -> Result<Vec<Customer>> {
        run(&self.reads, move |connection| {
            let mut statement = connection.prepare_cached(PAGE)?;
            let rows = statement.query_map([limit, offset], Customer::read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// One statement about one row, which decides for itself. Says whether it changed the row.
    async fn change(&self, sql: &'static str, id: i64) -> Result<bool> {
        run(&self.writes, move |connection| {
            Ok(connection.prepare_cached(sql)?.execute([id])? == 1)
        })
        .await
    }
}

/// Runs blocking work off the threads that serve requests.
async fn run<T: Send + 'static>(
    connection: &Arc<Mutex<Connection>>,
    work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
) -> Result<T> {
    let connection = Arc::clone(connection);
    tokio::task::spawn_blocking(move || {
        work(&connection.lock().unwrap_or_else(PoisonError::into_inner))
    })
    .await?
}

impl Customer {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            person: Person {
                name: row.get(1)?,
                email: row.get(2)?,
                phone: row.get(3)?,
                username: row.get(4)?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_steps_through_an_index_and_sorts_nothing() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLES).unwrap();
        let mut plan = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {PAGE}"))
            .unwrap();
        let steps = plan
            .query_map([100, 99_900], |row| row.get::<_, String>(3))
            .unwrap();
        let steps: Vec<String> = steps.collect::<Result<_, _>>().unwrap();
        assert_eq!(steps, ["SCAN customer USING INDEX customer_listed"]);
    }
}
