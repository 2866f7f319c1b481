//! Every write that a caller asks for rechecks session, generation and role in its own transaction.

use keystile_accounts::store::{
    AccountChanges, Act, KeyState, LiveSession, NewHead, Store, WriteError,
};

use crate::fixture::{
    Database, NOW, account, act, act_of, beginning, fresh, new_account, new_client, password,
    session, signed_in,
};
use crate::key::{first, key};

/// Each write, as this act; the outcomes by name.
async fn each_write(
    store: &Store,
    act: &Act,
    mine: &LiveSession,
) -> Vec<(&'static str, Result<(), WriteError>)> {
    let id = mine.account.id.as_str();
    let head = NewHead {
        token_hash: fresh(),
        expires_at: NOW + 1_000,
        auth_time: None,
    };
    let one = || act.clone();
    let mut writes = vec![
        (
            "create_account",
            store
                .create_account(one(), new_account("new"))
                .await
                .map(drop),
        ),
        (
            "update_account",
            store
                .update_account(one(), id, AccountChanges::default())
                .await
                .map(drop),
        ),
        (
            "set_roles",
            store
                .set_roles(one(), id, vec!["other".to_owned()])
                .await
                .map(drop),
        ),
        (
            "disable_account",
            store.disable_account(one(), id).await.map(drop),
        ),
        (
            "enable_account",
            store.enable_account(one(), id).await.map(drop),
        ),
        (
            "delete_account",
            store.delete_account(one(), id, None).await,
        ),
        (
            "change_password",
            store
                .change_password(one(), "$test$c=1$ada", password("new"), head)
                .await
                .map(drop),
        ),
        (
            "set_password",
            store.set_password(one(), id, None).await.map(drop),
        ),
        (
            "end_session",
            store.end_session(one(), id, &mine.session.id).await,
        ),
        (
            "end_other_sessions",
            store
                .end_other_sessions(one(), id, &mine.session.id)
                .await
                .map(drop),
        ),
        (
            "end_all_sessions",
            store.end_all_sessions(one(), id).await.map(drop),
        ),
        (
            "publish_key",
            store
                .publish_key(one(), key("new", KeyState::Published), None, None)
                .await
                .map(drop),
        ),
        (
            "sign_with",
            store
                .sign_with(one(), key("new", KeyState::Signing), "present", 0)
                .await,
        ),
        (
            "promote_key",
            store.promote_key(one(), "next", i64::MAX, 0).await,
        ),
        ("cancel_key", store.cancel_key(one(), "next").await),
        (
            "withdraw_key",
            store.withdraw_key(one(), "present", None).await.map(drop),
        ),
        ("retire_signing", store.retire_signing(one(), 0).await),
        ("recheck", store.recheck(one()).await),
        ("revoke_token", store.revoke_token(one(), "a token").await),
    ];
    writes.extend(each_write_of_clients(store, act).await);
    writes
}

async fn each_write_of_clients(
    store: &Store,
    act: &Act,
) -> [(&'static str, Result<(), WriteError>); 2] {
    let created = store.create_client(act.clone(), new_client("new")).await;
    let deleted = store.delete_client(act.clone(), "old").await;
    [
        ("create_client", created.map(drop)),
        ("delete_client", deleted.map(drop)),
    ]
}

/// One that signs and one that is next.
async fn keys(store: &Store) {
    first(store, "present").await;
    let next = key("next", KeyState::Published);
    store.publish_key(act(), next, None, None).await.unwrap();
}

pub(crate) async fn every_write_rechecks_the_session(database: &Database) {
    let store = database.open().await;
    keys(&store).await;
    let (mine, _) = signed_in(&store, "ada").await;
    let (ended, _) = session(&store, &mine.account).await;
    store
        .end_session(act(), "id-ada", &ended.session.id)
        .await
        .unwrap();
    let (strangers, _) = signed_in(&store, "bob").await;

    let mut older = act_of(&mine);
    older.actor.as_mut().unwrap().generation += 1;
    let mut anothers = act_of(&mine);
    anothers.actor.as_mut().unwrap().session_id = strangers.session.id;
    let mut expired = act_of(&mine);
    expired.now = mine.session.expires_at;
    let before = (
        store.account("id-ada").await.unwrap(),
        store
            .revocations_after(beginning(), 100)
            .await
            .unwrap()
            .rows,
    );
    for stale in [act_of(&ended), older, anothers, expired] {
        for (write, outcome) in each_write(&store, &stale, &mine).await {
            assert!(
                matches!(outcome, Err(WriteError::Stale)),
                "{write} as {stale:?}: {outcome:?}"
            );
        }
    }
    let after = (
        store.account("id-ada").await.unwrap(),
        store
            .revocations_after(beginning(), 100)
            .await
            .unwrap()
            .rows,
    );
    assert_eq!(before, after, "nothing was done");
    store
        .end_session(act_of(&mine), "id-ada", &mine.session.id)
        .await
        .expect("a good one is let through");
}

pub(crate) async fn every_write_rechecks_the_role(database: &Database) {
    let store = database.open().await;
    keys(&store).await;
    account(&store, "bob").await;
    let (mine, _) = signed_in(&store, "ada").await;
    let mut act = act_of(&mine);
    act.actor.as_mut().unwrap().required_role = Some("admin".to_owned());
    for (write, outcome) in each_write(&store, &act, &mine).await {
        assert!(
            matches!(outcome, Err(WriteError::RoleMissing)),
            "{write}: {outcome:?}"
        );
    }
    act.actor.as_mut().unwrap().required_role = Some("user".to_owned());
    store
        .disable_account(act, "id-bob")
        .await
        .expect("one with the role is let through");
}
