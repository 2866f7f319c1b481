//! Guessing counters.

use keystile_accounts::store::{Attempt, Counted, Hash, Held, LONGEST_HOLD, NewSession, Store};

use crate::fixture::{Database, MINUTE, NOW, account, act, fresh, new_session};
use crate::meeting::{First, ORDERS, meet, no_circle};

/// Half the longest hold: so long every hold counts.
const SURELY_HELD: i64 = LONGEST_HOLD / 2;

fn attempt(key: Hash) -> Attempt {
    Attempt {
        key,
        window: MINUTE,
        period: None,
    }
}

async fn admit(store: &Store, key: Hash, most: u32, now: i64) -> Option<Held> {
    store.admit_attempt(attempt(key), most, now).await.unwrap()
}

/// Counts an attempt that was let through as failed.
async fn fails(store: &Store, held: Held, now: i64) -> Counted {
    let attempt = Attempt {
        period: Some(held.period),
        ..attempt(held.key)
    };
    store.count_attempts(vec![attempt], now).await.unwrap()[0]
}

/// Failures and attempts under way.
async fn found(store: &Store, key: Hash, now: i64) -> (u64, u64) {
    let counted = store.attempts(vec![key], now).await.unwrap()[0];
    (counted.count, counted.under_way)
}

/// Where two of three guesses are used up.
pub(crate) async fn one_more_of_three(store: &Store, key: Hash) {
    let held = admit(store, key, 3, NOW).await.unwrap();
    assert_eq!(admit(store, key, 3, NOW).await, None);
    assert_eq!(fails(store, held, NOW).await.count, 3);
}

pub(crate) async fn counters_count_within_their_window(database: &Database) {
    let store = database.open().await;
    let (one, two) = (fresh(), fresh());
    let both = || {
        let longer = Attempt {
            window: 2 * MINUTE,
            ..attempt(two)
        };
        vec![attempt(one), longer]
    };
    let counted = |count, ends| Counted {
        count,
        under_way: 0,
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
    assert_eq!(read, [third[1], counted(0, MINUTE), third[0]]);
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
            let attempt = vec![attempt(key)];
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

pub(crate) async fn attempts_under_way_count_as_failures_would(database: &Database) {
    let store = database.open().await;
    let key = fresh();
    let first = admit(&store, key, 3, NOW).await.unwrap();
    let second = admit(&store, key, 3, NOW).await.unwrap();
    let third = admit(&store, key, 3, NOW + 1).await.unwrap();
    assert_eq!(admit(&store, key, 3, NOW + 2).await, None);
    assert_eq!(found(&store, key, NOW + 2).await, (0, 3));

    let counted = fails(&store, first, NOW + 3).await;
    assert_eq!((counted.count, counted.under_way), (1, 2));
    assert_eq!(
        counted.window_ends_at,
        NOW + 3 + MINUTE,
        "the window begins with the first failure"
    );
    assert_eq!(admit(&store, key, 3, NOW + 4).await, None);

    store.settle_attempt(second, false).await.unwrap();
    assert_eq!(found(&store, key, NOW + 5).await, (1, 1));
    let fourth = admit(&store, key, 3, NOW + 5).await.unwrap();
    assert_eq!(
        admit(&store, key, 3, NOW + 5).await,
        None,
        "it was one place"
    );

    store.settle_attempt(third, true).await.unwrap();
    assert_eq!(
        found(&store, key, NOW + 6).await,
        (0, 1),
        "a success forgets"
    );
    store.settle_attempt(fourth, true).await.unwrap();
    assert_eq!(found(&store, key, NOW + 6).await, (0, 0));
}

/// However many try at once, at two nodes, and however the rest of them end: no more failures than the limit.
pub(crate) async fn a_crowd_gets_no_more_failures_than_one_in_turn(database: &Database) {
    let (one, two) = (database.open().await, database.open().await);
    let key = fresh();
    let tasks: Vec<_> = (0..60_u32)
        .map(|number| {
            let store = [&one, &two][number as usize % 2].clone();
            tokio::spawn(async move {
                let mut failed = 0;
                while found(&store, key, NOW).await.0 < 10 {
                    let Some(held) = admit(&store, key, 10, NOW).await else {
                        tokio::task::yield_now().await;
                        continue;
                    };
                    // Some end without a verdict, most fail.
                    if number % 4 == 0 {
                        store.settle_attempt(held, false).await.unwrap();
                    } else {
                        fails(&store, held, NOW).await;
                        failed += 1;
                    }
                }
                failed
            })
        })
        .collect();
    let mut failed = 0;
    for task in tasks {
        failed += task.await.unwrap();
    }
    assert_eq!(failed, 10);
    assert_eq!(found(&one, key, NOW).await, (10, 0));
    two.close().await;
    no_circle(database, &one).await;
}

/// What a killed process was at counts no more after a while, also where others come and go without a pause.
pub(crate) async fn what_is_never_settled_lapses(database: &Database) {
    let store = database.open().await;
    let (alone, busy) = (fresh(), fresh());
    for key in [alone, busy] {
        admit(&store, key, 2, NOW).await.unwrap();
    }
    admit(&store, alone, 2, NOW).await.unwrap();
    assert_eq!(admit(&store, alone, 2, NOW + SURELY_HELD - 1).await, None);
    for moment in 1..=12 {
        let now = NOW + moment * LONGEST_HOLD / 12;
        let held = admit(&store, busy, 2, now).await.unwrap();
        if now - NOW < SURELY_HELD {
            assert_eq!(admit(&store, busy, 2, now).await, None);
        }
        store.settle_attempt(held, false).await.unwrap();
    }
    for key in [alone, busy] {
        for _ in 0..2 {
            let held = admit(&store, key, 2, NOW + LONGEST_HOLD).await;
            assert!(held.is_some());
        }
        assert_eq!(admit(&store, key, 2, NOW + LONGEST_HOLD).await, None);
    }
}

pub(crate) async fn what_lapsed_takes_nobody_elses_place_with_it(database: &Database) {
    let store = database.open().await;
    let key = fresh();
    let (late, later) = (
        admit(&store, key, 2, NOW).await.unwrap(),
        admit(&store, key, 2, NOW).await.unwrap(),
    );
    let now = NOW + LONGEST_HOLD;
    for _ in 0..2 {
        admit(&store, key, 2, now).await.unwrap();
    }
    store.settle_attempt(late, false).await.unwrap();
    assert_eq!(found(&store, key, now).await, (0, 2));
    assert_eq!(
        fails(&store, later, now).await.count,
        1,
        "it counts all the same"
    );
    assert_eq!(found(&store, key, now).await, (1, 2));
    // A success that comes so late forgets, and leaves the others where they are.
    store.settle_attempt(late, true).await.unwrap();
    assert_eq!(found(&store, key, now).await, (0, 2));
}

/// Held from one period to the next, and by a node whose clock is behind.
pub(crate) async fn a_hold_is_given_back_in_its_own_period(database: &Database) {
    let store = database.open().await;
    let key = fresh();
    let before = admit(&store, key, 3, NOW).await.unwrap();
    let next = NOW + SURELY_HELD;
    let after = admit(&store, key, 3, next).await.unwrap();
    let behind = admit(&store, key, 3, next - 1).await.unwrap();
    assert_eq!(found(&store, key, next).await, (0, 3));
    assert_eq!(found(&store, key, next - 1).await, (0, 3));
    assert_eq!(admit(&store, key, 3, next - 1).await, None);
    store.settle_attempt(before, false).await.unwrap();
    assert_eq!(found(&store, key, next).await, (0, 2));
    fails(&store, behind, next).await;
    assert_eq!(found(&store, key, next).await, (1, 1));
    fails(&store, after, next).await;
    assert_eq!(found(&store, key, next).await, (2, 0));
}

pub(crate) async fn a_clock_set_back_locks_nobody_out(database: &Database) {
    let store = database.open().await;
    let key = fresh();
    for _ in 0..2 {
        admit(&store, key, 2, NOW + 60 * MINUTE).await.unwrap();
    }
    for _ in 0..2 {
        assert!(admit(&store, key, 2, NOW).await.is_some());
    }
    assert_eq!(admit(&store, key, 2, NOW).await, None);
}

pub(crate) async fn a_window_may_end_while_attempts_are_under_way(database: &Database) {
    let store = database.open().await;
    let key = fresh();
    let first = admit(&store, key, 2, NOW).await.unwrap();
    fails(&store, first, NOW).await;
    let end = NOW + MINUTE;
    let second = admit(&store, key, 2, end - 1).await.unwrap();
    assert_eq!(found(&store, key, end).await, (0, 1));
    let third = admit(&store, key, 2, end).await.unwrap();
    assert_eq!(
        admit(&store, key, 2, end).await,
        None,
        "one is under way since before"
    );
    let counted = fails(&store, second, end + 1).await;
    assert_eq!(
        (counted.count, counted.window_ends_at),
        (1, end + 1 + MINUTE)
    );
    assert_eq!(fails(&store, third, end + 2).await.count, 2);
}

pub(crate) async fn success_forgets(database: &Database) {
    let store = database.open().await;
    let account = account(&store, "ada").await;
    let (here, elsewhere) = (fresh(), fresh());
    for key in [here, elsewhere] {
        let held = admit(&store, key, 3, NOW).await.unwrap();
        fails(&store, held, NOW).await;
    }
    let held = admit(&store, here, 3, NOW).await;
    let refused = NewSession {
        generation: 7,
        attempt: held,
        ..new_session(&account, fresh())
    };
    assert!(store.open_session(act(), refused).await.unwrap().is_none());
    assert_eq!(
        found(&store, here, NOW).await,
        (1, 1),
        "a refused opening is no success"
    );
    let opened = NewSession {
        attempt: held,
        ..new_session(&account, fresh())
    };
    assert!(store.open_session(act(), opened).await.unwrap().is_some());
    assert_eq!(found(&store, here, NOW).await, (0, 0));
    assert_eq!(found(&store, elsewhere, NOW).await, (1, 0));
}

/// A success gives its place to the next no sooner than it is kept.
pub(crate) async fn an_attempt_meets_a_success(database: &Database) {
    let store = database.open().await;
    let account = account(&store, "ada").await;
    for first in ORDERS {
        let key = fresh();
        let new = NewSession {
            attempt: admit(&store, key, 1, NOW).await,
            ..new_session(&account, fresh())
        };
        let (opens, asks) = (store.clone(), store.clone());
        let (opened, admitted) = meet(
            database,
            &store,
            first,
            async move { opens.open_session(act(), new).await.unwrap() },
            async move { admit(&asks, key, 1, NOW).await },
        )
        .await;
        assert!(opened.is_some());
        match first {
            First::Ending => assert!(admitted.is_some(), "it waited for the success"),
            First::Other => assert_eq!(admitted, None, "the success was not kept yet"),
            First::Chance => {}
        }
        let under_way = u64::from(admitted.is_some());
        assert_eq!(found(&store, key, NOW).await, (0, under_way));
    }
    no_circle(database, &store).await;
}
