//! What is SQLite's own: files, groups, and in the modules below locks and migrations.

mod backup;
mod inspect;
mod lock;
mod migration;
mod restore;
mod restored_clients;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keystile_accounts::store::{Attempt, Options, Sqlite, Store, StoreError, WriteError};

use crate::fixture::{
    Database, Held, MINUTE, NOW, account, act, fresh, lives, new_account, queued, rotated, session,
    signed_in,
};

fn engine(store: &Store) -> &Sqlite {
    match store {
        Store::Sqlite(sqlite) => sqlite,
        Store::Postgres(_) => panic!("these are SQLite's own"),
    }
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

/// A command's process ends right after its closing: what is not done by then may be half done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_leaves_one_file_whoever_reads() {
    let database = Database::sqlite();
    let folder = database.path().parent().unwrap().to_owned();
    account(&database.open().await, "ada").await;
    for turn in 0..30 {
        let store = database.open().await;
        let reads: Vec<_> = (0..4)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.account("id-ada").await })
            })
            .collect();
        for read in reads {
            assert!(read.await.unwrap().unwrap().is_some());
        }
        store.close().await;
        let left: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|file| file.unwrap().file_name())
            .collect();
        assert_eq!(left, ["accounts.db"], "after opening {turn}");
    }
}

/// Each sign-in counts who lives: sessions that ended, however many an account has, are not looked at.
#[tokio::test]
async fn living_sessions_are_found_by_an_index() {
    let database = Database::sqlite();
    database.open().await.close().await;
    let connection = rusqlite::Connection::open(database.path()).unwrap();
    for sorted_by in ["seq DESC", "last_used_at DESC, seq DESC"] {
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT id FROM session
              WHERE account_id = 'a' AND ended_at IS NULL AND expires_at > 1 ORDER BY {sorted_by} LIMIT 9"
        );
        let plan: String = connection
            .query_row(&sql, [], |row| row.get("detail"))
            .unwrap();
        assert!(
            plan.contains("session_account (account_id=? AND ended_at=?)"),
            "{plan}"
        );
    }
}

#[tokio::test]
async fn a_url_names_a_file_or_memory() {
    for wrong in ["", "shop.db", "sqlite:", "sqlite://", "mysql://localhost/x"] {
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
    let _claim = Store::claim_server_lock("sqlite::memory:").unwrap();
    let other = open("sqlite::memory:", Options::default()).await.unwrap();
    assert_eq!(other.account("id-ada").await.unwrap(), None);
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
async fn a_panic_of_whoever_is_told_costs_no_write() {
    let database = Database::sqlite();
    let store = database.open().await;
    let (live, token) = signed_in(&store, "ada").await;
    store.on_revoked(Box::new(|_| {
        panic!("a defect, which this test makes on purpose")
    }));
    let session_id = &live.session.id;
    store
        .end_session(act(), "id-ada", session_id)
        .await
        .unwrap();
    assert!(!lives(&store, &live).await);
    assert!(store.rotate(crate::fixture::rotation(token)).await.is_ok());
    store.end_all_sessions(act(), "id-ada").await.unwrap();
    let rows = store.revocation_snapshot(0).await.unwrap().rows;
    assert_eq!(rows.len(), 2, "whoever polls hears of both");
}

#[tokio::test]
async fn a_panic_in_a_read_costs_its_own_caller_only() {
    let database = Database::sqlite();
    let store = database.open().await;
    account(&store, "ada").await;
    for _ in 0..2 * Options::default().readers {
        let broken = engine(&store)
            .read(|_| -> Result<(), StoreError> {
                panic!("a defect, which this test makes on purpose")
            })
            .await;
        assert!(matches!(broken, Err(StoreError::Database(_))), "{broken:?}");
    }
    assert!(store.account("id-ada").await.unwrap().is_some());
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

/// Only an attempt that is let through may be lost with the machine: a group with anything else in it waits for the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_write_waits_for_the_disk() {
    const FULL: i64 = 2;
    let database = Database::sqlite();
    let store = database.open().await;
    let tasks: Vec<_> = (0..400)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                if number % 3 == 0 {
                    let (key, window) = (fresh(), MINUTE);
                    let attempt = Attempt {
                        key,
                        window,
                        period: None,
                    };
                    let admitted = store.admit_attempt(attempt, 1, NOW).await.unwrap();
                    assert!(admitted.is_some());
                    return;
                }
                let asked = engine(&store).write(|work| {
                    Ok(work.query_row("PRAGMA synchronous", [], |row| row.get::<_, i64>(0))?)
                });
                assert_eq!(asked.await.unwrap(), FULL);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    // The last job of a group that another one followed is not forgotten when the store closes.
    store.close().await;
}
