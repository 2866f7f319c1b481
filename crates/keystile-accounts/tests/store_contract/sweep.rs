//! What has had its time.

use keystile_accounts::store::{
    Attempt, AuditRecord, LONGEST_HOLD, NewSession, Rotate, Rotation, Store, Sweep,
};

use crate::fixture::{
    DAY, Database, GRACE, MINUTE, NOW, account, act, beginning, fresh, lives, new_session, rotate,
    rotated, rotation, signed_in,
};

fn sweep_at(now: i64) -> Sweep {
    Sweep {
        now,
        grace: GRACE,
        keep_sessions: DAY,
        keep_audit: 10 * DAY,
        most_counters: 1_000,
    }
}

/// Sweeps until a whole round found little.
async fn swept(store: &Store, sweep: Sweep) {
    while store.sweep(sweep).await.unwrap() {}
    // The walk over the sessions needs a step to reach the end and one to begin anew.
    for _ in 0..3 {
        store.sweep(sweep).await.unwrap();
    }
}

pub(crate) async fn salts_are_erased_when_the_grace_is_over(database: &Database) {
    let store = database.open().await;
    let (_, token) = signed_in(&store, "ada").await;
    rotated(&store, token).await;
    swept(&store, sweep_at(NOW + GRACE)).await;
    assert!(
        matches!(rotate(&store, token).await, Rotation::Replayed(..)),
        "not a moment early"
    );
    swept(&store, sweep_at(NOW + 1 + GRACE)).await;
    // With a clock that went back the grace would still run: the salt alone says that it is over.
    assert!(matches!(rotate(&store, token).await, Rotation::Reused(_)));
}

pub(crate) async fn what_has_had_its_time_goes_and_the_rest_stays(database: &Database) {
    let store = database.open().await;
    let account = account(&store, "ada").await;
    let mut short = Vec::new();
    for _ in 0..20 {
        let token = fresh();
        let new = NewSession {
            expires_at: NOW + DAY,
            ..new_session(&account, token)
        };
        store.open_session(act(), new).await.unwrap().unwrap();
        let rotate = Rotate {
            expires_at: NOW + DAY,
            ..rotation(token)
        };
        store.rotate(rotate.clone()).await.unwrap();
        short.push((token, rotate.successor));
    }
    let (kept, first) = crate::fixture::session(&store, &account).await;
    let head = rotated(&store, first).await;
    store.revoke_token(act(), "a token").await.unwrap();
    store
        .count_attempts(
            vec![Attempt {
                key: fresh(),
                window: MINUTE,
                period: None,
            }],
            NOW,
        )
        .await
        .unwrap();
    store
        .record_audit(AuditRecord {
            at: NOW + 11 * DAY,
            kind: "kept".to_owned(),
            ..AuditRecord::default()
        })
        .await
        .unwrap();

    let at = |presented, now| Rotate {
        now,
        ..rotation(presented)
    };
    let later = NOW + DAY;
    swept(&store, sweep_at(later)).await;
    for (_, head) in &short {
        let outcome = store.rotate(at(*head, later)).await.unwrap();
        assert!(
            matches!(outcome, Rotation::Expired(..)),
            "kept for a day to say so"
        );
    }
    let later = NOW + 2 * DAY;
    swept(&store, sweep_at(later)).await;
    for (spent, head) in short {
        for token in [spent, head] {
            assert_eq!(
                store.rotate(at(token, later)).await.unwrap(),
                Rotation::Unknown
            );
        }
    }
    assert!(lives(&store, &kept).await);
    assert!(matches!(
        store.rotate(at(head, later)).await.unwrap(),
        Rotation::Rotated(_)
    ));
    assert!(
        matches!(
            store.rotate(at(first, later)).await.unwrap(),
            Rotation::Reused(_)
        ),
        "spent ones stay until they expire"
    );

    swept(&store, sweep_at(NOW + 10 * DAY)).await;
    let audit = store.audit(None, None, 100).await.unwrap().items;
    assert!(audit.iter().any(|row| row.kind == "kept"));
    assert!(audit.iter().all(|row| row.at > NOW), "{audit:?}");
    let poll = store.revocations_after(beginning(), 10).await.unwrap();
    assert!(poll.rows.is_empty(), "{poll:?}");
}

pub(crate) async fn counters_are_bounded(database: &Database) {
    let store = database.open().await;
    let keys: Vec<_> = (0..1_500).map(|_| fresh()).collect();
    for (batch, keys) in keys.chunks(100).enumerate() {
        let window = MINUTE + i64::try_from(batch).unwrap();
        let attempts = keys
            .iter()
            .map(|key| Attempt {
                key: *key,
                window,
                period: None,
            })
            .collect();
        store.count_attempts(attempts, NOW).await.unwrap();
    }
    let sweep = Sweep {
        most_counters: 200,
        ..sweep_at(NOW)
    };
    swept(&store, sweep).await;
    let left = store.attempts(keys, NOW).await.unwrap();
    let left: Vec<_> = left
        .into_iter()
        .filter(|counted| counted.count > 0)
        .collect();
    assert_eq!(left.len(), 200);
    assert!(
        left.iter()
            .all(|counted| counted.window_ends_at >= NOW + MINUTE + 13),
        "those soonest to end went"
    );
}

pub(crate) async fn an_attempt_under_way_is_not_swept_away(database: &Database) {
    let store = database.open().await;
    let attempt = Attempt {
        key: fresh(),
        window: 1,
        period: None,
    };
    store.admit_attempt(attempt, 1, NOW).await.unwrap().unwrap();
    swept(&store, sweep_at(NOW + LONGEST_HOLD / 2 - 1)).await;
    let now = NOW + LONGEST_HOLD / 2 - 1;
    assert_eq!(store.admit_attempt(attempt, 1, now).await.unwrap(), None);
}
