//! The proofs with few rounds, against the server of the same build.

use keystile_prove::verdict::Verdict;
use keystile_prove::{felt, hashing, kill, races, storm, walk};
use tokio::sync::Mutex;

/// One proof at a time: one that fills the machine must not disturb another that measures.
async fn assert_holds(proof: impl Future<Output = anyhow::Result<Verdict>>) {
    static TURN: Mutex<()> = Mutex::const_new(());
    let _turn = TURN.lock().await;
    let verdict = proof.await.unwrap();
    assert!(verdict.holds(), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_answers_as_promised() {
    assert_holds(walk::prove()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_refreshes_leave_one_chain_and_a_replay_ends_it() {
    assert_holds(storm::prove(10, 20)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_survives_what_ends_it() {
    assert_holds(races::prove(6, None)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9() {
    assert_holds(kill::prove(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guarded_requests_are_answered_while_the_hashing_queue_is_full() {
    assert_holds(hashing::prove(1_500, 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_does_is_felt_within_a_second() {
    assert_holds(felt::prove(1)).await;
}
