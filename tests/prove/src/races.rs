//! What ends or changes an account racing a refresh and a sign-in, with the winner held back in the database.
//!
//! On SQLite a second connection holds the database's write lock until both requests of every race have come as far as they
//! can; then it lets go. On PostgreSQL the act is at one node and its rival at another; one of the two is held at each point
//! of its way in turn, with what it has read and locked, while the other goes as far as it can. Whoever wins, the loser is
//! answered as promised, and nothing that was obtained before the act outlives it.

mod act;
mod batch;
mod fifty;
mod findings;
mod judge;
mod slot;

use anyhow::Context;

use crate::database::Database;
use crate::engine::Engine;
use crate::figures::Stopwatch;
use crate::hold::Hold;
use crate::nodes::Nodes;
use crate::person;
use crate::verdict::Verdict;
use act::Kind;
use findings::Findings;
use slot::Slot;

/// The most races that are held back together.
const AT_ONCE: usize = 16;

/// The fewest batches in which SQLite meets every order in both ways.
const BATCHES: usize = 6;

/// `rounds` races of each kind, or of those kinds only whose name contains `only`. `rounds` storms of `at_once` refreshes too.
pub async fn prove(
    engine: Engine,
    rounds: usize,
    at_once: usize,
    only: Option<&str>,
) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("races", engine);
    let watch = Stopwatch::start();
    println!("{}", findings::HEAD);
    let wanted = |name: &str| only.is_none_or(|only| name.contains(only));
    let (mut rows, mut passed) = (Vec::new(), 0);
    let storm = format!("{at_once} refreshes at once");
    if wanted(&storm) {
        rows.push(fifty::prove(engine, rounds, at_once, storm, &mut passed, &mut verdict).await?);
    }
    for kind in Kind::all() {
        if wanted(&kind.to_string()) {
            rows.push(prove_kind(engine, kind, rounds, &mut passed, &mut verdict).await?);
        }
    }
    let sum = |of: fn(&Findings) -> usize| rows.iter().map(of).sum::<usize>();
    let isolation = match engine {
        Engine::Sqlite => String::new(),
        Engine::Postgres => format!(" {passed} points passed, all at READ COMMITTED;"),
    };
    verdict.check(engine == Engine::Sqlite || passed > 0, || {
        "nobody came by where writes are held back".to_owned()
    });
    verdict.figures = format!(
        "{} kinds, {} rounds: {} survivors, {} honest sign-outs, {} faults;{isolation} {:.0} s",
        rows.len(),
        sum(|row| row.rounds),
        sum(|row| row.survivors),
        sum(|row| row.honest_sign_outs),
        sum(|row| row.faults),
        watch.elapsed().as_secs_f64()
    );
    Ok(verdict)
}

/// All rounds of one kind, on a database of its own; prints its row.
async fn prove_kind(
    engine: Engine,
    kind: Kind,
    rounds: usize,
    passed: &mut i64,
    verdict: &mut Verdict,
) -> anyhow::Result<Findings> {
    let mut nodes = Nodes::start(engine, 2, &[("KEYSTILE_TOKENS__ACCESS_LIFETIME", "6h")]).await?;
    let mut found = Findings::of(kind.to_string(), engine);
    let hold = {
        let mut races = Races::prepare(&nodes, rounds.div_ceil(BATCHES).min(AT_ONCE)).await?;
        races.rounds(kind, rounds, &mut found, verdict).await?;
        races.hold
    };
    *passed += finish(&mut nodes, hold, &mut found, verdict).await?;
    println!("{found}");
    Ok(found)
}

/// Ends the nodes, and asks the database what it counted: deadlocks, and how often a point was passed.
async fn finish(
    nodes: &mut Nodes,
    hold: Hold,
    found: &mut Findings,
    verdict: &mut Verdict,
) -> anyhow::Result<i64> {
    nodes.kill().await?;
    let Hold::Postgres(gate) = hold else {
        return Ok(0);
    };
    let deadlocks = gate.deadlocks().await?;
    verdict.check(deadlocks == 0, || {
        format!("{}: {deadlocks} deadlocks", found.kind)
    });
    found.deadlocks = Some(deadlocks);
    gate.passed().await
}

struct Races<'a> {
    nodes: &'a Nodes,
    database: Database,
    hold: Hold,
    slots: Vec<Slot>,
    /// Whether the acts are at the second node now.
    swapped: bool,
}

impl<'a> Races<'a> {
    async fn prepare(nodes: &'a Nodes, count: usize) -> anyhow::Result<Self> {
        let root = person::administrator(nodes).await?;
        let mut slots = Vec::with_capacity(count);
        for index in 0..count {
            slots.push(Slot::new(nodes, &root, index).await?);
        }
        Ok(Self {
            nodes,
            database: nodes.database().await?,
            hold: Hold::new(nodes).await?,
            slots,
            swapped: false,
        })
    }

    /// All rounds of one kind: each station in turn, then the acts at the other node.
    async fn rounds(
        &mut self,
        kind: Kind,
        rounds: usize,
        found: &mut Findings,
        verdict: &mut Verdict,
    ) -> anyhow::Result<()> {
        let stations = kind.stations(found.engine);
        for (batch, station) in stations.iter().cycle().enumerate() {
            let (left, void) = (rounds - found.rounds, found.void);
            if left == 0 {
                break;
            }
            if batch > 0 && batch % stations.len() == 0 {
                self.swapped = !self.swapped;
                self.slots.iter_mut().for_each(Slot::swap);
            }
            let mut slots = std::mem::take(&mut self.slots);
            let racing = left.min(kind.at_once(found.engine)).min(slots.len());
            let way = kind.way(batch / stations.len());
            let racers = &mut slots[..racing];
            let raced = self
                .batch(kind, way, *station, racers, found, verdict)
                .await;
            self.slots = slots;
            raced.with_context(|| kind.to_string())?;
            found.rounds += racing - (found.void - void);
            anyhow::ensure!(
                found.void <= rounds + AT_ONCE,
                "{kind}: the machine is too busy for races"
            );
        }
        Ok(())
    }
}
