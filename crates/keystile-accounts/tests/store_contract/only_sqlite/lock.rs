//! Other processes on the same database.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use keystile_accounts::store::{Options, Rotation, Store, StoreError, WriteError};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::fixture::{
    Database, account, act, lives, new_account, queued, rotate, rotation, signed_in,
};

/// A few milliseconds, for tests in which a lock is never given back.
const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_second_server_is_refused_and_a_command_is_not() {
    let database = Database::sqlite();
    let claim = Store::claim_server_lock(&database.url()).unwrap();
    let command = database.open().await;
    assert!(matches!(
        Store::claim_server_lock(&database.url()),
        Err(StoreError::ServerRunning(_))
    ));
    account(&command, "ada").await;
    drop(claim);
    let _claim = Store::claim_server_lock(&database.url()).expect("free again");
}

/// Two names of one file are one database.
#[tokio::test]
async fn a_second_server_is_refused_by_whatever_link_it_comes() {
    let place = TempDir::new().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::create_dir(at("real")).unwrap();
    symlink("real", at("folder")).unwrap();
    symlink("real/shop.db", at("file.db")).unwrap();
    symlink("file.db", at("chain.db")).unwrap();
    let names = ["real/shop.db", "folder/shop.db", "file.db", "chain.db"];
    let url = |name: &str| format!("sqlite://{}", at(name).display());
    // At first the links lead to a file that is not there yet, then to one that is.
    for round in 0..2 {
        for first in names {
            let claim = Store::claim_server_lock(&url(first)).unwrap();
            for second in names {
                let refused = Store::claim_server_lock(&url(second));
                assert!(
                    matches!(refused, Err(StoreError::ServerRunning(_))),
                    "{round}: {first}, then {second}: {refused:?}"
                );
            }
            drop(claim);
            if round == 0 {
                fs::remove_file(at("real/shop.db")).unwrap();
            }
        }
    }
    let locks = fs::read_dir(place.path()).unwrap();
    let locks = locks.filter(|found| {
        let path = found.as_ref().unwrap().path();
        path.extension().is_some_and(|end| end == "lock")
    });
    assert_eq!(locks.count(), 0, "the lock lies beside the file itself");
    let mode = fs::metadata(at("real/shop.db"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "made through a link");
}

/// The file of the lock goes with the lock, and whoever waits at its place is not let in beside another.
#[test]
fn of_many_servers_one_runs_and_none_leaves_a_file() {
    let database = Database::sqlite();
    let url = database.url();
    let (inside, claims) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while claims.load(Ordering::Relaxed) < 2_000 {
                    let Ok(claim) = Store::claim_server_lock(&url) else {
                        continue;
                    };
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                    claims.fetch_add(1, Ordering::Relaxed);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(claim);
                }
            });
        }
    });
    let folder = database.path();
    let left = fs::read_dir(folder.parent().unwrap()).unwrap();
    let left: Vec<_> = left.map(|found| found.unwrap().file_name()).collect();
    assert_eq!(left, ["accounts.db"]);
}

/// A look by a link sees what is only in the log beside the file itself.
#[tokio::test]
async fn a_look_by_a_link_finds_what_was_written_last() {
    let database = Database::sqlite();
    let store = database.open().await;
    account(&store, "ada").await;
    let place = TempDir::new().unwrap();
    let link = place.path().join("link.db");
    symlink(database.path(), &link).unwrap();
    let url = format!("sqlite://{}", link.display());
    let found = Store::inspect(&url).await.unwrap().expect("there is one");
    assert_eq!((found.accounts, found.damage), (1, Vec::new()));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_locked_for_a_while_is_waited_for() {
    let database = Database::sqlite();
    let store = database.open().await;
    let (live, token) = signed_in(&store, "ada").await;
    let lock = lock_elsewhere(&database);
    let waiting = queued(store.end_session(act(), "id-ada", &live.session.id)).await;
    assert!(lives(&store, &live).await, "reading goes on");
    lock.release();
    waiting.await.unwrap();
    assert!(matches!(rotate(&store, token).await, Rotation::Ended(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_locked_for_long_is_an_honest_error_for_all_who_wait() {
    let database = Database::sqlite();
    let store = Store::open(
        &database.url(),
        Options {
            patience: SHORT,
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
    lock.release();
    let outcome = store.rotate(rotation(token)).await;
    assert!(matches!(outcome, Ok(Rotation::Rotated(_))), "{outcome:?}");
    assert!(lives(&store, &live).await);
    assert_eq!(store.account("id-user0").await.unwrap(), None);
}

/// The write lock, held as another process holds it.
struct Elsewhere {
    release: mpsc::Sender<()>,
    holder: JoinHandle<()>,
}

impl Elsewhere {
    /// Gives the lock back. It is free when this returns: whoever waits for it only shortly would else be late on a
    /// busy machine.
    fn release(self) {
        self.release.send(()).unwrap();
        self.holder.join().unwrap();
    }
}

fn lock_elsewhere(database: &Database) -> Elsewhere {
    let (release, released) = mpsc::channel();
    let (locked, is_locked) = mpsc::channel();
    let path = database.path();
    let holder = std::thread::spawn(move || {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        locked.send(()).unwrap();
        let _ = released.recv();
        connection.execute_batch("ROLLBACK").unwrap();
    });
    is_locked.recv().unwrap();
    Elsewhere { release, holder }
}
