//! Signing keys and shared secrets.

use keystile_accounts::store::{Field, KeyRecord, KeyState, Revoked, Store, WriteError};

use crate::fixture::{Database, NOW, act, act_at};

pub(crate) fn key(kid: &str, state: KeyState) -> KeyRecord {
    KeyRecord {
        kid: kid.to_owned(),
        algorithm: "ES256".to_owned(),
        private: format!("private part of {kid}").into_bytes(),
        state,
        created_at: NOW,
        state_since: NOW,
    }
}

async fn states(store: &Store) -> Vec<(String, KeyState)> {
    let keys = store.keys().await.unwrap();
    keys.into_iter().map(|key| (key.kid, key.state)).collect()
}

pub(crate) async fn all_who_ask_at_once_get_one_signing_key(database: &Database) {
    let (one, two) = (database.open().await, database.open().await);
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let store = if number % 2 == 0 {
                one.clone()
            } else {
                two.clone()
            };
            let candidate = key(&format!("key{number}"), KeyState::Signing);
            tokio::spawn(async move { store.signing_key_or_insert(candidate).await.unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(one.keys().await.unwrap(), [answers[0].clone()]);
    assert!(
        !format!("{:?}", answers[0]).contains("112"),
        "Debug shows no private byte"
    );
}

pub(crate) async fn a_new_signing_key_retires_the_old_one(database: &Database) {
    let store = database.open().await;
    store
        .insert_key(act(), key("a", KeyState::Signing))
        .await
        .unwrap();
    store
        .insert_key(act(), key("b", KeyState::Published))
        .await
        .unwrap();
    let taken = store.insert_key(act(), key("b", KeyState::Signing)).await;
    assert!(
        matches!(taken, Err(WriteError::Taken(Field::KeyId))),
        "{taken:?}"
    );
    let expected = [
        ("a".to_owned(), KeyState::Signing),
        ("b".to_owned(), KeyState::Published),
    ];
    assert_eq!(
        states(&store).await,
        expected,
        "a refused one retires nothing"
    );

    let wrong = store
        .move_key(act(), "b", KeyState::Retired, KeyState::Signing)
        .await;
    assert!(matches!(wrong, Err(WriteError::Changed)), "{wrong:?}");
    assert_eq!(states(&store).await, expected);

    store
        .move_key(act_at(NOW + 1), "b", KeyState::Published, KeyState::Signing)
        .await
        .unwrap();
    let keys = store.keys().await.unwrap();
    assert_eq!(
        (keys[0].state, keys[0].state_since),
        (KeyState::Retired, NOW + 1)
    );
    assert_eq!(
        (keys[1].state, keys[1].created_at),
        (KeyState::Signing, NOW)
    );
    store
        .insert_key(act(), key("c", KeyState::Signing))
        .await
        .unwrap();
    let signing = store
        .signing_key_or_insert(key("d", KeyState::Signing))
        .await
        .unwrap();
    assert_eq!(signing, key("c", KeyState::Signing));
    assert_eq!(states(&store).await[1], ("b".to_owned(), KeyState::Retired));
}

pub(crate) async fn a_withdrawn_key_is_revoked(database: &Database) {
    let store = database.open().await;
    store
        .insert_key(act(), key("a", KeyState::Signing))
        .await
        .unwrap();
    store
        .move_key(act(), "a", KeyState::Signing, KeyState::Withdrawn)
        .await
        .unwrap();
    let rows = store.revocations_after(0, 10).await.unwrap().rows;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0].revoked,
        Revoked::Key {
            kid: "a".to_owned()
        }
    );
    let next = store
        .signing_key_or_insert(key("b", KeyState::Signing))
        .await
        .unwrap();
    assert_eq!(next.kid, "b", "a withdrawn one signs nothing");
}

pub(crate) async fn a_shared_secret_is_the_first_one(database: &Database) {
    let (one, two) = (database.open().await, database.open().await);
    let (first, second) = tokio::join!(
        one.shared_secret("guesses", [1; 32]),
        two.shared_secret("guesses", [2; 32])
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first, second);
    assert!(first == [1; 32] || first == [2; 32]);
    assert_eq!(one.shared_secret("other", [3; 32]).await.unwrap(), [3; 32]);
}
