//! Writes that the database ends because another is in the way.

use std::time::Duration;

use keystile_accounts::store::{StoreError, WriteError};

use crate::fixture::{Database, act, rotated, rotation, signed_in};
use crate::meeting::connect;

/// The order of locks leaves no circle; where somebody else's statements make one, or another isolation level is forced
/// upon the session, the database ends one of the two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_gave_way_to_another_is_one_to_try_again() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let store = database.open().await;
    let (_, token) = signed_in(&store, "ada").await;
    let client = connect(&database.url()).await;
    for state in ["40001", "40P01"] {
        let gives_way = format!(
            "CREATE OR REPLACE FUNCTION give_way() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '{state}'; END $$;
             CREATE OR REPLACE TRIGGER gives_way BEFORE UPDATE ON session
                FOR EACH ROW EXECUTE FUNCTION give_way();"
        );
        client.batch_execute(&gives_way).await.unwrap();
        let refused = store.rotate(rotation(token)).await;
        let gave_way = matches!(refused, Err(WriteError::Store(StoreError::Conflict)));
        assert!(gave_way, "{state}: {refused:?}");
    }
    assert_eq!(StoreError::Conflict.code(), "store_busy");
    client
        .batch_execute("DROP TRIGGER gives_way ON session")
        .await
        .unwrap();
    // Nothing of it was kept: the token is as good as before.
    rotated(&store, token).await;
}

/// A real circle: the store holds the account and wants what the other holds, and that one wants the account.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_ended_to_break_a_circle_may_try_again() {
    const WANTS: &str = "
        CREATE FUNCTION want() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1), pg_advisory_xact_lock_shared(2); RETURN NEW; END $$;
        CREATE TRIGGER wants BEFORE UPDATE ON session FOR EACH ROW EXECUTE FUNCTION want();
        SELECT pg_advisory_lock(1);";
    let Some(database) = Database::postgres() else {
        return;
    };
    let store = database.open().await;
    let (_, token) = signed_in(&store, "ada").await;
    let gate = connect(&database.url()).await;
    gate.batch_execute(WANTS).await.unwrap();
    // The other does not look for circles: the store's statement, which closes it, does, and is ended.
    let other = connect(&database.url()).await;
    let hold = "SET deadlock_timeout = '1h'; BEGIN; SELECT pg_advisory_xact_lock(2)";
    other.batch_execute(hold).await.unwrap();
    let ending = tokio::spawn({
        let store = store.clone();
        async move { store.end_all_sessions(act(), "id-ada").await }
    });
    are_waiting(&gate, 1).await;
    let wanting = tokio::spawn(async move {
        let want = "SELECT 1 FROM account WHERE id = 'id-ada' FOR UPDATE; ROLLBACK";
        other.batch_execute(want).await
    });
    are_waiting(&gate, 2).await;
    gate.batch_execute("SELECT pg_advisory_unlock(1)")
        .await
        .unwrap();
    let ended = ending.await.unwrap();
    let gave_way = matches!(ended, Err(WriteError::Store(StoreError::Conflict)));
    assert!(gave_way, "{ended:?}");
    wanting.await.unwrap().unwrap();
    rotated(&store, token).await;
}

/// Each sign-in counts who lives: sessions that ended, however many an account has, are not looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn living_sessions_are_found_by_an_index() {
    let Some(database) = Database::postgres() else {
        return;
    };
    database.open().await.close().await;
    let client = connect(&database.url()).await;
    let sql = "SELECT indexdef FROM pg_indexes WHERE indexname = 'session_account'";
    let index: String = client.query_one(sql, &[]).await.unwrap().get(0);
    assert!(index.ends_with("(account_id, ended_at)"), "{index}");
}

/// Waits until so many wait for locks.
async fn are_waiting(client: &tokio_postgres::Client, count: i64) {
    const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let wait = async {
        while client
            .query_one(WAITING, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            < count
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), wait).await;
    waited.unwrap_or_else(|_| panic!("{count} do not wait for locks"));
}
