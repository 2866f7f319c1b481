//! Other processes on the same database.

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use keystile_accounts::store::{Options, Rotation, Store, StoreError, WriteError};
use rusqlite::Connection;

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
    assert_eq!(rotate(&store, token).await, Rotation::Ended);
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
