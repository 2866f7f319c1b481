//! The revocation table.

use std::sync::{Arc, Mutex};

use keystile_accounts::store::{Cursor, RevocationRecord, Revoked, Sweep};

use crate::fixture::{DAY, Database, MINUTE, NOW, act, act_at, beginning, session, signed_in};

pub(crate) async fn rows_come_in_order_and_once(database: &Database) {
    let store = database.open().await;
    let (live, _) = signed_in(&store, "ada").await;
    store.revoke_token(act(), "a token").await.unwrap();
    store
        .end_session(act(), "id-ada", &live.session.id)
        .await
        .unwrap();
    store.disable_account(act(), "id-ada").await.unwrap();

    let (mut cursor, mut seen) = (beginning(), Vec::new());
    loop {
        let poll = store.revocations_after(cursor.clone(), 2).await.unwrap();
        assert!(
            poll.rows
                .iter()
                .all(|row| (row.at, row.until) == (NOW, NOW + 15 * MINUTE))
        );
        cursor = poll.cursor;
        if poll.rows.is_empty() {
            break;
        }
        seen.extend(poll.rows.into_iter().map(|row| row.revoked));
    }
    let expected = [
        Revoked::Token {
            token_id: "a token".to_owned(),
        },
        Revoked::Session {
            session_id: live.session.id,
        },
        Revoked::Subject {
            account_id: "id-ada".to_owned(),
            smallest_generation: live.account.generation + 1,
        },
    ];
    assert_eq!(seen, expected);
}

/// A command that would sign shorter tokens than the server beside it must not revoke the server's too briefly.
pub(crate) async fn a_row_lasts_as_long_as_any_process_signs(database: &Database) {
    let (server, command) = (database.open().await, database.open().await);
    let until = async |store: &keystile_accounts::store::Store, name: &str| {
        store.revoke_token(act(), name).await.unwrap();
        let rows = store
            .revocations_after(beginning(), 100)
            .await
            .unwrap()
            .rows;
        rows.last().unwrap().until - NOW
    };
    let told = Arc::new(Mutex::new(0));
    let hears = Arc::clone(&told);
    command.on_revoked(Box::new(move |rows| {
        *hears.lock().unwrap() = rows[0].until;
    }));
    assert_eq!(until(&command, "alone").await, 15 * MINUTE);
    server.remember_token_life(60 * MINUTE).await.unwrap();
    command.remember_token_life(2 * MINUTE).await.unwrap();
    assert_eq!(until(&command, "beside a server").await, 60 * MINUTE);
    assert_eq!(*told.lock().unwrap(), NOW + 60 * MINUTE);
    let after = database.open().await;
    assert_eq!(until(&after, "after a restart").await, 60 * MINUTE);
    server.remember_token_life(i64::MAX).await.unwrap();
    assert!(until(&after, "for ever, or nearly").await > 36_500 * DAY);
}

pub(crate) async fn a_snapshot_goes_on_where_it_ends(database: &Database) {
    let store = database.open().await;
    signed_in(&store, "ada").await;
    let empty = store.revocation_snapshot(NOW).await.unwrap();
    assert_eq!(empty.rows, []);
    store.revoke_token(act_at(NOW - DAY), "old").await.unwrap();
    store.revoke_token(act(), "new").await.unwrap();
    store
        .revoke_token(act_at(NOW - DAY), "older")
        .await
        .unwrap();

    let snapshot = store.revocation_snapshot(NOW).await.unwrap();
    assert_eq!(snapshot.feed_id, empty.feed_id);
    assert_eq!(snapshot.rows.len(), 1, "what can still touch a token");
    let sweep = Sweep {
        now: NOW,
        grace: 0,
        keep_sessions: DAY,
        keep_audit: DAY,
        most_counters: 10,
    };
    store.sweep(sweep).await.unwrap();
    let swept = store.revocation_snapshot(NOW).await.unwrap();
    assert_eq!(
        (&swept.rows, &swept.feed_id),
        (&snapshot.rows, &snapshot.feed_id)
    );

    store.revoke_token(act(), "last").await.unwrap();
    let next = async |cursor: &Cursor| {
        let poll = store.revocations_after(cursor.clone(), 10).await.unwrap();
        assert_eq!(poll.feed_id, snapshot.feed_id);
        poll.rows.len()
    };
    for cursor in [&snapshot.cursor, &swept.cursor] {
        assert_eq!(
            next(cursor).await,
            1,
            "the cursor does not go back with the rows"
        );
    }
    store.close().await;
    let store = database.open().await;
    let reopened = store.revocation_snapshot(NOW).await.unwrap();
    assert_eq!(reopened.feed_id, snapshot.feed_id);
    store.revoke_token(act(), "after it").await.unwrap();
    let poll = store.revocations_after(reopened.cursor, 10).await.unwrap();
    assert_eq!(poll.rows.len(), 1);
}

pub(crate) async fn the_process_is_told_before_the_answer(database: &Database) {
    let store = database.open().await;
    let told: Arc<Mutex<Vec<RevocationRecord>>> = Arc::default();
    let hears = Arc::clone(&told);
    store.on_revoked(Box::new(move |records| {
        hears.lock().unwrap().extend_from_slice(records);
    }));
    let (live, _) = signed_in(&store, "ada").await;
    let (mine, _) = session(&store, &live.account).await;
    assert!(
        store
            .end_session(act(), "id-bob", &live.session.id)
            .await
            .is_err()
    );
    assert!(
        told.lock().unwrap().is_empty(),
        "a refused write revokes nothing"
    );
    for round in 1..=3 {
        store
            .revoke_token(act(), &format!("token{round}"))
            .await
            .unwrap();
        assert_eq!(told.lock().unwrap().len(), round);
    }
    store
        .end_other_sessions(act(), "id-ada", &mine.session.id)
        .await
        .unwrap();
    let told = told.lock().unwrap().clone();
    assert_eq!(told.len(), 4);
    assert_eq!(
        store.revocations_after(beginning(), 10).await.unwrap().rows,
        told,
        "as it is stored"
    );
}

/// Whoever goes on from a coarse place, wherever that was told, lacks nothing.
pub(crate) async fn nothing_new_is_below_what_was_whole(database: &Database) {
    let (store, other) = (database.open().await, database.open().await);
    let snapshot = store.revocation_snapshot(NOW).await.unwrap();
    let (mut cursor, mut whole_below) = (snapshot.cursor, snapshot.whole_below);
    for round in 0..5 {
        for (store, name) in [(&store, "a"), (&other, "b"), (&store, "c")] {
            let name = format!("{name}{round}");
            store.revoke_token(act(), &name).await.unwrap();
        }
        let poll = store.revocations_after(cursor, 100).await.unwrap();
        assert_eq!(poll.rows.len(), 3);
        let new = |row: &&RevocationRecord| row.place >= whole_below;
        assert_eq!(poll.rows.iter().filter(new).count(), 3);
        // The places are the rows', not the reader's; and of one order, whoever asks.
        let elsewhere = other.revocation_snapshot(NOW).await.unwrap();
        assert!(elsewhere.whole_below >= poll.whole_below);
        let again: Vec<_> = elsewhere.rows.iter().filter(new).collect();
        assert!(poll.rows.iter().all(|row| again.contains(&row)));
        (cursor, whole_below) = (poll.cursor, poll.whole_below);
    }
    // What is read in pages is whole with the last of them.
    let page = store.revocations_after(beginning(), 14).await.unwrap();
    let rest = store.revocations_after(page.cursor, 14).await.unwrap();
    assert_eq!(rest.rows.len(), 1);
    assert!(rest.whole_below >= whole_below);
}
