//! Races that are held back together.

use std::time::Duration;

use anyhow::Context;
use tokio::time::sleep;

use super::Races;
use super::act::{Kind, Order, Station, Way};
use super::findings::Findings;
use super::judge;
use super::slot::{self, First, Slot};
use crate::engine::Engine;
use crate::figures::Stopwatch;
use crate::hold::Hold;
use crate::server::COMMAND;
use crate::verdict::Verdict;

/// Looks in a row at which all must be seen to wait: at a single one somebody may wait for a moment only.
const LOOKS: u32 = 3;

/// For how long a write may be held: shorter than the 5 s that a server waits for the database.
const HELD: Duration = Duration::from_secs(4);

impl Races<'_> {
    /// One race in each slot.
    pub(super) async fn batch(
        &self,
        kind: Kind,
        way: Way,
        station: Station,
        slots: &mut [Slot],
        found: &mut Findings,
        verdict: &mut Verdict,
    ) -> anyhow::Result<()> {
        slot::make_ready(slots, kind.act).await?;
        for slot in slots.iter_mut() {
            slot.line_up(kind).await?;
        }
        let started = match &self.hold {
            // Chance is as good as the locks that the two take by themselves.
            Hold::Postgres(_) if station.order == Order::Together => {
                self.start(kind, way, (true, true), slots).await
            }
            hold => {
                let held = self.held(station, way);
                hold.hold(station.point, &[held]).await?;
                let started = self.start_in_order(kind, way, station, slots).await;
                hold.release().await?;
                started
            }
        };
        started?;
        let released = Stopwatch::start();
        for slot in slots.iter_mut() {
            let done = slot.finish_act().await?;
            let rival = slot.rival.finish().await?;
            slot.outcome = Some((done, rival));
        }
        found.longest_wait = found.longest_wait.max(released.elapsed());
        for slot in slots {
            let outcome = slot.outcome.take().context("a race without an outcome")?;
            if slot.slipped && !outcome.0.is_put_off() && !outcome.1.is_busy() {
                verdict.broken(format!("{kind}: {station:?} held nobody"));
            }
            judge::judge(self, slot, kind, outcome, found, verdict).await?;
        }
        Ok(())
    }

    /// The name of the connections that are held back.
    fn held(&self, station: Station, way: Way) -> &str {
        let names = self.nodes.names();
        let rival_is_held = station.order == Order::RivalFirst;
        match way {
            Way::Command if !rival_is_held => COMMAND,
            _ => names[usize::from(self.swapped != rival_is_held) % names.len()],
        }
    }

    async fn start_in_order(
        &self,
        kind: Kind,
        way: Way,
        station: Station,
        slots: &mut [Slot],
    ) -> anyhow::Result<()> {
        let passes: &[(bool, bool)] = match station.order {
            Order::ActFirst => &[(true, false), (false, true)],
            Order::RivalFirst => &[(false, true), (true, false)],
            Order::Together => &[(true, true)],
        };
        let mut settled = true;
        for (pass, starting) in passes.iter().enumerate() {
            self.start(kind, way, *starting, slots).await?;
            settled &= match &self.hold {
                Hold::Sqlite(_) => self.wait_in_queue(way, *starting).await?,
                Hold::Postgres(_) => self.wait_for_locks(slots).await?,
            };
            for slot in slots.iter_mut().filter(|_| pass == 0) {
                slot.slipped = match station.order {
                    Order::RivalFirst => slot.rival_is_answered()?,
                    _ => slot.act_is_answered()?,
                };
            }
        }
        if settled {
            for slot in slots {
                slot.first = self.first(station.order, way, slot)?;
            }
        }
        Ok(())
    }

    async fn start(
        &self,
        kind: Kind,
        way: Way,
        (acts, rivals): (bool, bool),
        slots: &mut [Slot],
    ) -> anyhow::Result<()> {
        for slot in slots {
            if acts {
                slot.start_act(kind, way, self.nodes).await?;
            }
            if rivals {
                slot.start_rival().await?;
            }
        }
        Ok(())
    }

    /// Until all that was sent waits for SQLite's write lock, in the order in which it came.
    async fn wait_in_queue(&self, way: Way, (acts, _): (bool, bool)) -> anyhow::Result<bool> {
        if acts && way == Way::Command {
            // Commands wait for the lock by polling it; give each the time to come so far.
            sleep(Duration::from_millis(150)).await;
        }
        self.hold.wait_until_idle(&self.nodes.all()).await?;
        Ok(true)
    }

    /// Until all that was started is answered or waits for a lock in PostgreSQL; false where that takes too long.
    async fn wait_for_locks(&self, slots: &mut [Slot]) -> anyhow::Result<bool> {
        let Hold::Postgres(gate) = &self.hold else {
            return Ok(false);
        };
        let watch = Stopwatch::start();
        let mut calm = 0;
        while watch.elapsed() < HELD {
            let mut under_way = 0;
            for slot in slots.iter_mut() {
                under_way += slot.under_way()?;
            }
            let all_wait = gate.waiting().await? >= under_way;
            calm = if all_wait { calm + 1 } else { 0 };
            if calm == LOOKS {
                return Ok(true);
            }
            sleep(Duration::from_millis(1)).await;
        }
        Ok(false)
    }

    /// Whose write is kept first, once all are let go. On PostgreSQL whoever was answered while the other was held is; else
    /// the held one has what the other waits for.
    fn first(&self, order: Order, way: Way, slot: &mut Slot) -> anyhow::Result<First> {
        let sqlite = self.nodes.engine() == Engine::Sqlite;
        Ok(match order {
            Order::Together => First::Either,
            // A command polls the lock, and comes by chance.
            _ if sqlite && way == Way::Command => First::Either,
            Order::ActFirst if sqlite => First::Act,
            Order::RivalFirst if sqlite => First::Rival,
            Order::ActFirst if slot.rival_is_answered()? => First::Rival,
            Order::RivalFirst if slot.act_is_answered()? => First::Act,
            Order::ActFirst => First::Act,
            Order::RivalFirst => First::Rival,
        })
    }
}
