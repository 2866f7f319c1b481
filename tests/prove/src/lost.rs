//! The feed lost in every way that it can be: what guards answer by their policy meanwhile, and that nothing is missed
//! once it is back.

mod asked;
mod cut;
mod door;
mod guards;
mod killed;
mod paused;
mod people;
mod restored;

use std::time::Duration;

use crate::engine::Engine;
use crate::figures::Stopwatch;
use crate::verdict::Verdict;

/// The feed cut, and silent, for `away`; cut under guards that ask for each token; and two restores from a backup. On PostgreSQL
/// also: the database paused for a third of `away`, and nodes killed `kills` times. Where `away` is nothing, neither the first
/// nor the pause.
pub async fn prove(engine: Engine, away: Duration, kills: usize) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("lost", engine);
    let watch = Stopwatch::start();
    let mut told = Vec::new();
    if !away.is_zero() {
        told = cut::prove(engine, away, &mut verdict).await?;
        if engine == Engine::Postgres {
            told.push(paused::prove(away / 3, &mut verdict).await?);
        }
    }
    told.push(asked::prove(engine, &mut verdict).await?);
    told.push(restored::prove(engine, &mut verdict).await?);
    if engine == Engine::Postgres {
        told.push(killed::prove(kills, &mut verdict).await?);
    }
    for line in &told {
        println!("  {line}");
    }
    let seconds = watch.elapsed().as_secs_f64();
    verdict.figures = format!("{}; {seconds:.0} s", told.join("; "));
    Ok(verdict)
}
