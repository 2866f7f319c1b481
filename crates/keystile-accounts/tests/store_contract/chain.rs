//! The chain of refresh tokens.

use keystile_accounts::store::{
    AuditRecord, Expiry, LiveSession, NewSession, OfSession, Revoked, Rotate, Rotation, Salt,
};

use crate::fixture::{
    DAY, Database, GRACE, NOW, account, act, audited, beginning, client, fresh, listed, lives,
    new_session, rotate, rotated, rotation, session, signed_in,
};

pub(crate) async fn a_token_is_consumed_once_and_repeated_within_the_grace(database: &Database) {
    let store = database.open().await;
    let (opened, token) = signed_in(&store, "ada").await;
    let first = Rotate {
        address: Some("192.0.2.9".to_owned()),
        ..rotation(token)
    };
    let Rotation::Rotated(live) = store.rotate(first.clone()).await.unwrap() else {
        panic!("the head rotates");
    };
    assert_eq!(live.account, opened.account);
    assert_eq!(
        (live.session.last_used_at, live.session.address.as_deref()),
        (NOW + 1, Some("192.0.2.9"))
    );

    for later in [2, GRACE] {
        let again = Rotate {
            now: NOW + later,
            expires_at: NOW + 60 * DAY,
            ..rotation(token)
        };
        let Rotation::Replayed(salt, replayed) = store.rotate(again).await.unwrap() else {
            panic!("within the grace it comes again");
        };
        assert_eq!(salt, first.salt, "the winner's");
        assert_eq!(replayed, live, "and moves no limit");
    }
    rotated(&store, first.successor).await;
}

pub(crate) async fn the_grace_ends_with_time(database: &Database) {
    let store = database.open().await;
    let (_, token) = signed_in(&store, "ada").await;
    rotated(&store, token).await;
    let late = Rotate {
        now: NOW + 1 + GRACE,
        ..rotation(token)
    };
    assert!(matches!(
        store.rotate(late).await.unwrap(),
        Rotation::Reused(_)
    ));
}

pub(crate) async fn the_grace_ends_with_the_use_of_the_successor(database: &Database) {
    let store = database.open().await;
    let (live, token) = signed_in(&store, "ada").await;
    let second = rotated(&store, token).await;
    rotated(&store, second).await;
    assert!(matches!(
        rotate(&store, second).await,
        Rotation::Replayed(..)
    ));
    let Rotation::Reused(of) = rotate(&store, token).await else {
        panic!("its successor was used");
    };
    assert_eq!(
        (of.account_id, of.session_id),
        (live.account.id, live.session.id)
    );
}

pub(crate) async fn without_a_grace_any_repetition_is_reuse(database: &Database) {
    let store = database.open().await;
    let (_, token) = signed_in(&store, "ada").await;
    let strict = || Rotate {
        grace: 0,
        ..rotation(token)
    };
    assert!(matches!(
        store.rotate(strict()).await.unwrap(),
        Rotation::Rotated(_)
    ));
    assert!(matches!(
        store.rotate(strict()).await.unwrap(),
        Rotation::Reused(_)
    ));
}

pub(crate) async fn reuse_ends_the_session_once(database: &Database) {
    let store = database.open().await;
    let (live, first) = signed_in(&store, "ada").await;
    let (other, _) = session(&store, &live.account).await;
    let second = rotated(&store, first).await;
    let third = rotated(&store, second).await;
    assert!(matches!(rotate(&store, first).await, Rotation::Reused(_)));
    for token in [first, second, third] {
        assert!(matches!(rotate(&store, token).await, Rotation::Ended(_)));
    }
    assert!(!lives(&store, &live).await);
    assert!(
        lives(&store, &other).await,
        "the account's other sessions go on"
    );
    let rows = store.revocations_after(beginning(), 10).await.unwrap().rows;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0].revoked,
        Revoked::Session {
            session_id: live.session.id
        }
    );
    let told = audited(&store).await;
    assert_eq!(
        told.iter()
            .filter(|kind| *kind == "session.reuse_detected")
            .count(),
        1
    );
}

pub(crate) async fn an_ended_an_expired_and_an_unknown_token_are_told_apart(database: &Database) {
    let store = database.open().await;
    let (live, token) = signed_in(&store, "ada").await;
    let successor = rotated(&store, token).await;
    let at = |presented, now| Rotate {
        now,
        ..rotation(presented)
    };
    for presented in [token, successor] {
        let outcome = store
            .rotate(at(presented, live.session.expires_at))
            .await
            .unwrap();
        let expected = Rotation::Expired(of(&live), Expiry::Lifetime);
        assert_eq!(outcome, expected, "on the millisecond");
    }
    assert!(
        lives(&store, &live).await,
        "a look with a wrong clock ends nothing"
    );
    let last_moment = at(successor, live.session.expires_at - 1);
    assert!(matches!(
        store.rotate(last_moment).await.unwrap(),
        Rotation::Rotated(_)
    ));
    assert_eq!(rotate(&store, fresh()).await, Rotation::Unknown);
    store
        .end_session(act(), "id-ada", &live.session.id)
        .await
        .unwrap();
    assert!(matches!(
        rotate(&store, successor).await,
        Rotation::Ended(_)
    ));
}

pub(crate) async fn another_clients_token_is_unknown(database: &Database) {
    let store = database.open().await;
    let account = account(&store, "ada").await;
    let token = fresh();
    client(&store, "mine").await;
    let bound = NewSession {
        client_id: Some("mine".to_owned()),
        ..new_session(&account, token)
    };
    let live = store.open_session(act(), bound).await.unwrap().unwrap();
    let by = |client: Option<&str>| Rotate {
        client_id: client.map(str::to_owned),
        ..rotation(token)
    };
    for client in [None, Some("other")] {
        assert_eq!(store.rotate(by(client)).await.unwrap(), Rotation::Unknown);
    }
    assert!(matches!(
        store.rotate(by(Some("mine"))).await.unwrap(),
        Rotation::Rotated(_)
    ));
    for client in [None, Some("other")] {
        assert_eq!(
            store.rotate(by(client)).await.unwrap(),
            Rotation::Unknown,
            "also when it is consumed"
        );
    }
    assert!(
        store
            .live_session(&live.session.id, NOW + 2)
            .await
            .unwrap()
            .is_some()
    );
}

pub(crate) async fn the_absolute_limit_is_never_moved(database: &Database) {
    let store = database.open().await;
    let account = account(&store, "ada").await;
    let token = fresh();
    let limit = NOW + 2 * DAY;
    let new = NewSession {
        absolute_expires_at: Some(limit),
        ..new_session(&account, token)
    };
    let live = store.open_session(act(), new).await.unwrap().unwrap();
    assert_eq!(live.session.expires_at, limit);
    let first = rotation(token);
    let sooner = Rotate {
        expires_at: NOW + DAY,
        ..rotation(first.successor)
    };
    for (rotation, expected) in [(first, limit), (sooner, NOW + DAY)] {
        let Rotation::Rotated(live) = store.rotate(rotation).await.unwrap() else {
            panic!("the head rotates");
        };
        assert_eq!(live.session.expires_at, expected, "whichever comes first");
    }
}

pub(crate) async fn a_rotation_sees_the_roles_of_its_moment(database: &Database) {
    let store = database.open().await;
    let (_, token) = signed_in(&store, "ada").await;
    let next = rotated(&store, token).await;
    let set = store
        .set_roles(act(), "id-ada", vec!["admin".to_owned()])
        .await
        .unwrap();
    let Rotation::Replayed(_, replayed) = rotate(&store, token).await else {
        panic!("within the grace");
    };
    assert_eq!(replayed.account, set);
    let Rotation::Rotated(after) = rotate(&store, next).await else {
        panic!("the head rotates");
    };
    assert_eq!(after.account, set);
}

pub(crate) async fn everything_holds_after_a_restart(database: &Database) {
    let store = database.open().await;
    let (live, first) = signed_in(&store, "ada").await;
    let winner = rotation(first);
    store.rotate(winner.clone()).await.unwrap();
    let (ended, gone) = session(&store, &live.account).await;
    store
        .end_session(act(), "id-ada", &ended.session.id)
        .await
        .unwrap();
    let revoked = store.revocations_after(beginning(), 10).await.unwrap().rows;
    store.close().await;

    let store = database.open().await;
    assert!(matches!(rotate(&store, gone).await, Rotation::Ended(_)));
    let still = store.revocations_after(beginning(), 10).await.unwrap().rows;
    assert_eq!(still, revoked);
    let Rotation::Replayed(Salt(salt), _) = rotate(&store, first).await else {
        panic!("the grace outlives the process");
    };
    assert_eq!(salt, winner.salt.0);
    rotated(&store, winner.successor).await;
    assert!(matches!(rotate(&store, first).await, Rotation::Reused(_)));
    store.close().await;

    let store = database.open().await;
    assert!(matches!(
        rotate(&store, winner.successor).await,
        Rotation::Ended(_)
    ));
    assert!(listed(&store, "id-ada", NOW + 2).await.is_empty());
}

pub(crate) async fn what_a_session_went_beyond_is_told(database: &Database) {
    let store = database.open().await;
    let account = account(&store, "ada").await;
    let limit = NOW + 2 * DAY;
    for (absolute, idle, expected) in [
        (None, false, Expiry::Lifetime),
        (None, true, Expiry::Idle),
        (Some(limit), true, Expiry::Absolute),
        (Some(limit), false, Expiry::Absolute),
        (Some(NOW + 60 * DAY), true, Expiry::Idle),
    ] {
        let token = fresh();
        let new = NewSession {
            absolute_expires_at: absolute,
            ..new_session(&account, token)
        };
        let live = store.open_session(act(), new).await.unwrap().unwrap();
        let spent = rotated(&store, token).await;
        let head = rotated(&store, spent).await;
        for presented in [token, spent, head] {
            let late = Rotate {
                now: NOW + 40 * DAY,
                idle,
                ..rotation(presented)
            };
            let outcome = store.rotate(late).await.unwrap();
            assert_eq!(
                outcome,
                Rotation::Expired(of(&live), expected),
                "{absolute:?} {idle}"
            );
        }
    }
}

pub(crate) async fn a_refusal_is_written_once_for_each_session(database: &Database) {
    let store = database.open().await;
    let (expired, head) = signed_in(&store, "ada").await;
    let (ended, gone) = session(&store, &expired.account).await;
    let id = ended.session.id.as_str();
    store.end_session(act(), "id-ada", id).await.unwrap();
    let before = audited(&store).await.len();
    rotate(&store, fresh()).await;
    assert_eq!(
        audited(&store).await.len(),
        before,
        "a guess writes nothing"
    );

    let late = |presented| Rotate {
        now: NOW + 40 * DAY,
        idle: true,
        address: Some("192.0.2.9".to_owned()),
        ..rotation(presented)
    };
    let at_once = (0..20).map(|number| {
        let (store, token) = (store.clone(), if number % 2 == 0 { head } else { gone });
        tokio::spawn(async move { store.rotate(late(token)).await.unwrap() })
    });
    for task in at_once.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let rows = store.audit(None, None, 100).await.unwrap().items;
    let mut refused: Vec<_> = rows
        .into_iter()
        .filter(|row| row.kind == "session.refresh_refused")
        .collect();
    refused.sort_by(|one, other| one.detail.cmp(&other.detail));
    let expected =
        [("ended", &ended), ("expired_idle", &expired)].map(|(outcome, live)| AuditRecord {
            at: NOW + 40 * DAY,
            kind: "session.refresh_refused".to_owned(),
            actor_id: None,
            account_id: Some("id-ada".to_owned()),
            session_id: Some(live.session.id.clone()),
            from: Some("192.0.2.9".to_owned()),
            detail: Some(format!("{{\"outcome\":\"{outcome}\"}}")),
        });
    assert_eq!(refused, expected);
}

fn of(live: &LiveSession) -> OfSession {
    OfSession {
        account_id: live.account.id.clone(),
        session_id: live.session.id.clone(),
    }
}
