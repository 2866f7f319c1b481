//! Clients, and what ends with them.

use keystile_accounts::store::{
    Field, LiveSession, NewClient, NewSession, Restoration, Revoked, Rotate, Rotation, Store,
    Trusted, WriteError, client_subject,
};

use crate::fixture::{
    DAY, Database, MINUTE, NOW, account, act, act_of, audited, beginning, client, fresh, listed,
    lives, new_client, new_session, rotation, signed_in,
};

pub(crate) async fn names_are_unique_and_a_refused_one_changes_nothing(database: &Database) {
    let store = database.open().await;
    let made = client(&store, "reader").await;
    assert_eq!((made.generation, made.created_at), (0, NOW));
    let again = NewClient {
        id: "another".to_owned(),
        ..new_client("reader")
    };
    let refused = store.create_client(act(), again).await;
    assert!(
        matches!(refused, Err(WriteError::Taken(Field::ClientName))),
        "{refused:?}"
    );
    assert_eq!(store.client("another").await.unwrap(), None);
    assert_eq!(audited(&store).await, ["client.created"]);
    let shown = format!("{made:?} {:?}", new_client("reader"));
    assert!(
        shown.contains("redacted") && !shown.contains("90"),
        "{shown}"
    );
}

pub(crate) async fn it_is_found_by_id_and_by_name_and_listed_in_order(database: &Database) {
    let store = database.open().await;
    let mut all = Vec::new();
    for name in ["reader", "Writer", "ärger"] {
        all.push(client(&store, name).await);
    }
    assert_eq!(
        store.client("Writer").await.unwrap().as_ref(),
        Some(&all[1])
    );
    let named = store.client_by_name("the ärger").await.unwrap();
    assert_eq!(named.as_ref(), Some(&all[2]));
    for nobody in ["", "writer", "a\0b", "the ärger"] {
        assert_eq!(store.client(nobody).await.unwrap(), None, "{nobody:?}");
    }
    let first = store.clients(None, 2).await.unwrap();
    assert_eq!(first.items, all[..2]);
    let second = store.clients(first.next, 2).await.unwrap();
    assert_eq!((second.items, second.next), (all[2..].to_vec(), None));
}

async fn bound(store: &Store, to: &str) -> (LiveSession, [u8; 32]) {
    let token = fresh();
    let ada = store.account("id-ada").await.unwrap().unwrap();
    let new = NewSession {
        client_id: Some(to.to_owned()),
        ..new_session(&ada, token)
    };
    let live = store.open_session(act(), new).await.unwrap();
    (live.expect("she lives"), token)
}

pub(crate) async fn its_end_is_the_end_of_its_tokens_and_sessions(database: &Database) {
    let store = database.open().await;
    let (own, _) = signed_in(&store, "ada").await;
    for name in ["reader", "writer"] {
        client(&store, name).await;
    }
    let (of_writer, _) = bound(&store, "writer").await;
    let (one, token) = bound(&store, "reader").await;
    let (two, _) = bound(&store, "reader").await;
    assert_eq!(store.delete_client(act(), "reader").await.unwrap(), 2);
    assert!(!lives(&store, &one).await && !lives(&store, &two).await);
    assert!(lives(&store, &own).await && lives(&store, &of_writer).await);
    let by_reader = Rotate {
        client_id: Some("reader".to_owned()),
        ..rotation(token)
    };
    let rotation = store.rotate(by_reader).await.unwrap();
    assert!(matches!(rotation, Rotation::Ended(_)), "{rotation:?}");
    let told = store.revocations_after(beginning(), 10).await.unwrap().rows;
    let told: Vec<_> = told.into_iter().map(|row| row.revoked).collect();
    let subject = Revoked::Subject {
        account_id: client_subject("reader"),
        smallest_generation: 1,
    };
    assert!(told.contains(&subject), "{told:?}");
    for live in [&one, &two] {
        let session_id = live.session.id.clone();
        assert!(told.contains(&Revoked::Session { session_id }), "{told:?}");
    }
    assert_eq!(told.len(), 3);
    let again = store.delete_client(act(), "reader").await;
    assert!(matches!(again, Err(WriteError::NotFound)));
    let audited = audited(&store).await;
    assert!(
        audited.iter().any(|kind| kind == "client.deleted"),
        "{audited:?}"
    );
    // Its name is free again; what was revoked of it touches nobody else.
    let next = NewClient {
        id: "reader-2".to_owned(),
        ..new_client("reader")
    };
    store.create_client(act(), next).await.unwrap();
}

pub(crate) async fn no_session_is_opened_for_one_that_is_gone(database: &Database) {
    let store = database.open().await;
    let ada = account(&store, "ada").await;
    client(&store, "reader").await;
    store.delete_client(act(), "reader").await.unwrap();
    for nobody in ["reader", "never", "", "a\0b"] {
        let new = NewSession {
            client_id: Some(nobody.to_owned()),
            ..new_session(&ada, fresh())
        };
        let refused = store.open_session(act(), new).await;
        assert!(refused.is_err(), "{nobody:?}: {refused:?}");
    }
    assert_eq!(listed(&store, "id-ada", NOW + 1).await, []);
}

/// However they meet, no session is left, and none was opened that the deletion did not tell of.
pub(crate) async fn openings_that_meet_its_end_leave_no_session(database: &Database) {
    let store = database.open().await;
    let ada = account(&store, "ada").await;
    for round in 0..20 {
        let name = format!("reader-{round}");
        client(&store, &name).await;
        let mut openings = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let new = NewSession {
                client_id: Some(name.clone()),
                ..new_session(&ada, fresh())
            };
            let store = store.clone();
            openings.spawn(async move { store.open_session(act(), new).await });
        }
        let ended = store.delete_client(act(), &name).await.unwrap();
        let mut opened = 0;
        while let Some(outcome) = openings.join_next().await {
            match outcome.unwrap() {
                Ok(live) => opened += u64::from(live.is_some()),
                Err(WriteError::NotFound) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(opened, ended, "round {round}");
        assert_eq!(listed(&store, "id-ada", NOW + 1).await, []);
    }
}

/// Whoever signed in by the client may delete it, and is signed out with it and not before.
pub(crate) async fn who_came_by_it_can_delete_it(database: &Database) {
    let store = database.open().await;
    account(&store, "ada").await;
    client(&store, "console").await;
    let (first, _) = bound(&store, "console").await;
    let (own, _) = bound(&store, "console").await;
    let (last, _) = bound(&store, "console").await;
    let deleted = store.delete_client(act_of(&own), "console").await;
    assert!(matches!(deleted, Ok(3)), "{deleted:?}");
    assert_eq!(store.client("console").await.unwrap(), None);
    let told = store.revocations_after(beginning(), 10).await.unwrap().rows;
    let told: Vec<_> = told.into_iter().map(|row| row.revoked).collect();
    for live in [&first, &own, &last] {
        assert!(!lives(&store, live).await);
        let session_id = live.session.id.clone();
        assert!(told.contains(&Revoked::Session { session_id }), "{told:?}");
    }
}

pub(crate) async fn whose_a_refresh_token_is(database: &Database) {
    let store = database.open().await;
    signed_in(&store, "ada").await;
    client(&store, "reader").await;
    let (live, token) = bound(&store, "reader").await;
    let owner = store.token_owner(token).await.unwrap().unwrap();
    assert_eq!((&owner.session, owner.is_current), (&live.session, true));
    let next = Rotate {
        client_id: Some("reader".to_owned()),
        ..rotation(token)
    };
    store.rotate(next.clone()).await.unwrap();
    let owner = store.token_owner(token).await.unwrap().unwrap();
    assert!(!owner.is_current && owner.session.client_id.as_deref() == Some("reader"));
    assert!(
        store
            .token_owner(next.successor)
            .await
            .unwrap()
            .unwrap()
            .is_current
    );
    store.delete_client(act(), "reader").await.unwrap();
    let owner = store.token_owner(next.successor).await.unwrap().unwrap();
    assert!(owner.session.ended.is_some());
    assert_eq!(store.token_owner(fresh()).await.unwrap(), None);
}

pub(crate) async fn after_a_restore_its_earlier_tokens_are_over(database: &Database) {
    let store = database.open().await;
    client(&store, "reader").await;
    let how = |trusted| Restoration {
        trusted,
        now: NOW + DAY,
        revoked_until: NOW + DAY + 15 * MINUTE,
    };
    store.begin_anew(how(Trusted::Everything)).await.unwrap();
    let generation = async || store.client("reader").await.unwrap().unwrap().generation;
    assert_eq!(generation().await, 0);
    store.begin_anew(how(Trusted::Keys)).await.unwrap();
    assert!(
        generation().await >= 1 << 32,
        "above all that a guard can remember"
    );
}
