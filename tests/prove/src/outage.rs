//! The database stopped, paused, restarted and failed over under its nodes: honest refusals, then service.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use keystile_tests_postgres as postgres;
use tokio::time::sleep;

use crate::balancer::Balancer;
use crate::client::Client;
use crate::crowd::{Checked, Crowd, Size, Tally};
use crate::engine::{Engine, Place};
use crate::figures::{Millis, Stopwatch, Times, within};
use crate::memory::Memory;
use crate::person::{self, Tokens};
use crate::server::Server;
use crate::several::watched;
use crate::verdict::Verdict;

/// The promise: service within two seconds of the database's return.
const BACK_WITHIN: Duration = Duration::from_secs(2);
/// No request waits longer than the store does, five seconds, and a little.
const LONGEST: Duration = Duration::from_secs(8);
/// What one node ended is felt by the others.
const FELT: Duration = Duration::from_secs(1);
/// What the requests that wait may take, in MiB.
const ROOM: u64 = 64;
const PATIENCE: Duration = Duration::from_secs(60);

const CROWD: Size = Size {
    registrants: 4,
    rotators: 16,
    leavers: 8,
    changers: 2,
};

/// What becomes of the database, and for how long it is away.
#[derive(Clone, Copy, Debug)]
enum Act {
    Stop,
    /// Every process of it, for longer than a request waits.
    Pause,
    Restart,
}

/// Two nodes on a database of the proof's own.
struct Stage {
    nodes: [Server; 2],
    balancer: Balancer,
    watched: Tokens,
    back: Times,
    checked: Checked,
    refused: usize,
    requests: usize,
    longest: Duration,
}

/// `rounds` of each disturbance, and one failover.
pub async fn prove(rounds: usize) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("outage", Engine::Postgres);
    let watch = Stopwatch::start();
    let primary = postgres::Server::own().context("install PostgreSQL to try this")?;
    let standby = primary.standby();
    let name = primary.make_database();
    let url = postgres::Server::url_of_several(&[&primary, &standby], &name);
    let mut stage = Stage::set(&url).await?;
    let mut crowd = Crowd::gather(&mut stage.client(), "one", CROWD).await?;
    let before = stage.resident()?;
    for round in 0..rounds {
        for act in [Act::Stop, Act::Pause, Act::Restart] {
            let act_on = || disturb(&primary, act);
            crowd = stage
                .round(crowd, act_on, &format!("{act:?} {round}"), &mut verdict)
                .await?;
        }
    }
    let after = stage.resident()?;
    verdict.check(after <= before + ROOM, || {
        format!("a node grew from {before} to {after} MiB")
    });
    synchronous(&primary).await?;
    let fail_over = || async {
        primary.stop();
        sleep(Duration::from_secs(2)).await;
        standby.promote();
        Ok(())
    };
    stage
        .round(crowd, fail_over, "failover", &mut verdict)
        .await?;
    verdict.figures = format!(
        "{rounds} stops, {rounds} pauses, {rounds} restarts, 1 failover: {}; {} requests, {} of them refused 503, none \
         otherwise, longest wait without hashing {}; service after {}; RSS {before} MiB before, {after} MiB after; {:.0} s",
        stage.checked,
        stage.requests,
        stage.refused,
        Millis(stage.longest),
        stage.back,
        watch.elapsed().as_secs_f64()
    );
    Ok(verdict)
}

async fn disturb(server: &postgres::Server, act: Act) -> anyhow::Result<()> {
    match act {
        Act::Stop => {
            server.stop();
            sleep(Duration::from_secs(3)).await;
            server.start_again();
        }
        Act::Pause => {
            server.pause();
            sleep(Duration::from_secs(7)).await;
            server.resume();
        }
        Act::Restart => {
            server.stop();
            server.start_again();
        }
    }
    Ok(())
}

/// From now on nothing is acknowledged that the standby has not on its disk.
async fn synchronous(primary: &postgres::Server) -> anyhow::Result<()> {
    primary.sql(
        "postgres",
        "ALTER SYSTEM SET synchronous_standby_names = '*'",
    );
    primary.sql("postgres", "SELECT pg_reload_conf()");
    let follows = "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')";
    let watch = Stopwatch::start();
    while primary.sql("postgres", follows) != "1" {
        ensure!(watch.elapsed() < PATIENCE, "the standby does not follow");
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

impl Stage {
    async fn set(url: &str) -> anyhow::Result<Self> {
        let settings = [("KEYSTILE_TOKENS__REPLAY_GRACE", "5m")];
        let first = Server::start_at(Place::Url(url.to_owned()), &settings).await?;
        let second = first.beside(2).await?;
        let balancer = Balancer::start(&[first.address(), second.address()]).await?;
        let watched = watched(&mut first.client(), "watched").await?;
        Ok(Self {
            nodes: [first, second],
            balancer,
            watched,
            back: Times::default(),
            checked: Checked::default(),
            refused: 0,
            requests: 0,
            longest: Duration::ZERO,
        })
    }

    fn client(&self) -> Client {
        Client::new(self.balancer.address())
    }

    /// The larger of the two nodes, in MiB.
    fn resident(&self) -> anyhow::Result<u64> {
        let mut most = 0;
        for node in &self.nodes {
            most = most.max(Memory::of(node.process_id()?)?.resident_mib());
        }
        Ok(most)
    }

    /// Load, the disturbance, and a look at every promise.
    async fn round<F: Future<Output = anyhow::Result<()>>>(
        &mut self,
        crowd: Crowd,
        disturb: impl FnOnce() -> F,
        what: &str,
        verdict: &mut Verdict,
    ) -> anyhow::Result<Crowd> {
        let tally = Arc::new(Tally::default());
        let address = self.balancer.address();
        let disturbance = async {
            sleep(Duration::from_millis(500)).await;
            disturb().await?;
            let back = self.wait_for_service().await?;
            self.back.push(back);
            verdict.check(back <= within(BACK_WITHIN), || {
                format!("{what}: service only after {back:?}")
            });
            sleep(Duration::from_millis(300)).await;
            Ok(())
        };
        let mut crowd = crowd.live(address, &tally, disturbance).await?;
        self.requests += tally.requests();
        self.refused += tally.refused();
        self.longest = self.longest.max(tally.longest());
        verdict.check(tally.longest() < LONGEST, || {
            format!("{what}: a request waited for {:?}", tally.longest())
        });
        verdict.check(tally.unanswered() == 0, || {
            format!("{what}: {} requests were not answered", tally.unanswered())
        });
        sleep(FELT).await;
        let database = self.nodes[0].database().await?;
        crowd
            .check(&mut self.client(), &database, &mut self.checked, verdict)
            .await?;
        Ok(crowd)
    }

    /// Until every node refreshes, and lets a token in at a guarded route.
    async fn wait_for_service(&mut self) -> anyhow::Result<Duration> {
        let watch = Stopwatch::start();
        for node in &self.nodes {
            let mut client = node.client();
            loop {
                ensure!(watch.elapsed() < PATIENCE, "no service");
                let answer = client.send(&person::refresh(&self.watched.refresh)).await?;
                if answer.status == 200 {
                    self.watched = Tokens::from(answer, "a refresh")?;
                    let me = client.send(&person::me(&self.watched.access)).await?;
                    if me.status == 200 {
                        break;
                    }
                } else {
                    ensure!(answer.is_busy(), "answered {}", answer.brief());
                }
                sleep(Duration::from_millis(5)).await;
            }
        }
        Ok(watch.elapsed())
    }
}
