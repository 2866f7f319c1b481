//! Guessing counters.

use keystile_accounts::store::{Attempt, Counted, NewSession};

use crate::fixture::{Database, MINUTE, NOW, account, act, fresh, new_session};

pub(crate) async fn counters_count_within_their_window(database: &Database) {
    let store = database.open().await;
    let (one, two) = (fresh(), fresh());
    let both = || {
        vec![
            Attempt {
                key: one,
                window: MINUTE,
            },
            Attempt {
                key: two,
                window: 2 * MINUTE,
            },
        ]
    };
    let counted = |count, ends| Counted {
        count,
        window_ends_at: NOW + ends,
    };
    let first = store.count_attempts(both(), NOW).await.unwrap();
    assert_eq!(first, [counted(1, MINUTE), counted(1, 2 * MINUTE)]);
    let second = store
        .count_attempts(both(), NOW + MINUTE - 1)
        .await
        .unwrap();
    assert_eq!(
        second,
        [counted(2, MINUTE), counted(2, 2 * MINUTE)],
        "a window is not moved by attempts"
    );
    let third = store.count_attempts(both(), NOW + MINUTE).await.unwrap();
    assert_eq!(third, [counted(1, 2 * MINUTE), counted(3, 2 * MINUTE)]);

    let read = store
        .attempts(vec![two, fresh(), one], NOW + MINUTE)
        .await
        .unwrap();
    assert_eq!(
        read,
        [
            third[1],
            Counted {
                count: 0,
                window_ends_at: NOW + MINUTE
            },
            third[0]
        ]
    );
    let over = store.attempts(vec![two], NOW + 2 * MINUTE).await.unwrap();
    assert_eq!(over[0].count, 0);
}

pub(crate) async fn simultaneous_attempts_are_all_counted(database: &Database) {
    let (one, two) = (database.open().await, database.open().await);
    let key = fresh();
    let tasks: Vec<_> = (0..100)
        .map(|number| {
            let store = if number % 2 == 0 {
                one.clone()
            } else {
                two.clone()
            };
            let attempt = vec![Attempt {
                key,
                window: MINUTE,
            }];
            tokio::spawn(async move { store.count_attempts(attempt, NOW).await.unwrap()[0].count })
        })
        .collect();
    let mut counts = Vec::new();
    for task in tasks {
        counts.push(task.await.unwrap());
    }
    counts.sort_unstable();
    assert_eq!(
        counts,
        (1..=100).collect::<Vec<_>>(),
        "each sees a number of its own"
    );
}

pub(crate) async fn success_forgets(database: &Database) {
    let store = database.open().await;
    let account = account(&store, "ada").await;
    let keys = vec![fresh(), fresh(), fresh()];
    let attempts = keys
        .iter()
        .map(|key| Attempt {
            key: *key,
            window: MINUTE,
        })
        .collect();
    store.count_attempts(attempts, NOW).await.unwrap();
    let refused = NewSession {
        generation: 7,
        forget_attempts: keys.clone(),
        ..new_session(&account, fresh())
    };
    assert!(store.open_session(act(), refused).await.unwrap().is_none());
    let counts = async || {
        let counted = store.attempts(keys.clone(), NOW).await.unwrap();
        counted
            .into_iter()
            .map(|counted| counted.count)
            .collect::<Vec<_>>()
    };
    assert_eq!(counts().await, [1, 1, 1], "a refused opening is no success");
    let opened = NewSession {
        forget_attempts: keys[..1].to_vec(),
        ..new_session(&account, fresh())
    };
    assert!(store.open_session(act(), opened).await.unwrap().is_some());
    assert_eq!(counts().await, [0, 1, 1]);
    store.forget_attempts(keys[1..2].to_vec()).await.unwrap();
    assert_eq!(counts().await, [0, 0, 1]);
}
