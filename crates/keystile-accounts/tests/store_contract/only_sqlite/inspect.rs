//! A look writes nothing: not in the database, not beside it.

use std::collections::BTreeMap;
use std::path::Path;

use keystile_accounts::store::{MIGRATIONS, Migration, Schema, Store, StoreError, inspect};

use crate::fixture::{Database, account, session};

/// Every file of the folder with what is in it.
fn files(database: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(folder) = std::fs::read_dir(database.parent().unwrap()) else {
        return BTreeMap::new();
    };
    folder
        .map(|file| {
            let path = file.unwrap().path();
            (path.display().to_string(), std::fs::read(path).unwrap())
        })
        .collect()
}

/// A database that nobody has open, with nothing beside it.
async fn at_rest() -> Database {
    let database = Database::sqlite();
    let store = database.open().await;
    let ada = account(&store, "ada").await;
    session(&store, &ada).await;
    store.close().await;
    database
}

#[tokio::test]
async fn an_older_schema_is_told_and_stays() {
    let database = at_rest().await;
    let before = files(&database.path());
    let ours = MIGRATIONS.last().unwrap().version;
    let newer = Migration {
        version: ours + 1,
        sql: "CREATE TABLE later (id INTEGER) STRICT;",
    };
    let known = [MIGRATIONS, &[newer]].concat();
    let found = inspect(&database.url(), &known).unwrap().unwrap();
    assert_eq!(
        found.schema,
        Schema::Behind {
            found: ours,
            known: ours + 1
        }
    );
    assert_eq!((found.accounts, found.sessions), (1, 1));
    assert!(found.signing_key.is_none() && found.damage.is_empty());
    assert_eq!(files(&database.path()), before);

    let found = inspect(&database.url(), &[]).unwrap().unwrap();
    assert_eq!(
        found.schema,
        Schema::TooNew {
            found: ours,
            known: 0
        }
    );
    let found = Store::inspect(&database.url()).await.unwrap().unwrap();
    assert_eq!(found.schema, Schema::Current { version: ours });
    assert_eq!(files(&database.path()), before);
}

#[tokio::test]
async fn where_there_is_none_none_is_made() {
    let database = Database::sqlite();
    assert!(Store::inspect(&database.url()).await.unwrap().is_none());
    assert!(!database.path().exists());
    assert!(Store::inspect("sqlite::memory:").await.unwrap().is_none());
}

#[tokio::test]
async fn an_empty_file_is_before_the_first_schema() {
    let database = at_rest().await;
    std::fs::write(database.path(), "").unwrap();
    let found = Store::inspect(&database.url()).await.unwrap().unwrap();
    assert_eq!(
        found.schema,
        Schema::Behind {
            found: 0,
            known: MIGRATIONS.last().unwrap().version
        }
    );
    assert_eq!(std::fs::read(database.path()).unwrap(), b"");
}

#[tokio::test]
async fn what_is_only_in_the_log_is_seen_and_stays_there() {
    let database = Database::sqlite();
    let store = database.open().await;
    account(&store, "ada").await;
    let before = files(&database.path());
    let found = Store::inspect(&database.url()).await.unwrap().unwrap();
    assert_eq!(found.accounts, 1);
    // The index is memory that this process shares with the store: a reader leaves its mark in it.
    let but_index = |mut files: BTreeMap<String, Vec<u8>>| {
        files.retain(|name, _| !name.ends_with("-shm"));
        files
    };
    assert_eq!(but_index(files(&database.path())), but_index(before));

    // As a crash leaves it, and then as a copy of two of the three files does.
    let copy = tempfile::tempdir().unwrap();
    let to = copy.path().join("a copy?.db");
    for end in ["", "-wal", "-shm"] {
        let name = |path: &Path| format!("{}{end}", path.display());
        std::fs::copy(name(&database.path()), name(&to)).unwrap();
    }
    let before = files(&to);
    let url = format!("sqlite://{}", to.display());
    assert_eq!(Store::inspect(&url).await.unwrap().unwrap().accounts, 1);
    assert_eq!(files(&to), before);
    std::fs::remove_file(format!("{}-shm", to.display())).unwrap();
    let refused = Store::inspect(&url).await;
    assert!(
        matches!(refused, Err(StoreError::LogWithoutIndex(_))),
        "{refused:?}"
    );
    assert_eq!(files(&to).len(), 2);
}

#[tokio::test]
async fn damage_and_what_is_no_database_are_told() {
    let database = at_rest().await;
    let mut bytes = std::fs::read(database.path()).unwrap();
    let page = 4096;
    for byte in &mut bytes[3 * page..6 * page] {
        *byte = 0xa5;
    }
    std::fs::write(database.path(), &bytes).unwrap();
    let found = Store::inspect(&database.url()).await.unwrap().unwrap();
    assert!(!found.damage.is_empty());
    std::fs::write(database.path(), "no database ".repeat(1000)).unwrap();
    assert!(Store::inspect(&database.url()).await.is_err());
}
