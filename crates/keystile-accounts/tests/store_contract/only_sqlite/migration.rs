//! Migrations: once, in order, by one opener at a time.

use std::sync::Arc;

use keystile_accounts::store::{MIGRATIONS, Migration, Options, Store, StoreError, migrate};
use rusqlite::Connection;

use crate::fixture::{Database, MINUTE, NOW, account, fresh};

const FIRST: Migration = Migration {
    version: 1,
    sql: "CREATE TABLE one (id INTEGER) STRICT; INSERT INTO one VALUES (1);",
};
const SECOND: Migration = Migration {
    version: 2,
    sql: "ALTER TABLE one ADD COLUMN name TEXT;",
};
const BROKEN: Migration = Migration {
    version: 2,
    sql: "CREATE TABLE two (id INTEGER); nonsense;",
};

#[test]
fn migrations_run_once_and_in_order() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, &[FIRST]).unwrap();
    migrate(&mut connection, &[FIRST]).unwrap();
    migrate(&mut connection, &[FIRST, SECOND]).unwrap();
    let rows: i64 = connection
        .query_row("SELECT count(*) FROM one WHERE name IS NULL", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(rows, 1);
    let versions: Vec<_> = MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .collect();
    let counted: Vec<_> = (1..).take(versions.len()).collect();
    assert_eq!(versions, counted);
}

#[test]
fn a_migration_that_fails_leaves_nothing() {
    let mut connection = Connection::open_in_memory().unwrap();
    assert!(migrate(&mut connection, &[FIRST, BROKEN]).is_err());
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 0);
    migrate(&mut connection, &[FIRST, SECOND]).unwrap();
}

/// What the second step says of accounts that are there: those whose tokens were ended once, and nobody noted when.
#[test]
fn accounts_of_the_first_schema_are_neither_imported_nor_open_to_older_tokens() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, &MIGRATIONS[..1]).unwrap();
    let old = "INSERT INTO account (id, roles, generation, created_at, updated_at)
        VALUES ('quiet', '[]', 0, 10, 20), ('raised', '[]', 1, 10, 30)";
    connection.execute(old, []).unwrap();
    migrate(&mut connection, MIGRATIONS).unwrap();
    let mut statement = connection
        .prepare("SELECT id, imported, sessions_ended_at FROM account ORDER BY id")
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let rows: Vec<(String, bool, Option<i64>)> = rows.unwrap().map(Result::unwrap).collect();
    let expected = [("quiet", None), ("raised", Some(30))];
    assert_eq!(rows, expected.map(|(id, at)| (id.to_owned(), false, at)));
}

#[test]
fn a_database_from_the_future_is_refused() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, &[FIRST, SECOND]).unwrap();
    let refused = migrate(&mut connection, &[FIRST]);
    assert!(
        matches!(refused, Err(StoreError::TooNew { found: 2, known: 1 })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_changed_migration_is_refused() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, &[FIRST]).unwrap();
    let edited = Migration {
        sql: "CREATE TABLE one (id TEXT) STRICT;",
        ..FIRST
    };
    let refused = migrate(&mut connection, &[edited]);
    assert!(
        matches!(refused, Err(StoreError::ForeignMigration { version: 1 })),
        "{refused:?}"
    );

    let database = Database::sqlite();
    database.open().await.close().await;
    let other = Connection::open(database.path()).unwrap();
    other
        .execute("UPDATE keystile_migration SET checksum = zeroblob(32)", [])
        .unwrap();
    let refused = Store::open(&database.url(), Options::default()).await;
    assert!(
        matches!(refused, Err(StoreError::ForeignMigration { version: 1 })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_openers_of_a_new_database_agree() {
    for _ in 0..10 {
        let database = Arc::new(Database::sqlite());
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

/// What the third step says of keys that are there: they need no public part yet, and a retired one goes in time.
#[test]
fn keys_of_the_second_schema_get_their_times() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, &MIGRATIONS[..2]).unwrap();
    let old = "INSERT INTO signing_key (kid, algorithm, private, state, created_at, state_since)
        VALUES ('a', 'ES256', x'01', 'retired', 10, 20), ('b', 'ES256', x'02', 'signing', 20, 20)";
    connection.execute(old, []).unwrap();
    migrate(&mut connection, MIGRATIONS).unwrap();
    let mut statement = connection
        .prepare("SELECT public, signed_from, due_at FROM signing_key ORDER BY kid")
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let rows: Vec<(String, i64, Option<i64>)> = rows.unwrap().map(Result::unwrap).collect();
    let day = 24 * 3_600_000;
    let expected = [
        (String::new(), 10, Some(20 + day)),
        (String::new(), 20, None),
    ];
    assert_eq!(rows, expected);
}

/// Failures that were counted before attempts under way were counted beside them still count.
#[tokio::test]
async fn counters_of_an_older_schema_count_on() {
    let database = Database::sqlite();
    std::fs::create_dir_all(database.path().parent().unwrap()).unwrap();
    let mut connection = Connection::open(database.path()).unwrap();
    migrate(&mut connection, &MIGRATIONS[..3]).unwrap();
    let key = fresh();
    connection
        .execute(
            "INSERT INTO attempt (key, count, window_ends_at) VALUES (?1, 2, ?2)",
            (key, NOW + MINUTE),
        )
        .unwrap();
    drop(connection);
    crate::limit::one_more_of_three(&database.open().await, key).await;
}
