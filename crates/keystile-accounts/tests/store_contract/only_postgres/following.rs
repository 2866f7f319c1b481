//! Following the revocations: none missed, whoever commits when.

use keystile_accounts::store::{Cursor, Revoked, Store};

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
