//! What is SQLite's own: files, locks, groups, migrations.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use keystile_accounts::store::{
    MIGRATIONS, Migration, Options, Sqlite, Store, StoreError, WriteError, migrate,
};
use rusqlite::Connection;

use crate::fixture::{
    Database, Held, account, act, lives, new_account, queued, rotate, rotated, session, signed_in,
};

/// A few milliseconds, for tests in which a lock is never given back.
const SHORT: Duration = Duration::from_millis(50);

fn engine(store: &Store) -> &Sqlite {
    let Store::Sqlite(sqlite) = store;
    sqlite
}

async fn open(url: &str, options: Options) -> Result<Store, StoreError> {
    Store::open(url, options).await
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn folder_and_files_are_their_owners_alone() {
    let database = Database::sqlite();
    let store = database.open().await;
    account(&store, "ada").await;
    let path = database.path();
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for end in ["", "-wal", "-shm"] {
        assert_eq!(
            mode(Path::new(&format!("{}{end}", path.display()))),
            0o600,
            "{end}"
        );
    }
}

#[tokio::test]
async fn a_url_names_a_file_or_memory() {
    for wrong in [
        "",
        "shop.db",
        "sqlite:",
        "sqlite://",
        "postgres://localhost/x",
    ] {
        let refused = open(wrong, Options::default()).await;
        assert!(matches!(refused, Err(StoreError::Url(_))), "{wrong}");
    }
    let unmakable = open("sqlite:///dev/null/shop.db", Options::default()).await;
    assert!(
        matches!(unmakable, Err(StoreError::Open { .. })),
        "{unmakable:?}"
    );
}

#[tokio::test]
async fn memory_keeps_the_promises_too_and_is_its_own() {
    let store = open("sqlite::memory:", Options::default()).await.unwrap();
    let (live, token) = signed_in(&store, "ada").await;
    rotated(&store, token).await;
    assert!(lives(&store, &live).await);
    store.end_all_sessions(act(), "id-ada").await.unwrap();
    assert_eq!(store.revocation_snapshot(0).await.unwrap().rows.len(), 1);
    let _claim = store.claim_server_lock().unwrap();
    let other = open("sqlite::memory:", Options::default()).await.unwrap();
    assert_eq!(other.account("id-ada").await.unwrap(), None);
}

#[tokio::test]
async fn a_second_server_is_refused_and_a_command_is_not() {
    let database = Database::sqlite();
    let (server, command) = (database.open().await, database.open().await);
    let claim = server.claim_server_lock().unwrap();
    assert!(matches!(
        command.claim_server_lock(),
        Err(StoreError::ServerRunning(_))
    ));
    account(&command, "ada").await;
    drop(claim);
    let _claim = command.claim_server_lock().expect("free again");
}

#[tokio::test]
async fn what_waits_together_is_committed_together_and_what_fails_fails_alone() {
    let database = Database::sqlite();
    let store = database.open().await;
    account(&store, "ada").await;
    let held = Held::hold(&store).await;
    let good = queued(store.create_account(act(), new_account("bob"))).await;
    let taken = queued(store.create_account(act(), new_account("ada"))).await;
    let broken = queued(engine(&store).write(|work| -> Result<(), WriteError> {
        work.execute("INSERT INTO meta (name, value) VALUES ('half', 'done')", [])?;
        panic!("a defect, which this test makes on purpose");
    }))
    .await;
    let late = queued(store.create_account(act(), new_account("eve"))).await;
    assert_eq!(
        store.account("id-bob").await.unwrap(),
        None,
        "nothing is seen before it is committed"
    );
    held.release();
    good.await.unwrap();
    assert!(matches!(taken.await, Err(WriteError::Taken(_))));
    assert!(matches!(
        broken.await,
        Err(WriteError::Store(StoreError::Database(_)))
    ));
    late.await.unwrap();
    for id in ["id-bob", "id-eve"] {
        assert!(store.account(id).await.unwrap().is_some());
    }
    let halves: i64 = engine(&store)
        .read(|connection| {
            Ok(connection.query_row(
                "SELECT count(*) FROM meta WHERE name = 'half'",
                [],
                |row| row.get(0),
            )?)
        })
        .await
        .unwrap();
    assert_eq!(halves, 0);
}

#[tokio::test]
async fn a_failed_commit_fails_all_of_its_group() {
    let database = Database::sqlite();
    let store = database.open().await;
    engine(&store)
        .write(|work| {
            let sql = "CREATE TABLE parent (id INTEGER PRIMARY KEY);
                       CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);";
            Ok(work.execute_batch(sql)?)
        })
        .await
        .unwrap();
    let told = Arc::new(AtomicUsize::new(0));
    let hears = Arc::clone(&told);
    store.on_revoked(Box::new(move |records| {
        hears.fetch_add(records.len(), Ordering::SeqCst);
    }));

    let held = Held::hold(&store).await;
    let before = queued(store.create_account(act(), new_account("ada"))).await;
    let revokes = queued(store.revoke_token(act(), "a token")).await;
    // Deferred: the statement succeeds, the COMMIT does not.
    let orphan =
        queued(engine(&store).write(|work| Ok(work.execute("INSERT INTO child VALUES (1)", [])?)))
            .await;
    let after = queued(store.create_account(act(), new_account("bob"))).await;
    held.release();
    assert!(matches!(
        before.await,
        Err(WriteError::Store(StoreError::Database(_)))
    ));
    assert!(revokes.await.is_err());
    assert!(orphan.await.is_err());
    assert!(after.await.is_err());
    for id in ["id-ada", "id-bob"] {
        assert_eq!(store.account(id).await.unwrap(), None);
    }
    assert_eq!(
        told.load(Ordering::SeqCst),
        0,
        "nobody is told what did not happen"
    );
    account(&store, "ada").await;
}

#[tokio::test]
async fn a_full_disk_is_said_so_and_nothing_is_half_done() {
    let database = Database::sqlite();
    let store = database.open().await;
    let (live, token) = signed_in(&store, "ada").await;
    engine(&store)
        .write(|work| Ok(work.execute_batch("PRAGMA max_page_count = 1")?))
        .await
        .unwrap();
    let filler = |work: &keystile_accounts::store::Work<'_>| {
        Ok(work.execute(
            "INSERT INTO meta (name, value) VALUES ('filler', hex(zeroblob(1000000)))",
            [],
        )?)
    };
    let held = Held::hold(&store).await;
    let first = queued(store.end_session(act(), "id-ada", &live.session.id)).await;
    let full = queued(engine(&store).write(filler)).await;
    held.release();
    let full = full.await;
    assert!(
        matches!(full, Err(WriteError::Store(StoreError::Full))),
        "{full:?}"
    );
    let ended = first.await.is_ok();
    assert_eq!(
        lives(&store, &live).await,
        !ended,
        "what was answered is what holds"
    );

    engine(&store)
        .write(|work| Ok(work.execute_batch("PRAGMA max_page_count = 1000000")?))
        .await
        .unwrap();
    if !ended {
        rotated(&store, token).await;
    }
    account(&store, "bob").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_locked_for_a_while_is_waited_for() {
    let database = Database::sqlite();
    let store = database.open().await;
    let (live, token) = signed_in(&store, "ada").await;
    let lock = lock_elsewhere(&database);
    let waiting = queued(store.end_session(act(), "id-ada", &live.session.id)).await;
    assert!(lives(&store, &live).await, "reading goes on");
    lock.send(()).unwrap();
    waiting.await.unwrap();
    assert_eq!(
        rotate(&store, token).await,
        keystile_accounts::store::Rotation::Ended
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_locked_for_long_is_an_honest_error_for_all_who_wait() {
    let database = Database::sqlite();
    let store = open(
        &database.url(),
        Options {
            lock_wait: SHORT,
            ..Options::default()
        },
    )
    .await
    .unwrap();
    let (live, token) = signed_in(&store, "ada").await;
    let lock = lock_elsewhere(&database);
    let mut waiting = Vec::new();
    for number in 0..20 {
        waiting
            .push(queued(store.create_account(act(), new_account(&format!("user{number}")))).await);
    }
    for write in waiting {
        let refused = write.await;
        assert!(
            matches!(refused, Err(WriteError::Store(StoreError::Locked))),
            "{refused:?}"
        );
    }
    lock.send(()).unwrap();
    rotated(&store, token).await;
    assert!(lives(&store, &live).await);
    assert_eq!(store.account("id-user0").await.unwrap(), None);
}

/// Takes the write lock as another process does; given back when the sender is used.
fn lock_elsewhere(database: &Database) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel();
    let (locked, is_locked) = mpsc::channel();
    let path = database.path();
    std::thread::spawn(move || {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        locked.send(()).unwrap();
        let _ = released.recv();
        connection.execute_batch("ROLLBACK").unwrap();
    });
    is_locked.recv().unwrap();
    release
}

#[tokio::test]
async fn a_full_queue_says_so_at_once() {
    let database = Database::sqlite();
    let store = open(
        &database.url(),
        Options {
            queue: 3,
            ..Options::default()
        },
    )
    .await
    .unwrap();
    let held = Held::hold(&store).await;
    let mut waiting = Vec::new();
    for number in 0..3 {
        waiting
            .push(queued(store.create_account(act(), new_account(&format!("user{number}")))).await);
    }
    let refused = store.create_account(act(), new_account("late")).await;
    assert!(
        matches!(refused, Err(WriteError::Store(StoreError::Busy))),
        "{refused:?}"
    );
    held.release();
    for write in waiting {
        write.await.unwrap();
    }
    account(&store, "late").await;
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_is_not_begun() {
    let database = Database::sqlite();
    let store = database.open().await;
    let held = Held::hold(&store).await;
    drop(queued(store.create_account(act(), new_account("given up"))).await);
    let last = queued(store.create_account(act(), new_account("ada"))).await;
    held.release();
    last.await.unwrap();
    assert_eq!(store.account("id-given up").await.unwrap(), None);
}

#[tokio::test]
async fn closing_lets_waiting_writes_finish_and_refuses_later_ones() {
    let database = Database::sqlite();
    let store = database.open().await;
    let held = Held::hold(&store).await;
    let waiting = queued(store.create_account(act(), new_account("ada"))).await;
    let close = queued(store.close()).await;
    held.release();
    waiting.await.unwrap();
    close.await;
    let refused = store.create_account(act(), new_account("bob")).await;
    assert!(
        matches!(refused, Err(WriteError::Store(StoreError::Closed))),
        "{refused:?}"
    );
    assert!(matches!(
        store.account("id-ada").await,
        Err(StoreError::Closed)
    ));
    store.close().await;
    assert!(
        database
            .open()
            .await
            .account("id-ada")
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn an_unfinished_transaction_of_a_dead_process_is_gone() {
    let database = Database::sqlite();
    let store = database.open().await;
    let (live, token) = signed_in(&store, "ada").await;
    let head = rotated(&store, token).await;
    // A copy of the files as they are on disk now, with the log not written back: what a crash leaves behind.
    let crashed = Database::sqlite();
    std::fs::create_dir(crashed.path().parent().unwrap()).unwrap();
    for end in ["", "-wal"] {
        let copy = |database: &Database| format!("{}{end}", database.path().display());
        std::fs::copy(copy(&database), copy(&crashed)).unwrap();
    }
    let log = format!("{}-wal", crashed.path().display());
    let mut bytes = std::fs::read(&log).unwrap();
    bytes.extend_from_slice(&[0xa5; 3_000]);
    std::fs::write(&log, bytes).unwrap();

    let recovered = crashed.open().await;
    assert!(lives(&recovered, &live).await);
    rotated(&recovered, head).await;
    session(&recovered, &live.account).await;
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
    let refused = open(&database.url(), Options::default()).await;
    assert!(
        matches!(refused, Err(StoreError::ForeignMigration { version: 1 })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_leaked_database_derives_nothing_after_the_grace() {
    let database = Database::sqlite();
    let store = database.open().await;
    let (_, first) = signed_in(&store, "ada").await;
    let second = rotated(&store, first).await;
    rotated(&store, second).await;
    let salts = async || {
        let count = "SELECT count(*) FROM session WHERE salt IS NOT NULL";
        engine(&store)
            .read(|connection| Ok(connection.query_row(count, [], |row| row.get::<_, i64>(0))?))
            .await
            .unwrap()
    };
    assert_eq!(salts().await, 1, "the successor's use overwrote the first");
    store.end_all_sessions(act(), "id-ada").await.unwrap();
    assert_eq!(
        salts().await,
        0,
        "and the end of the session erases the last"
    );
}
