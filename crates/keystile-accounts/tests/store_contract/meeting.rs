//! Two writes that meet, with the first held back after it did its work and before it is kept.
//!
//! SQLite has one writer: both wait in its queue, in the order that the test chose. On PostgreSQL the winner holds its rows
//! and waits at a trigger for a lock of the test's own, until the loser waits too, be it for the winner or at the trigger.

use std::pin::Pin;
use std::time::Duration;

use keystile_accounts::store::Store;
use tokio_postgres::{Client, NoTls};

use crate::fixture::{Database, Held, queued};

/// Who goes first in a round: decided with both held back, or left to chance.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum First {
    Ending,
    Other,
    Chance,
}

pub(crate) const ORDERS: [First; 3] = [First::Ending, First::Other, First::Chance];

/// Runs two writes in this order.
pub(crate) async fn meet<A: Send + 'static, B: Send + 'static>(
    database: &Database,
    store: &Store,
    first: First,
    ending: impl Future<Output = A> + Send + 'static,
    other: impl Future<Output = B> + Send + 'static,
) -> (A, B) {
    if first == First::Chance {
        let (ending, other) = (tokio::spawn(ending), tokio::spawn(other));
        return (ending.await.unwrap(), other.await.unwrap());
    }
    let mut back = Back::hold(database, store).await;
    if first == First::Ending {
        let ending = back.start(ending).await;
        let other = back.start(other).await;
        back.release().await;
        (ending.await, other.await)
    } else {
        let other = back.start(other).await;
        let ending = back.start(ending).await;
        back.release().await;
        (ending.await, other.await)
    }
}

/// What holds writes back.
pub(crate) enum Back {
    Sqlite(Held),
    Postgres(Gate),
}

impl Back {
    pub(crate) async fn hold(database: &Database, store: &Store) -> Self {
        match database {
            Database::Sqlite(_) => Self::Sqlite(Held::hold(store).await),
            Database::Postgres(_) => Self::Postgres(Gate::close(&database.url()).await),
        }
    }

    /// Starts a write, and waits until it is held, or waits for one that is.
    pub(crate) async fn start<T: Send + 'static>(
        &mut self,
        write: impl Future<Output = T> + Send + 'static,
    ) -> Pin<Box<dyn Future<Output = T>>> {
        match self {
            Self::Sqlite(_) => queued(write).await,
            Self::Postgres(gate) => gate.start(write).await,
        }
    }

    pub(crate) async fn release(self) {
        match self {
            Self::Sqlite(held) => held.release(),
            Self::Postgres(gate) => gate.open().await,
        }
    }
}

/// A connection of the test's own.
pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// Every write passes one of these tables as the last thing that it does, or next to it.
const GATES: &str = "
    CREATE OR REPLACE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(77); RETURN NEW; END $$;
    CREATE OR REPLACE TRIGGER gate BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION gate();
    CREATE OR REPLACE TRIGGER gate BEFORE INSERT ON spent FOR EACH ROW EXECUTE FUNCTION gate();";
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// That nobody waited in a circle, which PostgreSQL would have broken by failing one. Counted when connections end.
pub(crate) async fn no_circle(database: &Database, store: &Store) {
    const COUNT: &str = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    const OPEN: &str = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'keystile'";
    store.close().await;
    if let Database::Postgres(_) = database {
        let client = connect(&database.url()).await;
        while number(&client, OPEN).await > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(number(&client, COUNT).await, 0, "deadlocks");
    }
}

/// Where writes wait in the database, holding what they hold.
pub(crate) struct Gate {
    client: Client,
    waiting: i64,
}

impl Gate {
    pub(crate) async fn close(url: &str) -> Self {
        let client = connect(url).await;
        client.batch_execute(GATES).await.unwrap();
        client
            .execute("SELECT pg_advisory_lock(77)", &[])
            .await
            .unwrap();
        Self { client, waiting: 0 }
    }

    /// Starts a call and waits until it waits in the database. What only reads does not: it is answered.
    pub(crate) async fn start<T: Send + 'static>(
        &mut self,
        call: impl Future<Output = T> + Send + 'static,
    ) -> Pin<Box<dyn Future<Output = T>>> {
        let call = tokio::spawn(call);
        while !call.is_finished() {
            if number(&self.client, WAITING).await > self.waiting {
                self.waiting += 1;
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Box::pin(async move { call.await.unwrap() })
    }

    pub(crate) async fn open(self) {
        self.client
            .execute("SELECT pg_advisory_unlock(77)", &[])
            .await
            .unwrap();
    }
}
