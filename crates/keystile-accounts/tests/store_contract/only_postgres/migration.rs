//! Migrations: once, in order, by one node at a time.

use std::sync::Arc;

use keystile_accounts::store::{
    Migration, Options, POSTGRES_MIGRATIONS, RevocationRecord, Schema, Store, StoreError,
    migrate_postgres,
};

use crate::fixture::{Database, MINUTE, NOW, account, act, beginning, fresh};
use crate::meeting::connect;

const FIRST: Migration = Migration {
    version: 1,
    sql: "CREATE TABLE one (id BIGINT); INSERT INTO one VALUES (1);",
};
const SECOND: Migration = Migration {
    version: 2,
    sql: "ALTER TABLE one ADD COLUMN name TEXT;",
};
const BROKEN: Migration = Migration {
    version: 2,
    sql: "CREATE TABLE two (id BIGINT); nonsense;",
};

async fn migrate(database: &Database, known: &[Migration]) -> Result<(), StoreError> {
    migrate_postgres(&database.url(), Options::default(), known).await
}

async fn number(database: &Database, sql: &str) -> i64 {
    let client = connect(&database.url()).await;
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn migrations_run_once_and_in_order() {
    let Some(database) = Database::postgres() else {
        return;
    };
    migrate(&database, &[FIRST]).await.unwrap();
    migrate(&database, &[FIRST]).await.unwrap();
    migrate(&database, &[FIRST, SECOND]).await.unwrap();
    let rows = number(&database, "SELECT count(*) FROM one WHERE name IS NULL").await;
    assert_eq!(rows, 1);
    let versions = POSTGRES_MIGRATIONS.iter().map(|step| step.version);
    assert!(versions.eq(1..=i64::try_from(POSTGRES_MIGRATIONS.len()).unwrap()));
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing() {
    let Some(database) = Database::postgres() else {
        return;
    };
    assert!(migrate(&database, &[FIRST, BROKEN]).await.is_err());
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(number(&database, tables).await, 0);
    migrate(&database, &[FIRST, SECOND]).await.unwrap();
}

#[tokio::test]
async fn a_database_from_the_future_or_of_other_steps_is_refused() {
    let Some(database) = Database::postgres() else {
        return;
    };
    migrate(&database, &[FIRST, SECOND]).await.unwrap();
    let refused = migrate(&database, &[FIRST]).await;
    assert!(
        matches!(refused, Err(StoreError::TooNew { found: 2, known: 1 })),
        "{refused:?}"
    );
    let edited = Migration {
        sql: "CREATE TABLE one (id TEXT);",
        ..FIRST
    };
    let refused = migrate(&database, &[edited, SECOND]).await;
    assert!(
        matches!(refused, Err(StoreError::ForeignMigration { version: 1 })),
        "{refused:?}"
    );
    let looked = Store::inspect(&database.url()).await.unwrap().unwrap();
    assert!(
        matches!(looked.schema, Schema::Foreign { version: 1 }),
        "{looked:?}"
    );
    let refused = Store::open(&database.url(), Options::default()).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_look_changes_nothing() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let looked = Store::inspect(&database.url()).await.unwrap().unwrap();
    let known = POSTGRES_MIGRATIONS.last().unwrap().version;
    assert_eq!(looked.schema, Schema::Behind { found: 0, known });
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(number(&database, tables).await, 0);
    account(&database.open().await, "ada").await;
    let looked = Store::inspect(&database.url()).await.unwrap().unwrap();
    assert_eq!(looked.schema, Schema::Current { version: known });
    assert_eq!((looked.accounts, looked.sessions), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_start_together_agree() {
    for _ in 0..5 {
        let Some(database) = Database::postgres() else {
            return;
        };
        let database = Arc::new(database);
        let tasks: Vec<_> = (0..4)
            .map(|number| {
                let database = Arc::clone(&database);
                tokio::spawn(async move {
                    let store = database.open().await;
                    account(&store, &format!("user{number}")).await;
                    store.revocation_snapshot(0).await.unwrap().feed_id
                })
            })
            .collect();
        let mut feeds = Vec::new();
        for task in tasks {
            feeds.push(task.await.unwrap());
        }
        assert!(feeds.iter().all(|feed| *feed == feeds[0]));
        let store = database.open().await;
        assert_eq!(store.password_formats().await.unwrap()[0].1, 4);
    }
}

/// As after a dump was restored into another cluster, which counts its transactions from another number.
#[tokio::test]
async fn in_another_cluster_the_revocations_are_another_history() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let store = database.open().await;
    store.revoke_token(act(), "a token").await.unwrap();
    let before = store.revocations_after(beginning(), 9).await.unwrap();
    store.close().await;
    let client = connect(&database.url()).await;
    client
        .batch_execute(
            "UPDATE meta SET value = 'elsewhere' WHERE name = 'cluster';
             UPDATE revocation SET xid = '1000000000000';",
        )
        .await
        .unwrap();
    let store = database.open().await;
    let after = store.revocations_after(beginning(), 9).await.unwrap();
    assert_ne!(after.feed_id, before.feed_id);
    let told = |rows: &[RevocationRecord]| {
        let told = rows
            .iter()
            .map(|row| (row.id, row.revoked.clone(), row.at, row.until));
        told.collect::<Vec<_>>()
    };
    assert_eq!(told(&after.rows), told(&before.rows));
    assert!(
        after.rows.iter().all(|row| row.place < 1_000_000_000),
        "in this cluster's order"
    );
    let next = store.revocations_after(after.cursor, 9).await.unwrap();
    assert_eq!(next.rows, [], "not at every poll again");
    store.close().await;
    let again = database.open().await.revocation_snapshot(0).await.unwrap();
    assert_eq!(again.feed_id, after.feed_id, "moved once");
}

/// Failures that were counted before attempts under way were counted beside them still count.
#[tokio::test]
async fn counters_of_an_older_schema_count_on() {
    let Some(database) = Database::postgres() else {
        return;
    };
    migrate(&database, &POSTGRES_MIGRATIONS[..1]).await.unwrap();
    let key = fresh();
    let client = connect(&database.url()).await;
    let counted = "INSERT INTO attempt (key, count, window_ends_at) VALUES ($1, 2, $2)";
    client
        .execute(counted, &[&key.as_slice(), &(NOW + MINUTE)])
        .await
        .unwrap();
    crate::limit::one_more_of_three(&database.open().await, key).await;
}
