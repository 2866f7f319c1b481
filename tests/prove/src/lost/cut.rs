//! The way of the feed cut, and silent as where a cable is pulled, while people sign out.

use std::time::Duration;

use keystile_tests_postgres::Way;
use tokio::time::sleep;

use super::guards::{GOOD, Guards, UNKNOWN, says};
use super::people::People;
use crate::engine::Engine;
use crate::feed::{Program, SETTINGS};
use crate::figures::{Millis, Stopwatch};
use crate::server::Server;
use crate::verdict::Verdict;

/// Who signs out in each round, and how many stay.
const LEAVE: usize = 10;
const STAY: usize = 5;
/// Marks come each second; and a busy machine is late.
const SLACK: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(100);
/// How soon a sign-out is felt once all is well.
const FELT: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug)]
enum How {
    /// Connections end.
    Cut,
    /// They do not, and no byte passes.
    Silent,
}

/// Both, for so long each; what was heard before counts for a third of that.
pub(super) async fn prove(
    engine: Engine,
    away: Duration,
    verdict: &mut Verdict,
) -> anyhow::Result<Vec<String>> {
    let server = Server::start(engine, &SETTINGS).await?;
    let program = Program::make(&server, "guards").await?;
    let way = Way::to_address(server.address());
    let stale = away / 3;
    let guards = Guards::connect(&server, &program, way.address(), stale).await?;
    let mut client = server.client();
    let mut people = People::sign_in(&mut client, STAY + 2 * LEAVE + 2).await?;
    let mut told = Vec::new();
    for how in [How::Cut, How::Silent] {
        people
            .are_told_apart(&guards, &format!("{how:?}, before"), verdict)
            .await;
        match how {
            How::Cut => way.cut(),
            How::Silent => way.silence(),
        }
        let lost = Stopwatch::start();
        people.sign_out(&mut client, LEAVE).await?;
        let first = follow_policy(&guards, &people, (lost, away, stale), how, verdict).await?;
        way.mend();
        let back = guards.are_current().await?;
        people
            .are_told_apart(&guards, &format!("{how:?}, after"), verdict)
            .await;
        people.sign_out(&mut client, 1).await?;
        let gone = people.gone.last().map(|tokens| tokens.access.clone());
        let felt = guards.feel(&gone.unwrap_or_default(), FELT).await?;
        told.push(format!(
            "{how:?} for {} s: refused as unknown after {} ({} s count), {LEAVE} sign-outs meanwhile, none missed {} after it was \
             back, the next felt after {}",
            away.as_secs(),
            Millis(first),
            stale.as_secs(),
            Millis(back),
            Millis(felt)
        ));
    }
    Ok(told)
}

/// Looks what both say until the time is over; when the refusing one first did not know.
async fn follow_policy(
    guards: &Guards,
    people: &People,
    (lost, away, stale): (Stopwatch, Duration, Duration),
    how: How,
    verdict: &mut Verdict,
) -> anyhow::Result<Duration> {
    let stays = &people.one()?.access;
    let mut first = None;
    for turn in 0.. {
        let before = lost.elapsed();
        if before >= away {
            break;
        }
        let gone = &people.gone[people.gone.len() - 1 - turn % LEAVE].access;
        let refuses = says(&guards.refuses, stays).await;
        let asks = says(&guards.asks, stays).await;
        let let_in = [
            says(&guards.refuses, gone).await,
            says(&guards.asks, gone).await,
        ];
        let after = lost.elapsed();
        if refuses == UNKNOWN {
            first.get_or_insert(before);
        }
        verdict.check(asks == GOOD, || {
            format!("{how:?}: whoever asks says {asks} of a good token after {after:?}")
        });
        if after + SLACK < stale {
            verdict.check(refuses == GOOD, || {
                format!("{how:?}: {refuses} after {after:?} already")
            });
        }
        if before > stale + SLACK {
            verdict.check(refuses == UNKNOWN, || {
                format!("{how:?}: {refuses} after {before:?} still")
            });
            verdict.check(!let_in.contains(&GOOD), || {
                format!("{how:?}: a session that ended is let in after {before:?}: {let_in:?}")
            });
        }
        sleep(LOOK).await;
    }
    verdict.check(first.is_some(), || format!("{how:?}: never unknown"));
    Ok(first.unwrap_or_default())
}
