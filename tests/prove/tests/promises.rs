//! The proofs with few rounds, against the server of the same build.

use std::io::Write as _;
use std::time::Duration;

use keystile_prove::engine::Engine;
use keystile_prove::hold::WriteLock;
use keystile_prove::server::Server;
use keystile_prove::verdict::Verdict;
use keystile_prove::{
    feed, felt, hashing, keys, kill, lost, moving, person, races, rotation, several, storm, walk,
};
use tokio::sync::Mutex;

/// One proof at a time: one that fills the machine must not disturb another that measures.
static TURN: Mutex<()> = Mutex::const_new(());

async fn on(engine: Engine, proof: impl AsyncFn(Engine) -> anyhow::Result<Verdict>) {
    let _turn = TURN.lock().await;
    let verdict = proof(engine).await.unwrap();
    assert!(verdict.holds(), "{verdict}");
}

/// The proof holds on every engine that is installed.
async fn on_each(proof: impl AsyncFn(Engine) -> anyhow::Result<Verdict>) {
    for engine in Engine::installed() {
        on(engine, &proof).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_answers_as_promised() {
    on_each(walk::prove).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_refreshes_leave_one_chain_and_a_replay_ends_it() {
    on_each(|engine| storm::prove(engine, 10, 20)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_survives_what_ends_it() {
    on(Engine::Sqlite, |engine| races::prove(engine, 6, 20, None)).await;
}

/// The store's own suite has all kinds on PostgreSQL; here are two, at every point, through two nodes.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_survives_a_sign_out_at_another_node() {
    if Engine::installed().contains(&Engine::Postgres) {
        let only = Some("sign-out");
        on(Engine::Postgres, |engine| {
            races::prove(engine, 12, 20, only)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9() {
    on(Engine::Sqlite, |engine| kill::prove(engine, 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_node() {
    if Engine::installed().contains(&Engine::Postgres) {
        on(Engine::Postgres, |_| several::prove(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guarded_requests_are_answered_while_the_hashing_queue_is_full() {
    on(Engine::Sqlite, |engine| hashing::prove(engine, 1_500, 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_good_token_is_refused_whatever_becomes_of_the_key_server() {
    on(Engine::Sqlite, |_| keys::prove(1, 50)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_does_is_felt_within_a_second() {
    on_each(|engine| felt::prove(engine, 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_the_feed_are_told_of_every_sign_out() {
    on_each(|engine| feed::told::prove(engine, 10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_the_feed_miss_nothing_that_commits_late() {
    if Engine::installed().contains(&Engine::Postgres) {
        on(Engine::Postgres, |_| feed::held::prove(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_readers_of_the_feed_cost_little() {
    on(Engine::Sqlite, |engine| feed::many::prove(engine, 200)).await;
}

/// A restore, and nodes that are killed; what takes minutes is for the command.
#[tokio::test(flavor = "multi_thread")]
async fn guards_that_lose_the_feed_miss_nothing() {
    on_each(|engine| lost::prove(engine, Duration::ZERO, 2)).await;
}

#[expect(clippy::disallowed_methods, reason = "a test's own surroundings")]
fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// Three rotations more, until the first key is gone, are for the command; on SQLite the server's own tests do it.
#[tokio::test(flavor = "multi_thread")]
async fn no_good_token_is_refused_when_keys_turn_and_a_withdrawn_one_is_everywhere() {
    if let Some(missing) = rotation::missing() {
        assert!(!in_ci(), "{missing}");
        let _ = writeln!(std::io::stderr(), "rotation: not tried: {missing}");
    } else if Engine::installed().contains(&Engine::Postgres) {
        on(Engine::Postgres, |engine| {
            rotation::prove(engine, &["EdDSA"], false)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_goes_on_after_a_move_to_postgres() {
    if Engine::installed().contains(&Engine::Postgres) {
        on(Engine::Postgres, |_| moving::prove(2_500)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_finds_the_database_locked_is_told_from_one_that_fails() {
    let _turn = TURN.lock().await;
    let server = Server::start(Engine::Sqlite, &[]).await.unwrap();
    person::new_account(&mut server.client(), "ada")
        .await
        .unwrap();
    let disable = |name| server.spawn(&["account", "disable", name]).unwrap();
    let lock = WriteLock::open(&server.data().join("keystile.db")).unwrap();
    lock.hold().unwrap();
    assert!(disable("ada").await.unwrap().unwrap().gave_up);
    lock.release().unwrap();
    assert!(!disable("ada").await.unwrap().unwrap().gave_up);
    assert!(disable("nobody").await.unwrap().is_err());
}
