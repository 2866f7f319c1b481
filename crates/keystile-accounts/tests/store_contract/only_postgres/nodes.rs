//! Several nodes on one database: no wait in a circle, whoever meets.

use std::sync::Arc;
use std::time::Duration;

use keystile_accounts::store::{
    Attempt, NewAccount, NewAccountId, Options, Store, Sweep, WriteError,
};

use crate::fixture::{
    DAY, Database, GRACE, MINUTE, NOW, account, act, act_of, fresh, new_account, rotated, session,
    signed_in,
};
use crate::meeting::{First, connect, meet, no_circle};

/// As patient as hundreds of calls want that come at once on a busy machine. A wait in a circle is ended by the database itself.
async fn patient(database: &Database) -> Store {
    let options = Options {
        patience: Duration::from_secs(60),
        ..Options::default()
    };
    Store::open(&database.url(), options).await.unwrap()
}

/// Does something from two nodes many times over, at once.
async fn at_once<F, T>(nodes: [Store; 2], times: usize, act: F)
where
    F: Fn(Store, usize) -> T + Send + Sync + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let act = Arc::new(act);
    let tasks: Vec<_> = (0..times)
        .map(|number| {
            let (store, act) = (nodes[number % 2].clone(), Arc::clone(&act));
            tokio::spawn(async move { act(store, number).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for node in nodes {
        node.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn administrators_who_act_on_each_other_do_not_wait_in_a_circle() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let store = patient(&database).await;
    let mut admins = Vec::new();
    for number in 0..6 {
        admins.push(signed_in(&store, &format!("admin{number}")).await.0);
    }
    let admins = Arc::new(admins);
    at_once(
        [store, patient(&database).await],
        300,
        move |store, number| {
            let admins = Arc::clone(&admins);
            async move {
                let (actor, target) = (&admins[number % 6], &admins[(number * 5 + 1) % 6]);
                let id = target.account.id.as_str();
                let outcome = match number % 4 {
                    0 => store.enable_account(act_of(actor), id).await.map(drop),
                    1 => store
                        .end_other_sessions(act_of(actor), id, "none")
                        .await
                        .map(drop),
                    2 => store
                        .set_roles(act_of(actor), id, vec![format!("{number}")])
                        .await
                        .map(drop),
                    _ => {
                        store
                            .end_session(act_of(actor), id, &target.session.id)
                            .await
                    }
                };
                match outcome {
                    Ok(()) | Err(WriteError::Stale | WriteError::NotFound) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
        },
    )
    .await;
    no_circle(&database, &database.open().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_in_any_order_are_all_counted() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let (one, two) = (database.open().await, database.open().await);
    let keys: Vec<_> = (0..4).map(|_| fresh()).collect();
    let asked = keys.clone();
    at_once([one, two], 200, move |store, number| {
        let mut keys = keys.clone();
        keys.rotate_left(number % 4);
        // One key twice in one call counts twice.
        keys.push(keys[0]);
        async move {
            let attempts = keys.iter().map(|key| Attempt {
                key: *key,
                window: MINUTE,
                period: None,
            });
            let counted = store.count_attempts(attempts.collect(), NOW).await.unwrap();
            assert_eq!(counted.len(), 5);
            assert!(counted[4].count > counted[0].count);
        }
    })
    .await;
    let store = database.open().await;
    let counted = store.attempts(asked, NOW).await.unwrap();
    assert_eq!(
        counted.iter().map(|counted| counted.count).sum::<u64>(),
        1_000
    );
    no_circle(&database, &store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_ups_names_and_numbers_from_two_nodes_agree() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let nodes = [database.open().await, database.open().await];
    at_once(nodes, 200, |store, number| async move {
        let new = NewAccount {
            id: NewAccountId::Sequence,
            ..new_account(&format!("user{}", number / 2))
        };
        match store.create_account(act(), new).await {
            Ok(_) | Err(WriteError::Taken(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    })
    .await;
    let store = database.open().await;
    let page = store
        .accounts(
            keystile_accounts::store::AccountFilter::default(),
            None,
            500,
        )
        .await;
    let mut ids: Vec<u32> = page
        .unwrap()
        .items
        .iter()
        .map(|account| account.id.parse().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(
        ids,
        (1..=100).collect::<Vec<_>>(),
        "a refused one used no number"
    );
    assert_eq!(store.password_formats().await.unwrap()[0].1, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweeps_of_two_nodes_wait_for_nobody() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let store = database.open().await;
    let ada = account(&store, "ada").await;
    for _ in 0..100 {
        let (_, token) = session(&store, &ada).await;
        rotated(&store, token).await;
    }
    for number in 0..120 {
        account(&store, &format!("user{number}")).await;
    }
    // Somebody holds one of the sessions that are to be swept.
    let mut client = connect(&database.url()).await;
    let lock = client.transaction().await.unwrap();
    lock.execute("SELECT 1 FROM session ORDER BY id LIMIT 1 FOR UPDATE", &[])
        .await
        .unwrap();
    let sweep = Sweep {
        now: NOW + 60 * DAY,
        grace: GRACE,
        keep_sessions: DAY,
        keep_audit: 400 * DAY,
        most_counters: 10,
    };
    at_once(
        [store, database.open().await],
        8,
        move |store, _| async move {
            store.sweep(sweep).await.unwrap();
        },
    )
    .await;
    let left = |sql: &'static str| {
        let url = database.url();
        async move {
            connect(&url)
                .await
                .query_one(sql, &[])
                .await
                .unwrap()
                .get::<_, i64>(0)
        }
    };
    assert_eq!(
        left("SELECT count(*) FROM session").await,
        1,
        "but the one that was held"
    );
    assert_eq!(left("SELECT count(*) FROM spent").await, 0);
    assert_eq!(
        left("SELECT count(*) FROM password_format").await,
        1,
        "added up"
    );
    lock.rollback().await.unwrap();
    let store = database.open().await;
    assert_eq!(store.password_formats().await.unwrap()[0].1, 121);
    no_circle(&database, &store).await;
}

/// The deletion is not yet kept when the id is given again: the heir's generation must begin above it all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_given_again_during_its_deletion_begins_above_it() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let store = database.open().await;
    let ada = account(&store, "ada").await;
    let (deletes, creates) = (store.clone(), store.clone());
    let (deleted, created) = meet(
        &database,
        &store,
        First::Ending,
        async move { deletes.delete_account(act(), "id-ada", None).await },
        async move { creates.create_account(act(), new_account("ada")).await },
    )
    .await;
    deleted.unwrap();
    let heir = created.unwrap();
    assert_eq!(heir.generation, ada.generation + 1);
    assert_eq!(heir.sessions_ended_at, Some(NOW));
}

/// Two reuses at once: one ends the session and says so, the other finds it ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_reuses_at_once_one_ends_the_session() {
    use keystile_accounts::store::Rotation;
    let Some(database) = Database::postgres() else {
        return;
    };
    let store = database.open().await;
    for round in 0..20 {
        let (_, first) = signed_in(&store, &format!("user{round}")).await;
        let second = rotated(&store, first).await;
        rotated(&store, second).await;
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { crate::fixture::rotate(&store, first).await })
            })
            .collect();
        let mut reused = 0;
        for task in tasks {
            match task.await.unwrap() {
                Rotation::Reused(_) => reused += 1,
                Rotation::Ended(_) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(reused, 1);
    }
}

/// Letting an attempt through waits for no disk; whatever comes after it on the same connection does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_attempt_that_is_let_through_waits_for_no_disk() {
    const NOTE: &str = "
        CREATE TABLE said (about TEXT, setting TEXT);
        CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO said VALUES (TG_TABLE_NAME, current_setting('synchronous_commit')); RETURN NEW; END $$;
        CREATE TRIGGER said BEFORE INSERT ON attempt FOR EACH ROW EXECUTE FUNCTION say();
        CREATE TRIGGER said BEFORE INSERT ON account FOR EACH ROW EXECUTE FUNCTION say();";
    let Some(database) = Database::postgres() else {
        return;
    };
    let options = Options {
        connections: 2,
        ..Options::default()
    };
    let store = Store::open(&database.url(), options).await.unwrap();
    let client = connect(&database.url()).await;
    client.batch_execute(NOTE).await.unwrap();
    let attempt = Attempt {
        key: fresh(),
        window: MINUTE,
        period: None,
    };
    for number in 0..3 {
        store.admit_attempt(attempt, 9, NOW).await.unwrap().unwrap();
        let new = new_account(&format!("user{number}"));
        store.create_account(act(), new).await.unwrap();
    }
    let rows = client.query(
        "SELECT DISTINCT about, setting FROM said ORDER BY about",
        &[],
    );
    let said: Vec<(String, String)> = rows
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    let expected = [("account", "on"), ("attempt", "off")];
    assert_eq!(
        said,
        expected.map(|(about, setting)| (about.to_owned(), setting.to_owned()))
    );
}
