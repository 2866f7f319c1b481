//! After a restore by the database's own means nothing is good that the lost time may have ended.

use keystile_accounts::store::{
    KeyState, Restoration, Revoked, Rotation, Store, StoreError, Trusted, WriteError,
};

use crate::fixture::{
    DAY, Database, MINUTE, NOW, account, act, audited, fresh, listed, lives, new_session, rotate,
    rotated, rotation, session, signed_in,
};
use crate::key::key;

const LATER: i64 = NOW + DAY;

fn trusting(trusted: Trusted) -> Restoration {
    Restoration {
        trusted,
        now: LATER,
        revoked_until: LATER + 15 * MINUTE,
    }
}

async fn states(store: &Store) -> Vec<KeyState> {
    let keys = store.keys().await.unwrap();
    keys.iter().map(|key| key.state).collect()
}

pub(crate) async fn nothing_that_was_handed_out_is_good_any_more(database: &Database) {
    let store = database.open().await;
    let signing = key("signs", KeyState::Signing);
    store.signing_key_or_insert(signing).await.unwrap();
    let (live, first) = signed_in(&store, "ada").await;
    let second = rotated(&store, first).await;
    let before = store.revocation_snapshot(0).await.unwrap();

    let done = store.begin_anew(trusting(Trusted::Nothing)).await.unwrap();
    assert_eq!(
        (done.accounts, done.sessions, done.keys_withdrawn),
        (1, 1, 1)
    );
    assert!(!lives(&store, &live).await);
    for token in [first, second] {
        assert!(
            matches!(rotate(&store, token).await, Rotation::Ended(_)),
            "nobody is a thief"
        );
    }
    assert_eq!(states(&store).await, [KeyState::Withdrawn]);
    assert!(store.keys().await.unwrap()[0].private.is_empty());
    let poll = store.revocation_snapshot(LATER).await.unwrap();
    assert_ne!(poll.feed_id, before.feed_id);
    let kid = "signs".to_owned();
    let last = poll.rows.last().unwrap();
    assert_eq!(last.revoked, Revoked::Key { kid });
    assert!(last.until >= LATER + 15 * MINUTE);
    // Whoever follows by the old cursor hears of it too.
    let heard = store.revocations_after(before.cursor, 10).await.unwrap();
    assert_eq!(heard.rows.len(), 1);
    let ada = store.account("id-ada").await.unwrap().unwrap();
    assert!(
        ada.generation >= 1 << 32,
        "above all that a guard can remember"
    );
    assert_eq!(ada.sessions_ended_at, Some(LATER));
    let stale = store
        .open_session(act(), new_session(&live.account, fresh()))
        .await;
    assert!(
        matches!(stale, Ok(None)),
        "the generation from before: {stale:?}"
    );
    let (again, _) = session(&store, &ada).await;
    assert!(lives(&store, &again).await, "and she signs in again");
    assert_eq!(
        audited(&store)
            .await
            .iter()
            .filter(|kind| *kind == "database.restored")
            .count(),
        1
    );
}

pub(crate) async fn what_is_trusted_goes_on(database: &Database) {
    let store = database.open().await;
    let signing = key("signs", KeyState::Signing);
    store.signing_key_or_insert(signing).await.unwrap();
    let (live, first) = signed_in(&store, "ada").await;
    let feed = store.revocation_snapshot(0).await.unwrap().feed_id;

    let done = store
        .begin_anew(trusting(Trusted::Everything))
        .await
        .unwrap();
    assert_eq!((done.sessions, done.keys_withdrawn), (1, 0));
    assert!(lives(&store, &live).await);
    let second = rotated(&store, first).await;
    let next = store.revocation_snapshot(0).await.unwrap().feed_id;
    assert_ne!(next, feed);

    let done = store.begin_anew(trusting(Trusted::Keys)).await.unwrap();
    assert_eq!((done.sessions, done.keys_withdrawn), (1, 0));
    assert!(!lives(&store, &live).await);
    assert!(matches!(rotate(&store, second).await, Rotation::Ended(_)));
    assert_eq!(states(&store).await, [KeyState::Signing]);
    let ada = store.account("id-ada").await.unwrap().unwrap();
    assert!(ada.generation >= 1 << 32);
}

/// Rotations, sign-ins, sign-outs everywhere and sweeps go on meanwhile: no session of an old generation is left, and nobody
/// waits in a circle.
pub(crate) async fn it_holds_against_whoever_is_at_work(database: &Database) {
    let store = database.open().await;
    let mut at_work = tokio::task::JoinSet::new();
    let (begun, mut has_begun) = tokio::sync::mpsc::channel(64);
    for number in 0..8 {
        let ada = account(&store, &format!("ada{number}")).await;
        let (_, mut token) = session(&store, &ada).await;
        let (store, begun) = (store.clone(), begun.clone());
        at_work.spawn(async move {
            for round in 0.. {
                let next = rotation(token);
                match store.rotate(next.clone()).await.unwrap() {
                    Rotation::Rotated(_) => token = next.successor,
                    Rotation::Ended(_) => break,
                    other => panic!("{other:?}"),
                }
                match store.open_session(act(), new_session(&ada, fresh())).await {
                    Ok(_) => {}
                    Err(error) => panic!("{error}"),
                }
                if round == 3 {
                    begun.send(()).await.unwrap();
                }
            }
        });
    }
    for _ in 0..8 {
        has_begun.recv().await.unwrap();
    }
    store.begin_anew(trusting(Trusted::Nothing)).await.unwrap();
    while let Some(ended) = at_work.join_next().await {
        ended.unwrap();
    }
    for number in 0..8 {
        let left = listed(&store, &format!("id-ada{number}"), NOW + 2).await;
        assert_eq!(left.len(), 0, "{left:?}");
    }
    store.close().await;
    let closed = store.begin_anew(trusting(Trusted::Nothing)).await;
    assert!(
        matches!(closed, Err(WriteError::Store(StoreError::Closed))),
        "{closed:?}"
    );
}
