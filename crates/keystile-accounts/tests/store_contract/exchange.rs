//! Another program's refresh tokens: exchanged once, for an account that they can be for.

use keystile_accounts::store::{
    Field, ForeignToken, LiveSession, NewAccount, NewHead, NewSession, Store, Sweep, WriteError,
};

use crate::fixture::{
    DAY, Database, MINUTE, NOW, account, act, act_of, audited, fresh, listed, lives, new_account,
    password, rotated, session,
};

/// One that was issued a minute ago.
fn token(id: &str) -> ForeignToken {
    ForeignToken {
        issuer: String::new(),
        token_id: id.to_owned(),
        issued_at: NOW - MINUTE,
        kept_until: NOW + DAY,
    }
}

fn for_account(id: &str) -> NewSession {
    NewSession {
        id: format!(
            "session-{}",
            u64::from_be_bytes(fresh()[..8].try_into().unwrap())
        ),
        account_id: id.to_owned(),
        generation: 0,
        token_hash: fresh(),
        expires_at: NOW + 30 * DAY,
        absolute_expires_at: None,
        device: None,
        address: None,
        auth_time: 0,
        amr: Vec::new(),
        client_id: None,
        attempt: None,
        most: None,
    }
}

async fn exchange(store: &Store, token: ForeignToken, id: &str) -> Result<LiveSession, WriteError> {
    store.exchange(act(), token, for_account(id)).await
}

fn is_used(answer: &Result<LiveSession, WriteError>) -> bool {
    matches!(answer, Err(WriteError::Taken(Field::Token)))
}

fn is_refused(answer: &Result<LiveSession, WriteError>) -> bool {
    matches!(answer, Err(WriteError::NotFound))
}

/// An account from the other program, made before its tokens or not.
async fn imported(store: &Store, name: &str) -> String {
    let new = NewAccount {
        imported: true,
        ..new_account(name)
    };
    store.create_account(act(), new).await.unwrap().id
}

pub(crate) async fn a_foreign_token_opens_one_session(database: &Database) {
    let store = database.open().await;
    let (ada, bob) = (imported(&store, "ada").await, imported(&store, "bob").await);
    let new = for_account(&ada);
    let hash = new.token_hash;
    let live = store.exchange(act(), token("one"), new).await.unwrap();
    assert_eq!(
        (live.account.id.as_str(), live.session.auth_time),
        (ada.as_str(), 0)
    );
    assert_eq!(audited(&store).await[0], "session.exchanged");
    assert!(is_used(&exchange(&store, token("one"), &ada).await));
    assert!(
        is_used(&exchange(&store, token("one"), &bob).await),
        "not for another either"
    );
    let other_issuer = ForeignToken {
        issuer: "other".to_owned(),
        ..token("one")
    };
    assert!(
        exchange(&store, other_issuer, &ada).await.is_ok(),
        "another issuer's is another"
    );
    rotated(&store, hash).await;
    assert!(lives(&store, &live).await);
    store.close().await;
    let store = database.open().await;
    assert!(
        is_used(&exchange(&store, token("one"), &ada).await),
        "after a restart too"
    );
}

pub(crate) async fn twenty_at_once_open_one_session(database: &Database) {
    for round in 0..20 {
        let (one, other) = (database.open().await, database.open().await);
        let id = imported(&one, &format!("ada{round}")).await;
        let tasks: Vec<_> = (0..20)
            .map(|number| {
                let store = if number % 2 == 0 {
                    one.clone()
                } else {
                    other.clone()
                };
                let (id, jti) = (id.clone(), format!("token{round}"));
                tokio::spawn(async move { exchange(&store, token(&jti), &id).await })
            })
            .collect();
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => won += 1,
                answer => assert!(is_used(&answer), "{answer:?}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
        assert_eq!(listed(&one, &id, NOW).await.len(), 1);
    }
}

pub(crate) async fn what_it_can_be_for_is_decided_with_it(database: &Database) {
    let store = database.open().await;
    let newcomer = account(&store, "newcomer").await.id;
    let ada = imported(&store, "ada").await;
    store.revoke_token(act(), "revoked").await.unwrap();
    assert!(is_refused(&exchange(&store, token("a"), "nobody").await));
    assert!(
        is_refused(&exchange(&store, token("a"), &newcomer).await),
        "the account is younger than the token"
    );
    let later = ForeignToken {
        issued_at: NOW,
        ..token("later")
    };
    assert!(exchange(&store, later, &newcomer).await.is_ok());
    let answer = exchange(&store, token("revoked"), &ada).await;
    assert!(matches!(answer, Err(WriteError::Stale)), "{answer:?}");
    assert_eq!(listed(&store, &ada, NOW).await, []);
    assert!(
        exchange(&store, token("a"), &ada).await.is_ok(),
        "a refusal consumes nothing"
    );
}

async fn end(store: &Store, how: &str, live: &LiveSession) {
    let id = live.account.id.as_str();
    let ended = match how {
        "all" => store.end_all_sessions(act(), id).await.map(drop),
        "others" => {
            let others = store.end_other_sessions(act_of(live), id, &live.session.id);
            others.await.map(drop)
        }
        "password" => {
            let old = live.account.password.as_ref().unwrap().encoded.as_str();
            let head = NewHead {
                token_hash: fresh(),
                expires_at: NOW + DAY,
                auth_time: None,
            };
            let changed = store.change_password(act_of(live), old, password("new"), head);
            changed.await.map(drop)
        }
        "set" => {
            let set = store.set_password(act(), id, Some(password("new")));
            set.await.map(drop)
        }
        "disable" => store.disable_account(act(), id).await.map(drop),
        "delete" => store.delete_account(act(), id, None).await,
        _ => {
            let set = store.set_roles(act(), id, vec!["admin".to_owned()]);
            set.await.map(drop)
        }
    };
    ended.unwrap();
}

/// Disabled, signed out everywhere or elsewhere, another password: a token from before is over, one from after is not.
/// Another role changes nothing.
pub(crate) async fn what_ends_the_sessions_ends_it_too(database: &Database) {
    let store = database.open().await;
    for ending in [
        "all", "others", "password", "set", "disable", "delete", "roles",
    ] {
        let id = imported(&store, ending).await;
        let read = store.account(&id).await.unwrap().unwrap();
        let (mine, _) = session(&store, &read).await;
        end(&store, ending, &mine).await;
        let answer = exchange(&store, token(ending), &id).await;
        assert_eq!(
            is_refused(&answer),
            ending != "roles",
            "{ending}: {answer:?}"
        );
        if ending == "disable" {
            store.enable_account(act(), &id).await.unwrap();
            assert!(
                is_refused(&exchange(&store, token(ending), &id).await),
                "enabled again"
            );
        }
        let at_that_moment = ForeignToken {
            issued_at: NOW,
            ..token("moment")
        };
        if ending != "roles" {
            assert!(
                is_refused(&exchange(&store, at_that_moment, &id).await),
                "{ending}"
            );
        }
        let after = ForeignToken {
            issued_at: NOW + 1_000,
            ..token(&format!("after {ending}"))
        };
        let answer = exchange(&store, after, &id).await;
        assert_eq!(answer.is_ok(), ending != "delete", "{ending}: {answer:?}");
    }
    // Its number given again: what its former owner holds is not for the new one.
    assert_eq!(imported(&store, "delete").await, "id-delete");
    assert!(is_refused(
        &exchange(&store, token("old"), "id-delete").await
    ));
}

pub(crate) async fn it_is_remembered_until_it_has_expired(database: &Database) {
    let store = database.open().await;
    let id = imported(&store, "ada").await;
    exchange(&store, token("one"), &id).await.unwrap();
    let sweep = |now| Sweep {
        now,
        grace: MINUTE,
        keep_sessions: DAY,
        keep_audit: DAY,
        most_counters: 10,
    };
    store.sweep(sweep(NOW + DAY - 1)).await.unwrap();
    assert!(is_used(&exchange(&store, token("one"), &id).await));
    store.sweep(sweep(NOW + DAY)).await.unwrap();
    assert!(
        !is_used(&exchange(&store, token("one"), &id).await),
        "nobody accepts it any more"
    );
}
