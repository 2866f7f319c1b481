//! Following the revocations: none missed, whoever commits when; and hearing that there is something to follow.

use std::sync::Arc;
use std::time::Duration;

use keystile_accounts::store::{Cursor, Hint, Options, Revoked, Store};
use keystile_tests_postgres::Way;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::fixture::{Database, act, beginning};
use crate::meeting::connect;

async fn revoke(store: &Store, name: &str) {
    store.revoke_token(act(), name).await.unwrap();
}

/// Everything after the cursor, in pages of two.
async fn read_on(store: &Store, cursor: &mut Cursor) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let poll = store.revocations_after(cursor.clone(), 2).await.unwrap();
        *cursor = poll.cursor;
        let full = poll.rows.len() == 2;
        names.extend(poll.rows.into_iter().map(|row| match row.revoked {
            Revoked::Token { token_id } => token_id,
            other => panic!("{other:?}"),
        }));
        if !full {
            return names;
        }
    }
}

const LATE: &str =
    "INSERT INTO revocation (kind, value, at, until) VALUES ('token', $1, 0, 9999999999999)";

/// A transaction that has revoked, and others that begin after it and are kept before it.
#[tokio::test]
async fn what_commits_late_is_not_missed_and_nothing_comes_twice() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let store = database.open().await;
    let (mut one, mut two) = (
        connect(&database.url()).await,
        connect(&database.url()).await,
    );
    let mut cursor = beginning();
    revoke(&store, "first").await;
    let first = one.transaction().await.unwrap();
    first.execute(LATE, &[&"late"]).await.unwrap();
    for name in ["a", "b", "c"] {
        revoke(&store, name).await;
    }
    assert_eq!(read_on(&store, &mut cursor).await, ["first", "a", "b", "c"]);
    let whole_below = store
        .revocations_after(cursor.clone(), 2)
        .await
        .unwrap()
        .whole_below;
    let snapshot = store.revocation_snapshot(0).await.unwrap();
    assert_eq!(snapshot.rows.len(), 4);
    let second = two.transaction().await.unwrap();
    second.execute(LATE, &[&"later"]).await.unwrap();
    revoke(&store, "d").await;
    first.commit().await.unwrap();
    assert_eq!(read_on(&store, &mut cursor).await, ["late", "d"]);
    assert_eq!(read_on(&store, &mut cursor).await, [""; 0]);
    second.commit().await.unwrap();
    assert_eq!(read_on(&store, &mut cursor).await, ["later"]);
    assert_eq!(read_on(&store, &mut cursor).await, [""; 0]);
    let mut from_snapshot = snapshot.cursor;
    let mut rest = read_on(&store, &mut from_snapshot).await;
    rest.sort();
    assert_eq!(
        rest,
        ["d", "late", "later"],
        "whoever began with the snapshot"
    );
    let all = store.revocation_snapshot(0).await.unwrap();
    let not_below = all.rows.iter().filter(|row| row.place >= whole_below);
    assert!(
        not_below.count() >= 6,
        "all but the first, at the least: a coarse place waits for the oldest that is under way"
    );
}

/// Counts hints.
fn counting() -> (Arc<Semaphore>, Hint) {
    let counted = Arc::new(Semaphore::new(0));
    let counts = Arc::clone(&counted);
    (counted, Arc::new(move || counts.add_permits(1)))
}

async fn one(counted: &Semaphore) {
    let hint = timeout(Duration::from_secs(10), counted.acquire()).await;
    hint.expect("a hint").expect("not closed").forget();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_listens_hears_of_each_revocation_wherever_it_is_made() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let (here, there) = (database.open().await, database.open().await);
    let (counted, hint) = counting();
    let listens = here.clone();
    let listening = tokio::spawn(async move { listens.hear_of_revocations(hint).await });
    one(&counted).await;
    for round in 0..3 {
        revoke(&there, &format!("there{round}")).await;
        one(&counted).await;
        revoke(&here, &format!("here{round}")).await;
        one(&counted).await;
    }
    // It is said with the commit, not before it: nobody looks too early.
    let mut late = connect(&database.url()).await;
    let late = late.transaction().await.unwrap();
    late.execute(LATE, &[&"late"]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(counted.available_permits(), 0);
    late.commit().await.unwrap();
    one(&counted).await;
    assert_eq!(counted.available_permits(), 0, "one for each");
    listening.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_listens_is_told_when_nothing_can_be_heard() {
    let Some(Database::Postgres(database)) = Database::postgres() else {
        return;
    };
    let way = Way::to_socket(database.socket());
    let url = database.url_over(&way);
    let store = Store::open(&url, Options::default()).await.unwrap();
    let (counted, hint) = counting();
    let listens = store.clone();
    let listening = tokio::spawn(async move { listens.hear_of_revocations(hint).await });
    one(&counted).await;
    way.cut();
    let ended = timeout(Duration::from_secs(10), listening).await;
    assert!(ended.expect("in time").is_ok());
    let deaf = store.hear_of_revocations(counting().1).await;
    assert!(!deaf.to_string().is_empty());
    way.mend();
    let (counted, hint) = counting();
    let listens = store.clone();
    let listening = tokio::spawn(async move { listens.hear_of_revocations(hint).await });
    one(&counted).await;
    revoke(&store, "again").await;
    one(&counted).await;
    listening.abort();
}

/// What is kept between two pages belongs to the next poll, not to the pages that are being read.
#[tokio::test]
async fn pages_are_of_one_moment() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let store = database.open().await;
    let mut client = connect(&database.url()).await;
    let early = client.transaction().await.unwrap();
    early.execute(LATE, &[&"early"]).await.unwrap();
    for name in ["a", "b", "c"] {
        revoke(&store, name).await;
    }
    let page = store.revocations_after(beginning(), 2).await.unwrap();
    assert_eq!(page.rows.len(), 2);
    early.commit().await.unwrap();
    let mut cursor = page.cursor;
    assert_eq!(read_on(&store, &mut cursor).await, ["c"]);
    assert_eq!(read_on(&store, &mut cursor).await, ["early"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_each_comes_once() {
    const EACH: usize = 60;
    let Some(database) = Database::postgres() else {
        return;
    };
    let store = database.open().await;
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0..EACH {
                    revoke(&store, &format!("{task}-{number}")).await;
                }
            })
        })
        .collect();
    let (mut cursor, mut seen) = (beginning(), Vec::new());
    while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
        seen.extend(read_on(&store, &mut cursor).await);
    }
    for task in tasks {
        task.await.unwrap();
    }
    seen.extend(read_on(&store, &mut cursor).await);
    assert_eq!(seen.len(), 8 * EACH);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 8 * EACH);
}
