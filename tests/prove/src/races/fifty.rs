//! Many simultaneous refreshes of one token, as a row of the table.

use super::findings::Findings;
use super::finish;
use crate::engine::Engine;
use crate::nodes::Nodes;
use crate::storm::Storm;
use crate::verdict::Verdict;

/// `rounds` storms, half of them held back, at each point in turn.
pub(super) async fn prove(
    engine: Engine,
    rounds: usize,
    at_once: usize,
    kind: String,
    passed: &mut i64,
    verdict: &mut Verdict,
) -> anyhow::Result<Findings> {
    let mut found = Findings::of(kind, engine);
    let mut nodes = Nodes::start(engine, 2, &[]).await?;
    let hold = {
        let mut storm = Storm::prepare(&nodes, at_once, 2).await?;
        for round in 0..rounds {
            storm.round(round, verdict).await?;
        }
        found.rounds = rounds;
        found.survivors = rounds - storm.living;
        found.honest_sign_outs = storm.refused;
        found.served = storm.served;
        found.longest_wait = storm.longest_wait;
        storm.hold
    };
    *passed += finish(&mut nodes, hold, &mut found, verdict).await?;
    println!("{found}");
    Ok(found)
}
