//! What ends or changes an account racing a refresh and a sign-in, with the winner held back in the database.
//!
//! A second connection holds the database's write lock until both requests of every race have come as far as they
//! can; then it lets go. Whoever wins, nothing that was obtained before the act may outlive it.

mod act;
mod judge;
mod slot;

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context;
use tokio::time::sleep;

use crate::client::Answer;
use crate::database::Database;
use crate::engine::Engine;
use crate::figures::{Stopwatch, Times};
use crate::hold::{Hold, Point};
use crate::nodes::Nodes;
use crate::person::{self, Tokens};
use crate::verdict::Verdict;
use act::{Act, Rival, Way};
use slot::Slot;

/// The most races that are held back together.
const AT_ONCE: usize = 16;

/// The fewest batches that meet every order in both ways.
const BATCHES: usize = 6;

/// Which request is in the server first.
#[derive(Clone, Copy, Debug)]
enum Order {
    ActFirst,
    RivalFirst,
    Together,
}

/// What the races of one kind showed.
#[derive(Debug, Default)]
struct Findings {
    rounds: usize,
    /// Races whose rival got tokens.
    rival_served: usize,
    /// Tokens, refresh or access, that worked when they must not.
    survivors: usize,
    /// Answers of 500 and above, and acts that failed.
    faults: usize,
    /// Races that were not run, which a busy machine brings about: the server said 503 with `Retry-After` to one of the
    /// two, or a command found the database locked for longer than it waits.
    void: usize,
    /// Sessions that ended though nothing asked for it.
    honest_sign_outs: usize,
    /// Time from the act's answer until the last access token was refused.
    felt: Times,
}

/// `rounds` races of each act with each rival, or of those kinds only whose name contains `only`.
pub async fn prove(engine: Engine, rounds: usize, only: Option<&str>) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("races", engine);
    let watch = Stopwatch::start();
    let server = Nodes::start(engine, 2, &[("KEYSTILE_TOKENS__ACCESS_LIFETIME", "6h")]).await?;
    let mut races = Races::prepare(&server, rounds.div_ceil(BATCHES).min(AT_ONCE)).await?;
    let mut line = format!("{rounds} rounds each;");
    let mut survivors = 0;
    for (act, rival) in act::kinds() {
        let name = format!("{act} racing {rival}");
        if only.is_some_and(|only| !name.contains(only)) {
            continue;
        }
        let found = races.kind(act, rival, rounds, &mut verdict).await?;
        survivors += found.survivors;
        println!(
            "  {:<44} {} rounds: {} survivors; rival served {}, faults {}, honest sign-outs {}, void {}; refused {}",
            name,
            found.rounds,
            found.survivors,
            found.rival_served,
            found.faults,
            found.honest_sign_outs,
            found.void,
            found.felt
        );
    }
    let _ = write!(
        line,
        " {survivors} survivors; {:.0} s",
        watch.elapsed().as_secs_f64()
    );
    verdict.figures = line;
    Ok(verdict)
}

struct Races<'a> {
    server: &'a Nodes,
    database: Database,
    hold: Hold,
    administrator: Tokens,
    slots: Vec<Slot>,
}

impl<'a> Races<'a> {
    async fn prepare(server: &'a Nodes, count: usize) -> anyhow::Result<Self> {
        let administrator = person::administrator(server).await?;
        let mut slots = Vec::with_capacity(count);
        for index in 0..count {
            slots.push(Slot::new(server, index).await?);
        }
        Ok(Self {
            server,
            database: server.database().await?,
            hold: Hold::new(server).await?,
            administrator,
            slots,
        })
    }

    /// All rounds of one kind.
    async fn kind(
        &mut self,
        act: Act,
        rival: Rival,
        rounds: usize,
        verdict: &mut Verdict,
    ) -> anyhow::Result<Findings> {
        let mut found = Findings::default();
        let orders = [Order::ActFirst, Order::RivalFirst, Order::Together];
        for (batch, order) in orders.into_iter().cycle().enumerate() {
            let (left, void) = (rounds - found.rounds, found.void);
            if left == 0 {
                break;
            }
            let mut slots = std::mem::take(&mut self.slots);
            let racing = left.min(act.at_once()).min(slots.len());
            let way = act.way(batch);
            let raced = self
                .batch(
                    act,
                    way,
                    rival,
                    order,
                    &mut slots[..racing],
                    &mut found,
                    verdict,
                )
                .await;
            self.slots = slots;
            raced.with_context(|| format!("{act} racing {rival}"))?;
            found.rounds += racing - (found.void - void);
            anyhow::ensure!(
                found.void <= rounds + AT_ONCE,
                "{act} racing {rival}: the machine is too busy for races"
            );
        }
        Ok(found)
    }

    /// One race in each slot, all held back together.
    #[expect(
        clippy::too_many_arguments,
        reason = "one race is the meeting of all of these"
    )]
    async fn batch(
        &self,
        act: Act,
        way: Way,
        rival: Rival,
        order: Order,
        slots: &mut [Slot],
        found: &mut Findings,
        verdict: &mut Verdict,
    ) -> anyhow::Result<()> {
        slot::make_ready(slots, self.server, &self.administrator, act).await?;
        for slot in slots.iter_mut() {
            slot.line_up(act, rival).await?;
        }
        self.hold.hold(Point::Done, &self.server.names()).await?;
        let started = self.start_all(act, way, order, slots).await;
        self.hold.release().await?;
        started?;
        for slot in slots.iter_mut() {
            let done = slot.finish_act().await?;
            let rival = slot.rival.finish().await?;
            slot.outcome = Some((done, rival));
        }
        for slot in slots {
            let (done, rival_answer) = slot.outcome.take().context("a race without an outcome")?;
            judge::judge(self, slot, act, rival, (done, rival_answer), found, verdict).await?;
        }
        Ok(())
    }

    async fn start_all(
        &self,
        act: Act,
        way: Way,
        order: Order,
        slots: &mut [Slot],
    ) -> anyhow::Result<()> {
        let passes: &[(bool, bool)] = match order {
            Order::ActFirst => &[(true, false), (false, true)],
            Order::RivalFirst => &[(false, true), (true, false)],
            Order::Together => &[(true, true)],
        };
        for (acts, rivals) in passes {
            for slot in slots.iter_mut() {
                if *acts {
                    slot.start_act(act, way, self.server, &self.administrator)
                        .await?;
                }
                if *rivals {
                    slot.start_rival().await?;
                }
            }
            if *acts && way == Way::Command {
                // Commands wait for the lock by polling it; give each the time to come so far.
                sleep(Duration::from_millis(150)).await;
            }
            self.hold.wait_until_idle(&self.server.all()).await?;
        }
        Ok(())
    }
}

/// Whether an answer is the server's own fault.
fn is_fault(answer: &Answer) -> bool {
    answer.status >= 500 && !answer.is_busy()
}

impl Findings {
    fn survivor(&mut self, verdict: &mut Verdict, what: impl Into<String>) {
        self.survivors += 1;
        verdict.broken(what);
    }

    fn fault(&mut self, verdict: &mut Verdict, what: impl Into<String>) {
        self.faults += 1;
        verdict.broken(what);
    }

    fn honest_sign_out(&mut self, verdict: &mut Verdict, what: impl Into<String>) {
        self.honest_sign_outs += 1;
        verdict.broken(what);
    }
}
