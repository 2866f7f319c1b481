//! Password hashes.

use keystile_accounts::store::{NewHead, PasswordHash, Rotation, WriteError};

use crate::fixture::{
    DAY, Database, NOW, account, act, act_of, beginning, fresh, lives, password, rotate, rotated,
    session, signed_in,
};

pub(crate) async fn a_replaced_hash_must_be_the_old_one(database: &Database) {
    let store = database.open().await;
    let ada = account(&store, "ada").await;
    assert!(
        !store
            .replace_password_hash(&ada.id, "another", password("new"), NOW)
            .await
            .unwrap()
    );
    assert!(
        store
            .replace_password_hash(&ada.id, "$test$c=1$ada", password("new"), NOW)
            .await
            .unwrap()
    );
    assert!(
        !store
            .replace_password_hash(&ada.id, "$test$c=1$ada", password("late"), NOW)
            .await
            .unwrap()
    );
    let now = store.account(&ada.id).await.unwrap().unwrap();
    assert_eq!(
        (now.password, now.generation),
        (Some(password("new")), ada.generation)
    );
}

pub(crate) async fn formats_are_counted(database: &Database) {
    let store = database.open().await;
    let bcrypt = || PasswordHash {
        encoded: "$2b$12$x".to_owned(),
        format: "$2b$12".to_owned(),
    };
    for username in ["ada", "bob", "eve"] {
        account(&store, username).await;
    }
    let count = |format: &str, accounts: u64| (format.to_owned(), accounts);
    assert_eq!(
        store.password_formats().await.unwrap(),
        [count("$test$c=1", 3)]
    );
    store
        .replace_password_hash("id-ada", "$test$c=1$ada", bcrypt(), NOW)
        .await
        .unwrap();
    store.set_password(act(), "id-bob", None).await.unwrap();
    assert_eq!(
        store.password_formats().await.unwrap(),
        [count("$2b$12", 1), count("$test$c=1", 1)]
    );
    store
        .set_password(act(), "id-bob", Some(bcrypt()))
        .await
        .unwrap();
    store.delete_account(act(), "id-eve", None).await.unwrap();
    assert_eq!(
        store.password_formats().await.unwrap(),
        [count("$2b$12", 2)]
    );
}

pub(crate) async fn ones_own_change_keeps_this_session_with_a_new_pair(database: &Database) {
    let store = database.open().await;
    let (live, first) = signed_in(&store, "ada").await;
    let token = rotated(&store, first).await;
    let (other, other_token) = session(&store, &live.account).await;
    let head = NewHead {
        token_hash: fresh(),
        expires_at: NOW + DAY,
        auth_time: Some(NOW + 5),
    };

    let refused = store
        .change_password(act_of(&live), "another", password("new"), head.clone())
        .await;
    assert!(matches!(refused, Err(WriteError::Changed)));
    assert!(lives(&store, &other).await);

    let changed = store
        .change_password(
            act_of(&live),
            "$test$c=1$ada",
            password("new"),
            head.clone(),
        )
        .await
        .unwrap();
    assert_eq!(changed.session.id, live.session.id);
    assert_eq!(
        (changed.session.auth_time, changed.session.expires_at),
        (NOW + 5, NOW + DAY)
    );
    assert_eq!(changed.account.generation, live.account.generation + 1);
    assert_eq!(changed.account.password, Some(password("new")));
    assert!(matches!(
        rotate(&store, other_token).await,
        Rotation::Ended(_)
    ));
    for old in [token, first] {
        assert!(
            matches!(rotate(&store, old).await, Rotation::Ended(_)),
            "an old tab's token is refused"
        );
    }
    assert!(lives(&store, &changed).await, "and ends nothing");
    rotated(&store, head.token_hash).await;
    assert_eq!(
        store
            .revocations_after(beginning(), 10)
            .await
            .unwrap()
            .rows
            .len(),
        1,
        "the generation says it all"
    );

    let stale = store
        .change_password(act_of(&live), "$test$c=1$new", password("late"), head)
        .await;
    assert!(matches!(stale, Err(WriteError::Stale)));
}

pub(crate) async fn an_administrators_change_ends_all(database: &Database) {
    let store = database.open().await;
    let (live, token) = signed_in(&store, "ada").await;
    let set = store
        .set_password(act(), "id-ada", Some(password("new")))
        .await
        .unwrap();
    assert_eq!(
        (set.generation, set.password),
        (live.account.generation + 1, Some(password("new")))
    );
    assert!(!lives(&store, &live).await);
    assert!(matches!(rotate(&store, token).await, Rotation::Ended(_)));
    assert!(matches!(
        store.set_password(act(), "nobody", None).await,
        Err(WriteError::NotFound)
    ));
}
