//! The node killed that guards read from, while people sign out at another.

use std::time::Duration;

use super::door::Door;
use super::guards::{GOOD, Guards, says, status};
use super::people::People;
use crate::engine::Engine;
use crate::feed::{Program, SETTINGS};
use crate::figures::{Stopwatch, Times, within};
use crate::server::Server;
use crate::verdict::Verdict;

/// What was last heard counts for so long: nobody good is refused while guards find another node.
const STALE: Duration = Duration::from_secs(60);
/// Guards try again after a second at the most, and once more.
const FELT: Duration = Duration::from_secs(4);
const LIMIT: Duration = Duration::from_secs(40);

/// So many times, either of two nodes in turn.
pub(super) async fn prove(times: usize, verdict: &mut Verdict) -> anyhow::Result<String> {
    let first = Server::start(Engine::Postgres, &SETTINGS).await?;
    let program = Program::make(&first, "guards").await?;
    let second = first.beside(2).await?;
    let mut nodes = [first, second];
    let door = Door::to(nodes[0].address()).await?;
    let guards = Guards::connect(&nodes[0], &program, door.address, STALE).await?;
    let mut people = People::sign_in(&mut nodes[0].client(), 2 * times + 1).await?;
    let mut felt = Times::default();
    for turn in 0..times {
        let (dies, lives) = (turn % 2, (turn + 1) % 2);
        // One signs out at the node that dies, right before: answered, it holds.
        people.sign_out(&mut nodes[dies].client(), 1).await?;
        nodes[dies].kill().await?;
        door.lead_to(nodes[lives].address());
        people.sign_out(&mut nodes[lives].client(), 1).await?;
        let watch = Stopwatch::start();
        for tokens in people.gone.iter().rev().take(2) {
            guards.feel(&tokens.access, LIMIT).await?;
        }
        felt.push(watch.elapsed());
        let stays = says(&guards.refuses, &people.one()?.access).await;
        verdict.check(stays == GOOD, || {
            format!("kill {turn}: a good token was refused: {stays}")
        });
        nodes[dies].restart().await?;
    }
    people
        .are_told_apart(&guards, "killed, after", verdict)
        .await;
    let snapshots = status(&guards.refuses)?.snapshots;
    verdict.check(snapshots == 1, || {
        format!("killed: the whole list was told {snapshots} times, though every node goes on with the others' ids")
    });
    verdict.check(felt.longest() <= within(FELT), || {
        format!("killed: a sign-out is felt only after {:?}", felt.longest())
    });
    Ok(format!(
        "{times} nodes killed under guards, with a sign-out at either node then, both felt by both guards: {felt}; no good token refused"
    ))
}
