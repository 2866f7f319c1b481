//! Sessions opened, listed and ended.

use keystile_accounts::store::{AccountRecord, Hash, NewSession, Revoked, Rotation, WriteError};

use crate::fixture::{
    DAY, Database, NOW, account, act, act_at, audited, beginning, fresh, listed, lives,
    new_session, rotate, rotated, session, signed_in,
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
    let found = listed(&store, "id-ada", NOW + 1).await;
    assert_eq!(found, [last.session.clone(), first.session.clone()]);
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
    assert_eq!(listed(&store, "id-ada", last.session.expires_at).await, []);
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
    assert!(matches!(rotate(&store, token).await, Rotation::Ended(_)));
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
    assert!(matches!(rotate(&store, token).await, Rotation::Ended(_)));
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

pub(crate) async fn pages_show_each_session_once(database: &Database) {
    let store = database.open().await;
    let account = account(&store, "ada").await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.insert(0, session(&store, &account).await.0.session.id);
        signed_in(&store, &format!("other{}", expected.len())).await;
    }
    for limit in 1..=6 {
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = store
                .sessions("id-ada", NOW + 1, before, limit)
                .await
                .unwrap();
            assert!(page.items.len() <= limit as usize);
            seen.extend(page.items.into_iter().map(|session| session.id));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected, "{limit} at a time");
    }
}

pub(crate) async fn a_token_names_its_session(database: &Database) {
    let store = database.open().await;
    let (live, first) = signed_in(&store, "ada").await;
    let second = rotated(&store, first).await;
    let id = Some(live.session.id.clone());
    for token in [first, second] {
        assert_eq!(store.session_of_token(token).await.unwrap(), id);
    }
    store
        .end_session(act(), "id-ada", &live.session.id)
        .await
        .unwrap();
    for token in [first, second] {
        assert_eq!(
            store.session_of_token(token).await.unwrap(),
            id,
            "when it is over too"
        );
    }
    assert_eq!(store.session_of_token(fresh()).await.unwrap(), None);
}

fn at_most(account: &AccountRecord, most: u32, token: Hash) -> NewSession {
    NewSession {
        most: Some(most),
        ..new_session(account, token)
    }
}

pub(crate) async fn beyond_the_limit_the_longest_unused_ends(database: &Database) {
    let store = database.open().await;
    let (first, token) = signed_in(&store, "ada").await;
    let (second, _) = session(&store, &first.account).await;
    let (third, _) = session(&store, &first.account).await;
    let (strangers, _) = signed_in(&store, "bob").await;
    // The oldest was used last.
    rotated(&store, token).await;
    let opened = store
        .open_session(act_at(NOW + 2), at_most(&first.account, 3, fresh()))
        .await
        .unwrap()
        .unwrap();
    assert!(!lives(&store, &second).await, "it was unused for longest");
    for live in [&first, &third, &opened, &strangers] {
        assert!(lives(&store, live).await);
    }
    let rows = store.revocations_after(beginning(), 10).await.unwrap().rows;
    let session_id = second.session.id.clone();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].revoked, Revoked::Session { session_id });
    assert_eq!(
        audited(&store).await[..2],
        ["session.opened", "session.displaced"]
    );
    let told = store.audit(None, None, 2).await.unwrap().items;
    assert_eq!(told[1].session_id.as_ref(), Some(&second.session.id));

    // A limit that was lowered is kept to from the next sign-in on; those over by time do not count.
    let alone = store
        .open_session(act_at(NOW + 3), at_most(&first.account, 1, fresh()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        listed(&store, "id-ada", NOW + 3).await,
        std::slice::from_ref(&alone.session)
    );
    let later = alone.session.expires_at;
    let again = NewSession {
        expires_at: later + DAY,
        ..at_most(&first.account, 1, fresh())
    };
    store
        .open_session(act_at(later), again)
        .await
        .unwrap()
        .unwrap();
    let displaced = audited(&store).await;
    let displaced = displaced.iter().filter(|kind| *kind == "session.displaced");
    assert_eq!(displaced.count(), 4, "what has expired is not ended again");
}
