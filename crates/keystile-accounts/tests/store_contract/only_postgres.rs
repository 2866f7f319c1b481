//! What is PostgreSQL's own: the server and the way to it, and in the modules below what several nodes do together.

mod conflict;
mod following;
mod lost_answer;
mod migration;
mod nodes;
mod wire;

use std::time::Duration;

use keystile_accounts::store::{AccountFilter, Options, Store, StoreError, WriteError};
use keystile_tests_postgres::Way;
use tokio::net::TcpListener;

use crate::fixture::{
    Database, NOW, account, act, listed, lives, new_account, new_session, rotate, rotated,
    rotation, signed_in,
};
use crate::meeting::connect;

/// Short, for tests in which something is never answered.
const SHORT: Duration = Duration::from_millis(400);

async fn impatient(database: &Database) -> Store {
    let options = Options {
        patience: SHORT,
        queue: 3,
        connections: 2,
        ..Options::default()
    };
    Store::open(&database.url(), options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_locked_for_long_is_an_honest_error_in_time() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let store = impatient(&database).await;
    let (live, token) = signed_in(&store, "ada").await;
    let (_, others) = signed_in(&store, "bob").await;
    let mut client = connect(&database.url()).await;
    let lock = client.transaction().await.unwrap();
    lock.execute(
        "SELECT 1 FROM session WHERE account_id = 'id-ada' FOR UPDATE",
        &[],
    )
    .await
    .unwrap();
    for _ in 0..3 {
        let refused = store.rotate(rotation(token)).await;
        let in_time = matches!(refused, Err(WriteError::Store(StoreError::Timeout)));
        assert!(in_time, "{refused:?}");
        assert!(lives(&store, &live).await, "reading goes on");
    }
    rotated(&store, others).await;
    lock.rollback().await.unwrap();
    rotated(&store, token).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_says_so_at_once() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let store = impatient(&database).await;
    account(&store, "ada").await;
    let mut client = connect(&database.url()).await;
    let lock = client.transaction().await.unwrap();
    lock.execute("LOCK TABLE account", &[]).await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.account("id-ada").await })
        })
        .collect();
    let (mut busy, mut late) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Err(StoreError::Busy) => busy += 1,
            Err(StoreError::Timeout) => late += 1,
            other => panic!("{other:?}"),
        }
    }
    // How many are let in hangs on how soon the second connection stands.
    assert!(busy >= 10 && late >= 1, "{busy} {late}");
    lock.rollback().await.unwrap();
    assert!(store.account("id-ada").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_are_replaced() {
    const CUT: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let Some(database) = Database::postgres() else {
        return;
    };
    let store = database.open().await;
    let (live, mut token) = signed_in(&store, "ada").await;
    let client = connect(&database.url()).await;
    for _ in 0..5 {
        client.execute(CUT, &[]).await.unwrap();
        let next = loop {
            let rotation = rotation(token);
            match store.rotate(rotation.clone()).await {
                Ok(_) => break rotation.successor,
                Err(WriteError::Store(StoreError::Unreachable(_))) => {}
                other => panic!("{other:?}"),
            }
        };
        token = next;
        assert!(lives(&store, &live).await);
    }
}

/// As on a busy machine: the primary is late, and meanwhile the standby has said that it takes no writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_was_late_is_asked_again_when_no_other_will_do() {
    let Some(Database::Postgres(database)) = Database::postgres() else {
        return;
    };
    let standby = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let late = Way::to_socket(database.socket());
    let url = database.url_over(&late);
    let both = format!("{},{}", late.address(), standby.local_addr().unwrap());
    let url = url.replace(&late.address().to_string(), &both);
    late.silence();
    let asked = tokio::spawn(async move {
        let refused = standby.accept().await.unwrap();
        late.mend();
        drop(refused);
        // Others may come until a good host is known.
        (late, standby)
    });
    let store = Store::open(&url, Options::default()).await.unwrap();
    account(&store, "ada").await;
    assert!(asked.is_finished(), "the other host was tried");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_nobody_waits_for_any_more_leaves_no_transaction_behind() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let store = impatient(&database).await;
    account(&store, "ada").await;
    let mut client = connect(&database.url()).await;
    let lock = client.transaction().await.unwrap();
    lock.execute("SELECT 1 FROM account FOR UPDATE", &[])
        .await
        .unwrap();
    for _ in 0..5 {
        let disabling = store.disable_account(act(), "id-ada");
        let given_up = tokio::time::timeout(SHORT / 8, disabling).await;
        assert!(given_up.is_err());
    }
    lock.rollback().await.unwrap();
    let after = account(&store, "bob").await;
    assert_eq!(after.disabled_at, None);
    let ada = store.account("id-ada").await.unwrap().unwrap();
    assert_eq!(ada.generation, 0, "none of them was kept");
}

#[tokio::test]
async fn a_text_with_nul_is_found_nowhere_and_breaks_nothing() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let store = database.open().await;
    let (live, token) = signed_in(&store, "ada").await;
    let nul = "ada\0";
    assert_eq!(store.account(nul).await.unwrap(), None);
    assert_eq!(store.account_by_username(nul).await.unwrap(), None);
    assert_eq!(store.account_by_email(nul).await.unwrap(), None);
    assert_eq!(store.live_session(nul, NOW).await.unwrap(), None);
    assert_eq!(listed(&store, nul, NOW).await, []);
    assert!(
        store
            .audit(Some(nul), None, 9)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    for filter in [
        AccountFilter {
            prefix: Some(nul.to_owned()),
            ..AccountFilter::default()
        },
        AccountFilter {
            role: Some(nul.to_owned()),
            ..AccountFilter::default()
        },
    ] {
        assert!(
            store
                .accounts(filter, None, 9)
                .await
                .unwrap()
                .items
                .is_empty()
        );
    }
    for refused in [
        store.end_session(act(), "id-ada", nul).await,
        store.disable_account(act(), nul).await.map(drop),
        store.revoke_token(act(), nul).await,
        store
            .create_account(act(), new_account(nul))
            .await
            .map(drop),
    ] {
        assert!(matches!(refused, Err(WriteError::NotFound)), "{refused:?}");
    }
    let device = keystile_accounts::store::NewSession {
        device: Some("a\0browser".to_owned()),
        ..new_session(&live.account, [9; 32])
    };
    assert!(store.open_session(act(), device).await.is_err());
    assert!(matches!(
        rotate(&store, token).await,
        keystile_accounts::store::Rotation::Rotated(_)
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_lets_calls_under_way_finish_and_refuses_later_ones() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let store = database.open().await;
    account(&store, "ada").await;
    let mut client = connect(&database.url()).await;
    let lock = client.transaction().await.unwrap();
    lock.execute("SELECT 1 FROM account FOR UPDATE", &[])
        .await
        .unwrap();
    let waiting = store.clone();
    let waiting = tokio::spawn(async move { waiting.disable_account(act(), "id-ada").await });
    tokio::time::sleep(SHORT / 4).await;
    let closes = store.clone();
    let close = tokio::spawn(async move { closes.close().await });
    lock.rollback().await.unwrap();
    waiting.await.unwrap().unwrap();
    close.await.unwrap();
    let refused = store.account("id-ada").await;
    assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
    let again = database
        .open()
        .await
        .account("id-ada")
        .await
        .unwrap()
        .unwrap();
    assert!(again.disabled_at.is_some());
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_so_without_the_password() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let good = database.url();
    let secret = good.replace("keystile@", "keystile:s3cret@");
    let name = good.rsplit('/').next().unwrap();
    let nobody = secret.replace("keystile:", "nobody:");
    let missing = secret.replace(name, "missing");
    let nowhere = format!("postgres://keystile:s3cret@%2Fnowhere/{name}");
    let no_tls = format!("{secret}?sslmode=require");
    for url in [nobody, missing, nowhere, no_tls] {
        let refused = Store::open(&url, Options::default()).await;
        let Err(StoreError::Unreachable(said)) = refused else {
            panic!("{url}: {refused:?}");
        };
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[tokio::test]
async fn the_next_host_is_tried_where_one_is_not_there() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let url = database.url();
    let (head, tail) = url.split_once('@').unwrap();
    let url = format!("{head}@%2Fnowhere,{tail}");
    let store = Store::open(&url, Options::default()).await.unwrap();
    account(&store, "ada").await;
    let found = Store::inspect(&url).await.unwrap().unwrap();
    assert_eq!(found.accounts, 1);
}

#[tokio::test]
async fn the_servers_careless_defaults_are_not_taken_over() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let client = connect(&database.url()).await;
    let name: String = client
        .query_one("SELECT current_database()::text", &[])
        .await
        .unwrap()
        .get(0);
    client
        .batch_execute(&format!(
            "ALTER DATABASE {name} SET default_transaction_isolation = 'serializable';
             ALTER DATABASE {name} SET synchronous_commit = off;"
        ))
        .await
        .unwrap();
    let store = database.open().await;
    // What the store's own connection is set to, told by a trigger.
    client
        .batch_execute(
            "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                NEW.detail = current_setting('transaction_isolation') || ', ' || current_setting('synchronous_commit');
                RETURN NEW; END $$;
             CREATE TRIGGER tell BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION tell();",
        )
        .await
        .unwrap();
    account(&store, "ada").await;
    let audit = store.audit(None, None, 1).await.unwrap();
    assert_eq!(audit.items[0].detail.as_deref(), Some("read committed, on"));
}
