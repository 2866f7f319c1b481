//! What must exclude each other, made to meet: with the winner held back, so that both orders are tried, and freely.

use std::collections::HashSet;

use keystile_accounts::store::{
    Act, LiveSession, NewHead, NewSession, Rotation, Store, WriteError,
};

use crate::fixture::{
    Database, NOW, account, act, act_of, fresh, listed, lives, new_account, new_session, password,
    rotate, rotated, rotation, session, signed_in,
};
use crate::meeting::{Back, First, ORDERS, meet, no_circle};

const ROUNDS: usize = 100;
const AT_ONCE: usize = 50;

pub(crate) async fn fifty_at_once_give_one_successor(database: &Database) {
    let store = database.open().await;
    let (live, mut token) = signed_in(&store, "ada").await;
    for round in 0..ROUNDS {
        // From one process as from two.
        let second = if round % 10 == 0 {
            database.open().await
        } else {
            store.clone()
        };
        let tasks: Vec<_> = (0..AT_ONCE)
            .map(|number| {
                let store = if number % 2 == 0 {
                    store.clone()
                } else {
                    second.clone()
                };
                let rotation = rotation(token);
                tokio::spawn(
                    async move { (rotation.clone(), store.rotate(rotation).await.unwrap()) },
                )
            })
            .collect();
        let (mut winners, mut salts) = (Vec::new(), Vec::new());
        for task in tasks {
            match task.await.unwrap() {
                (rotation, Rotation::Rotated(_)) => winners.push(rotation),
                (_, Rotation::Replayed(salt, _)) => salts.push(salt),
                (_, other) => panic!("round {round}: {other:?}"),
            }
        }
        assert_eq!(
            (winners.len(), salts.len()),
            (1, AT_ONCE - 1),
            "round {round}"
        );
        assert!(
            salts.iter().all(|salt| *salt == winners[0].salt),
            "round {round}"
        );
        token = winners[0].successor;
    }
    assert_eq!(listed(&store, "id-ada", NOW + 2).await.len(), 1);
    assert!(lives(&store, &live).await);
    assert!(
        matches!(rotate(&store, token).await, Rotation::Rotated(_)),
        "the last winner's successor is the head"
    );
    no_circle(database, &store).await;
}

/// Fifty sign-ins at once, from two processes, beside sessions that are there and are refreshed: whenever one looks, the
/// limit holds.
pub(crate) async fn sign_ins_at_once_keep_to_the_limit(database: &Database) {
    const MOST: usize = 5;
    let store = database.open().await;
    let second = database.open().await;
    for round in 0..ROUNDS / 10 {
        let username = format!("user{round}");
        let (first, token) = signed_in(&store, &username).await;
        let id = first.account.id.clone();
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..AT_ONCE {
            let store = if number % 2 == 0 { &store } else { &second };
            let (store, id) = (store.clone(), id.clone());
            let new = NewSession {
                most: Some(u32::try_from(MOST).unwrap()),
                ..new_session(&first.account, fresh())
            };
            tasks.spawn(async move {
                store.open_session(act(), new).await.unwrap().unwrap();
                let living = listed(&store, &id, NOW + 2).await.len();
                assert!(living <= MOST, "{living} live");
            });
        }
        let rotates = store.clone();
        tasks.spawn(async move { drop(rotates.rotate(rotation(token)).await.unwrap()) });
        tasks.join_all().await;
        assert_eq!(
            listed(&store, &id, NOW + 2).await.len(),
            MOST,
            "round {round}"
        );
    }
    second.close().await;
    no_circle(database, &store).await;
}

/// All losers are there, and wait, before the winner's rotation is kept.
pub(crate) async fn losers_that_wait_for_the_winner_get_its_successor(database: &Database) {
    const LOSERS: usize = 12;
    let store = database.open().await;
    for round in 0..ROUNDS / 10 {
        let (live, token) = signed_in(&store, &format!("user{round}")).await;
        let mut back = Back::hold(database, &store).await;
        let winner = rotation(token);
        let (rotates, won) = (store.clone(), winner.clone());
        let rotated = back
            .start(async move { rotates.rotate(won).await.unwrap() })
            .await;
        let mut losers = Vec::new();
        for _ in 0..LOSERS {
            let store = store.clone();
            let loser = async move { store.rotate(rotation(token)).await.unwrap() };
            losers.push(back.start(loser).await);
        }
        back.release().await;
        let rotated = rotated.await;
        assert!(matches!(rotated, Rotation::Rotated(_)), "{rotated:?}");
        for loser in losers {
            match loser.await {
                Rotation::Replayed(salt, _) => assert!(salt == winner.salt, "round {round}"),
                other => panic!("round {round}: {other:?}"),
            }
        }
        assert!(lives(&store, &live).await);
        let next = rotate(&store, winner.successor).await;
        assert!(matches!(next, Rotation::Rotated(_)), "the one living chain");
    }
    no_circle(database, &store).await;
}

/// The ways to end a session that are not its own refresh.
#[derive(Clone, Copy, Debug)]
enum Ending {
    SignOut,
    SignOutOthers,
    SignOutEverywhere,
    PasswordChange,
    PasswordSet,
    Disabling,
    Deletion,
    /// Ends no session, only raises the generation.
    RoleChange,
}

use Ending::{
    Deletion, Disabling, PasswordChange, PasswordSet, RoleChange, SignOut, SignOutEverywhere,
    SignOutOthers,
};

impl Ending {
    /// Ends `live`; where that takes another session of the account, it is `other`.
    async fn run(
        self,
        store: &Store,
        live: &LiveSession,
        other: &LiveSession,
    ) -> Result<(), WriteError> {
        let id = live.account.id.as_str();
        let act: Act = act();
        let head = NewHead {
            token_hash: fresh(),
            expires_at: NOW + 1_000_000,
            auth_time: None,
        };
        let old = live.account.password.as_ref().unwrap().encoded.as_str();
        match self {
            SignOut => store.end_session(act, id, &live.session.id).await,
            SignOutOthers => store
                .end_other_sessions(act_of(other), id, &other.session.id)
                .await
                .map(drop),
            SignOutEverywhere => store.end_all_sessions(act, id).await.map(drop),
            PasswordChange => store
                .change_password(act_of(other), old, password("new"), head)
                .await
                .map(drop),
            PasswordSet => store
                .set_password(act, id, Some(password("new")))
                .await
                .map(drop),
            Disabling => store.disable_account(act, id).await.map(drop),
            Deletion => store.delete_account(act, id, None).await,
            RoleChange => store
                .set_roles(act, id, vec!["other".to_owned()])
                .await
                .map(drop),
        }
    }
}

pub(crate) async fn what_ends_a_session_excludes_its_rotation(database: &Database) {
    let store = database.open().await;
    for ending in [
        SignOut,
        SignOutOthers,
        SignOutEverywhere,
        PasswordChange,
        PasswordSet,
        Disabling,
        Deletion,
    ] {
        for round in 0..ROUNDS / 5 {
            for first in ORDERS {
                let username = format!("{ending:?}{round}{}", first as u8);
                let (live, token) = signed_in(&store, &username).await;
                let (other, _) = session(&store, &live.account).await;
                let (ends, rotates, live_now) = (store.clone(), store.clone(), live.clone());
                let rotation = rotation(token);
                let successor = rotation.successor;
                let (ended, rotated) = meet(
                    database,
                    &store,
                    first,
                    async move { ending.run(&ends, &live_now, &other).await },
                    async move { rotates.rotate(rotation).await.unwrap() },
                )
                .await;
                ended.unwrap();
                match (first, &rotated) {
                    (First::Other | First::Chance, Rotation::Rotated(_))
                    | (First::Ending | First::Chance, Rotation::Ended(_)) => {}
                    (_, outcome) => panic!("{username}: {outcome:?}"),
                }
                assert!(!lives(&store, &live).await, "{username} survived");
                for token in [token, successor] {
                    let after = rotate(&store, token).await;
                    assert!(
                        matches!(after, Rotation::Ended(_) | Rotation::Unknown),
                        "{username}: {after:?}"
                    );
                }
            }
        }
    }
    no_circle(database, &store).await;
}

pub(crate) async fn what_raises_the_generation_excludes_opening(database: &Database) {
    let store = database.open().await;
    for ending in [
        SignOutEverywhere,
        PasswordChange,
        PasswordSet,
        Disabling,
        Deletion,
        RoleChange,
    ] {
        for round in 0..ROUNDS / 5 {
            for first in ORDERS {
                let username = format!("{ending:?}{round}{}", first as u8);
                let account = account(&store, &username).await;
                let (live, _) = session(&store, &account).await;
                let (other, _) = session(&store, &account).await;
                let (ends, opens, account_now) = (store.clone(), store.clone(), account.clone());
                let (ended, opened) = meet(
                    database,
                    &store,
                    first,
                    async move { ending.run(&ends, &live, &other).await },
                    async move {
                        opens
                            .open_session(act(), new_session(&account_now, fresh()))
                            .await
                            .unwrap()
                    },
                )
                .await;
                ended.unwrap();
                match (first, &opened) {
                    (First::Other, Some(_)) | (First::Ending, None) | (First::Chance, _) => {}
                    _ => panic!("{username}: {opened:?}"),
                }
                if let Some(opened) = opened {
                    let survives = lives(&store, &opened).await;
                    assert_eq!(survives, matches!(ending, RoleChange), "{username}");
                }
            }
        }
    }
    no_circle(database, &store).await;
}

pub(crate) async fn a_role_change_is_seen_by_the_rotation_after_it(database: &Database) {
    let store = database.open().await;
    for round in 0..ROUNDS {
        for first in ORDERS {
            let username = format!("user{round}-{}", first as u8);
            let (live, token) = signed_in(&store, &username).await;
            let (changes, rotates, id) = (store.clone(), store.clone(), live.account.id.clone());
            let (changed, rotated) = meet(
                database,
                &store,
                first,
                async move {
                    changes
                        .set_roles(act(), &id, vec!["admin".to_owned()])
                        .await
                        .unwrap()
                },
                async move { rotates.rotate(rotation(token)).await.unwrap() },
            )
            .await;
            let Rotation::Rotated(rotated) = rotated else {
                panic!("{username}: a role change ends nothing");
            };
            let seen = &rotated.account;
            let before =
                seen.generation == live.account.generation && seen.roles == live.account.roles;
            let after = seen.generation == changed.generation && seen.roles == changed.roles;
            match first {
                // On PostgreSQL the two do not wait for each other.
                First::Ending => {
                    let may_be = after || (before && matches!(database, Database::Postgres(_)));
                    assert!(may_be, "{username}: {seen:?}");
                }
                First::Other => assert!(before, "{username}: {seen:?}"),
                First::Chance => assert!(before || after, "{username}: {seen:?}"),
            }
        }
    }
    no_circle(database, &store).await;
}

pub(crate) async fn names_race_to_one_owner(database: &Database) {
    let store = database.open().await;
    for round in 0..ROUNDS / 5 {
        let tasks: Vec<_> = (0..AT_ONCE)
            .map(|number| {
                let store = store.clone();
                let mut new = new_account(&format!("user{round}"));
                new.id = keystile_accounts::store::NewAccountId::Given(format!("{round}-{number}"));
                tokio::spawn(async move { store.create_account(act(), new).await })
            })
            .collect();
        let mut owners = HashSet::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(account) => assert!(owners.insert(account.id)),
                Err(WriteError::Taken(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(owners.len(), 1);
        let stored = store
            .account_by_username(&format!("user{round}"))
            .await
            .unwrap()
            .unwrap();
        assert!(owners.contains(&stored.id), "the one that was told so");
    }
    no_circle(database, &store).await;
}

/// The use of the successor ends the grace of its predecessor, not before it is kept; and whoever comes first, the user
/// with the successor is never signed out by a repetition that was in time.
pub(crate) async fn a_repetition_meets_the_use_of_the_successor(database: &Database) {
    let store = database.open().await;
    for round in 0..ROUNDS / 2 {
        for first in ORDERS {
            let username = format!("user{round}-{}", first as u8);
            let (live, token) = signed_in(&store, &username).await;
            let successor = rotated(&store, token).await;
            let (uses, repeats) = (store.clone(), store.clone());
            let (used, repeated) = meet(
                database,
                &store,
                first,
                async move { uses.rotate(rotation(successor)).await.unwrap() },
                async move { repeats.rotate(rotation(token)).await.unwrap() },
            )
            .await;
            assert!(matches!(used, Rotation::Rotated(_)), "{username}: {used:?}");
            // On PostgreSQL the repetition does not wait for a use that is not kept yet.
            let waits = matches!(database, Database::Sqlite(_));
            let fits = match &repeated {
                Rotation::Replayed(..) => first != First::Ending || !waits,
                Rotation::Reused(_) => first != First::Other,
                _ => false,
            };
            assert!(fits, "{username}: {repeated:?}");
            let ended = matches!(repeated, Rotation::Reused(_));
            assert_eq!(lives(&store, &live).await, !ended, "{username}");
        }
    }
    no_circle(database, &store).await;
}
