//! Sessions opened, listed and ended.

use keystile_accounts::store::{Revoked, Rotation, WriteError};

use crate::fixture::{
    Database, NOW, account, act, beginning, fresh, lives, new_session, rotate, rotated, session,
    signed_in,
};

pub(crate) async fn opening_needs_the_generation_that_was_read(database: &Database) {
    let store = database.open().await;
    let read = account(&store, "ada").await;
    let (live, _) = session(&store, &read).await;
    assert_eq!(live.account, read);
    assert_eq!((live.session.created_at, live.session.ended), (NOW, None));
    store.end_all_sessions(act(), &read.id).await.unwrap();
    assert!(
        store
            .open_session(act(), new_session(&read, fresh()))
            .await
            .unwrap()
            .is_none()
    );
    let read = store.account(&read.id).await.unwrap().unwrap();
    session(&store, &read).await;
}

pub(crate) async fn living_sessions_are_listed_newest_first(database: &Database) {
    let store = database.open().await;
    let (first, _) = signed_in(&store, "ada").await;
    let (ended, _) = session(&store, &first.account).await;
    let (last, _) = session(&store, &first.account).await;
    signed_in(&store, "bob").await;
    store
        .end_session(act(), "id-ada", &ended.session.id)
        .await
        .unwrap();
    let listed = store.sessions("id-ada", NOW + 1).await.unwrap();
    assert_eq!(listed, [last.session.clone(), first.session.clone()]);
    assert_eq!(
        store
            .live_session(&last.session.id, NOW + 1)
            .await
            .unwrap()
            .as_ref(),
        Some(&last)
    );
    assert_eq!(
        store
            .live_session(&last.session.id, last.session.expires_at)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        store
            .sessions("id-ada", last.session.expires_at)
            .await
            .unwrap(),
        []
    );
}

pub(crate) async fn one_session_ends_alone(database: &Database) {
    let store = database.open().await;
    let (mine, token) = signed_in(&store, "ada").await;
    let (other, _) = session(&store, &mine.account).await;
    let strangers = store.end_session(act(), "id-bob", &mine.session.id).await;
    assert!(matches!(strangers, Err(WriteError::NotFound)));
    store
        .end_session(act(), "id-ada", &mine.session.id)
        .await
        .unwrap();
    let again = store.end_session(act(), "id-ada", &mine.session.id).await;
    assert!(matches!(again, Err(WriteError::NotFound)));
    assert_eq!(rotate(&store, token).await, Rotation::Ended);
    assert!(lives(&store, &other).await);
    let rows = store.revocations_after(beginning(), 10).await.unwrap().rows;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0].revoked,
        Revoked::Session {
            session_id: mine.session.id
        }
    );
}

pub(crate) async fn others_end_without_a_new_generation(database: &Database) {
    let store = database.open().await;
    let (mine, token) = signed_in(&store, "ada").await;
    let (one, _) = session(&store, &mine.account).await;
    let (two, _) = session(&store, &mine.account).await;
    let (strangers, _) = signed_in(&store, "bob").await;
    assert_eq!(
        store
            .end_other_sessions(act(), "id-ada", &mine.session.id)
            .await
            .unwrap(),
        2
    );
    assert!(!lives(&store, &one).await && !lives(&store, &two).await);
    assert!(lives(&store, &strangers).await);
    let Rotation::Rotated(after) = rotate(&store, token).await else {
        panic!("one's own goes on");
    };
    assert_eq!(after.account.generation, mine.account.generation);
    let rows = store.revocations_after(beginning(), 10).await.unwrap().rows;
    assert!(
        rows.iter()
            .all(|row| matches!(row.revoked, Revoked::Session { .. }))
            && rows.len() == 2,
        "{rows:?}"
    );
}

pub(crate) async fn signing_out_everywhere_raises_the_generation(database: &Database) {
    let store = database.open().await;
    let (mine, _) = signed_in(&store, "ada").await;
    let (other, token) = session(&store, &mine.account).await;
    assert_eq!(store.end_all_sessions(act(), "id-ada").await.unwrap(), 2);
    assert!(!lives(&store, &mine).await && !lives(&store, &other).await);
    assert_eq!(rotate(&store, token).await, Rotation::Ended);
    let smallest_generation = mine.account.generation + 1;
    let rows = store.revocations_after(beginning(), 10).await.unwrap().rows;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0].revoked,
        Revoked::Subject {
            account_id: "id-ada".to_owned(),
            smallest_generation
        }
    );
    assert!(matches!(
        store.end_all_sessions(act(), "nobody").await,
        Err(WriteError::NotFound)
    ));
}

pub(crate) async fn a_refresh_token_ends_its_session(database: &Database) {
    let store = database.open().await;
    let account = account(&store, "ada").await;
    let (head, token) = session(&store, &account).await;
    let (consumed, spent) = session(&store, &account).await;
    rotated(&store, spent).await;
    for (live, token) in [(head, token), (consumed, spent)] {
        let whose = Some((account.id.clone(), live.session.id.clone()));
        let client = Some("a client".to_owned());
        assert_eq!(
            store
                .end_session_by_token(act(), token, client)
                .await
                .unwrap(),
            None,
            "not the client's"
        );
        assert_eq!(
            store
                .end_session_by_token(act(), token, None)
                .await
                .unwrap(),
            whose
        );
        assert_eq!(
            store
                .end_session_by_token(act(), token, None)
                .await
                .unwrap(),
            None,
            "once"
        );
        assert!(!lives(&store, &live).await);
    }
    assert_eq!(
        store
            .end_session_by_token(act(), fresh(), None)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        store
            .revocations_after(beginning(), 10)
            .await
            .unwrap()
            .rows
            .len(),
        2
    );
}
