//! `kill -9` under load: what was acknowledged holds, what was not is whole or absent.

mod check;
mod load;

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::engine::Engine;
use crate::figures::{Stopwatch, Times, within};
use crate::server::Server;
use crate::verdict::Verdict;
use check::Checked;
use load::{Leaver, Registrant, Rotator};

/// The promise: ready again within two seconds.
const READY_WITHIN: Duration = Duration::from_secs(2);

const REGISTRANTS: usize = 8;
const ROTATORS: usize = 12;
const LEAVERS: usize = 12;

/// `times` lives of a server, each ended by `kill -9` under the load of 32 connections.
pub async fn prove(engine: Engine, times: usize) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("kill", engine);
    let watch = Stopwatch::start();
    // Looking at everybody after a restart may take longer than the default grace on a busy machine.
    let mut server = Server::start(engine, &[("KEYSTILE_TOKENS__REPLAY_GRACE", "5m")]).await?;
    let mut crowd = Crowd::gather(&server).await?;
    let mut ready = Times::default();
    let mut checked = Checked::default();
    for life in 0..times {
        crowd = crowd.live(&mut server, life).await?;
        let restarted = server.restart().await?;
        ready.push(restarted);
        verdict.check(restarted <= within(READY_WITHIN), || {
            format!("life {life}: ready only after {restarted:?}")
        });
        crowd.check(&server, &mut checked, &mut verdict).await?;
    }
    let whole = server.database().await?.integrity()?;
    let whole = whole.as_deref().unwrap_or("not harmed");
    verdict.check(matches!(whole, "ok" | "not harmed"), || {
        format!("the database is damaged: {whole}")
    });
    verdict.figures = format!(
        "{times} kills: {checked}; database {whole}; ready after {ready}; {:.0} s",
        watch.elapsed().as_secs_f64()
    );
    Ok(verdict)
}

/// Everybody who loads the server.
struct Crowd {
    registrants: Vec<Registrant>,
    rotators: Vec<Rotator>,
    leavers: Vec<Leaver>,
}

impl Crowd {
    async fn gather(server: &Server) -> anyhow::Result<Self> {
        let mut rotators = Vec::new();
        for index in 0..ROTATORS {
            rotators.push(Rotator::new(server, index).await?);
        }
        let mut leavers = Vec::new();
        for index in 0..LEAVERS {
            leavers.push(Leaver::new(server, index).await?);
        }
        let registrants = (0..REGISTRANTS).map(Registrant::new).collect();
        Ok(Self {
            registrants,
            rotators,
            leavers,
        })
    }

    /// Loads the server until it is killed; everybody comes back with what they know.
    async fn live(self, server: &mut Server, life: usize) -> anyhow::Result<Self> {
        let address = server.address();
        let mut registrants = JoinSet::new();
        for one in self.registrants {
            registrants.spawn(one.live(address));
        }
        let mut rotators = JoinSet::new();
        for one in self.rotators {
            rotators.spawn(one.live(address));
        }
        let mut leavers = JoinSet::new();
        for one in self.leavers {
            leavers.spawn(one.live(address));
        }
        // Different moments of the load, the same in every run.
        sleep(Duration::from_millis(300 + (life as u64 * 37) % 400)).await;
        server.kill().await?;
        Ok(Self {
            registrants: registrants.join_all().await,
            rotators: rotators.join_all().await,
            leavers: leavers.join_all().await,
        })
    }

    async fn check(
        &mut self,
        server: &Server,
        checked: &mut Checked,
        verdict: &mut Verdict,
    ) -> anyhow::Result<()> {
        let mut client = server.client();
        let database = server.database().await?;
        for one in &mut self.registrants {
            check::registrant(one, &mut client, checked, verdict).await?;
        }
        for one in &mut self.rotators {
            check::rotator(one, &mut client, &database, checked, verdict).await?;
        }
        for one in &mut self.leavers {
            check::leaver(one, &mut client, &database, checked, verdict).await?;
        }
        Ok(())
    }
}
