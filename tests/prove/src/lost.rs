//! The feed lost in every way that it can be: what guards answer by their policy meanwhile, and that nothing is missed
//! once it is back.

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

/// The feed cut, and silent, for `away`. On PostgreSQL also: the database paused for a third of that, and nodes killed
/// `kills` times; on SQLite a restore from a backup. Where `away` is nothing, only the last two.
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
    told.push(match engine {
        Engine::Sqlite => restored::prove(&mut verdict).await?,
        Engine::Postgres => killed::prove(kills, &mut verdict).await?,
    });
    for line in &told {
        println!("  {line}");
    }
    let seconds = watch.elapsed().as_secs_f64();
    verdict.figures = format!("{}; {seconds:.0} s", told.join("; "));
    Ok(verdict)
}
