//! Two nodes behind a round-robin, one of them killed, paused or cut off under load; then both started anew in turn.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{bail, ensure};
use keystile_tests_postgres::Way;
use rustix::process::Signal;
use tokio::time::sleep;

use crate::balancer::Balancer;
use crate::client::Client;
use crate::crowd::{Checked, Crowd, Size, Tally};
use crate::engine::{Engine, Place};
use crate::figures::{Millis, Stopwatch, Times, within};
use crate::person::{self, PASSWORD, Tokens};
use crate::server::Server;
use crate::verdict::Verdict;

/// The promise: ready again within two seconds, of its start as of its way's return.
const BACK_WITHIN: Duration = Duration::from_secs(2);
/// What one node ended is felt by the others.
const FELT: Duration = Duration::from_secs(1);
/// A node stands still, or is cut off, for so long.
const AWAY: Duration = Duration::from_millis(2_500);
/// The longest that the proof waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

const CROWD: Size = Size {
    registrants: 2,
    rotators: 8,
    leavers: 3,
    changers: 1,
};
/// A smaller one, so that no queue is full: every refusal is the restart's.
const FEW: Size = Size {
    registrants: 1,
    rotators: 8,
    leavers: 1,
    changers: 1,
};

/// With fewer kills the smaller crowd does.
const MANY: usize = 5;

/// What becomes of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Kill,
    Pause,
    /// Its connections to the database end, and no new one is made.
    Cut,
    /// Its connections to the database fall silent.
    Silence,
}

/// Two nodes, the second by a way to the database that can be cut, and what is in front of them.
struct Stage {
    nodes: [Server; 2],
    way: Way,
    balancer: Balancer,
    back: Times,
    checked: Checked,
    refused: usize,
    requests: usize,
    longest: Duration,
    stale: usize,
}

/// One of two nodes killed `times` times, in turn; paused, cut off and silenced a fifth as often each; restarted in turn.
pub async fn prove(times: usize) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("nodes", Engine::Postgres);
    let watch = Stopwatch::start();
    let mut stage = Stage::set().await?;
    let size = if times < MANY { FEW } else { CROWD };
    let mut crowd = Crowd::gather(&mut stage.client(), "one", size).await?;
    let others = times.div_ceil(5);
    for round in 0..times {
        crowd = stage.round(crowd, Act::Kill, round, &mut verdict).await?;
    }
    for round in 0..others {
        for act in [Act::Pause, Act::Cut, Act::Silence] {
            crowd = stage.round(crowd, act, round, &mut verdict).await?;
        }
    }
    drop(crowd);
    let rolled = stage.roll(others, &mut verdict).await?;
    verdict.figures = format!(
        "{times} kills, {others} pauses, {others} cuts, {others} silences: {}; {} requests, {} of them refused 503, \
         longest wait without hashing {}; {} stale answers; back after {}; {others} rolling restarts: {rolled}; {:.0} s",
        stage.checked,
        stage.requests,
        stage.refused,
        Millis(stage.longest),
        stage.stale,
        stage.back,
        watch.elapsed().as_secs_f64()
    );
    Ok(verdict)
}

impl Stage {
    async fn set() -> anyhow::Result<Self> {
        // Looking at everybody afterwards may take longer than the default grace on a busy machine.
        let settings = [
            ("KEYSTILE_TOKENS__REPLAY_GRACE", "5m"),
            ("KEYSTILE_DRAIN", "1500ms"),
        ];
        let first = Server::start(Engine::Postgres, &settings).await?;
        let Place::Postgres(database) = first.place() else {
            bail!("a database of this program's own is needed");
        };
        let way = Way::to_socket(database.socket());
        let over = Place::Url(database.url_over(&way));
        let second = first.beside_over(over, 2).await?;
        let balancer = Balancer::start(&[first.address(), second.address()]).await?;
        Ok(Self {
            nodes: [first, second],
            way,
            balancer,
            back: Times::default(),
            checked: Checked::default(),
            refused: 0,
            requests: 0,
            longest: Duration::ZERO,
            stale: 0,
        })
    }

    /// A connection by way of the balancer.
    fn client(&self) -> Client {
        Client::new(self.balancer.address())
    }

    /// Load, a disturbance of one node, and a look at every promise.
    async fn round(
        &mut self,
        crowd: Crowd,
        act: Act,
        round: usize,
        verdict: &mut Verdict,
    ) -> anyhow::Result<Crowd> {
        let tally = Arc::new(Tally::default());
        let address = self.balancer.address();
        // Different moments of the load, the same in every run.
        let moment = Duration::from_millis(300 + (round as u64 * 37) % 400);
        let disturbance = async {
            sleep(moment).await;
            let back = self.disturb(act, round % 2).await?;
            self.back.push(back);
            verdict.check(back <= within(BACK_WITHIN), || {
                format!("{act:?} {round}: back only after {back:?}")
            });
            sleep(Duration::from_millis(200)).await;
            Ok(())
        };
        let mut crowd = crowd.live(address, &tally, disturbance).await?;
        self.requests += tally.requests();
        self.refused += tally.refused();
        self.longest = self.longest.max(tally.longest());
        sleep(FELT).await;
        let database = self.nodes[0].database().await?;
        let mut client = self.client();
        crowd
            .check(&mut client, &database, &mut self.checked, verdict)
            .await?;
        verdict.check(self.stale == 0, || {
            format!("{act:?} {round}: a stale truth")
        });
        Ok(crowd)
    }

    /// Does it, and undoes it after a while; how long the node took to be back.
    async fn disturb(&mut self, act: Act, index: usize) -> anyhow::Result<Duration> {
        match act {
            Act::Kill => {
                self.nodes[index].kill().await?;
                sleep(Duration::from_millis(300)).await;
                self.nodes[index].restart().await
            }
            Act::Pause => self.pause(index).await,
            Act::Cut | Act::Silence => {
                let silence = act == Act::Silence;
                if silence {
                    self.way.silence();
                } else {
                    self.way.cut();
                }
                sleep(AWAY).await;
                ensure!(
                    !self.balancer.is_ready(1),
                    "cut off, and it calls itself ready"
                );
                self.way.mend();
                self.wait_until_ready(1).await
            }
        }
    }

    /// A session ends elsewhere while the node stands still; its token is the first thing that the node is asked about.
    async fn pause(&mut self, index: usize) -> anyhow::Result<Duration> {
        let (one, other) = (&self.nodes[index], &self.nodes[1 - index]);
        let name = "paused";
        let _there_already = person::new_account(&mut other.client(), name).await;
        let tokens = person::new_session(&mut one.client(), name, PASSWORD).await?;
        one.signal(Signal::STOP)?;
        let sign_out = person::sign_out(&tokens.access, "this");
        let answer = person::patiently(&mut other.client(), &sign_out).await?;
        answer.expect(204, "signing out beside a paused node")?;
        let mut waiting = Client::several(one.address(), 8);
        for client in &mut waiting {
            client.start(&person::me(&tokens.access)).await?;
        }
        sleep(AWAY).await;
        one.signal(Signal::CONT)?;
        for client in &mut waiting {
            let answer = client.finish().await?;
            self.stale += usize::from(answer.status != 401 && !answer.is_busy());
        }
        self.wait_until_ready(index).await
    }

    async fn wait_until_ready(&self, index: usize) -> anyhow::Result<Duration> {
        let watch = Stopwatch::start();
        while !self.balancer.is_ready(index) {
            ensure!(watch.elapsed() < PATIENCE, "it does not come back");
            sleep(Duration::from_millis(5)).await;
        }
        Ok(watch.elapsed())
    }

    /// Both nodes are ended and started again in turn, under load, so many times: no request may fail.
    async fn roll(&mut self, times: usize, verdict: &mut Verdict) -> anyhow::Result<String> {
        let database = self.nodes[0].database().await?;
        let mut client = self.client();
        let crowd = Crowd::gather(&mut client, "rolling", FEW).await?;
        let tally = Arc::new(Tally::default());
        let address = self.balancer.address();
        let mut longest = Duration::ZERO;
        let rolling = async {
            for turn in 0..2 * times {
                let index = turn % 2;
                sleep(Duration::from_millis(300)).await;
                longest = longest.max(self.nodes[index].end().await?);
                self.nodes[index].restart().await?;
                self.wait_until_ready(index).await?;
            }
            Ok(())
        };
        let mut crowd = crowd.live(address, &tally, rolling).await?;
        sleep(FELT).await;
        crowd
            .check(&mut client, &database, &mut self.checked, verdict)
            .await?;
        let failed = tally.refused() + tally.unanswered();
        verdict.check(failed == 0, || {
            let (refused, unanswered) = (tally.refused(), tally.unanswered());
            format!("rolling restarts: {refused} requests refused, {unanswered} not answered")
        });
        verdict.check(longest < Duration::from_secs(10), || {
            format!("a node ended only after {longest:?}")
        });
        Ok(format!(
            "{} requests, {failed} failed, a node ended within {}",
            tally.requests(),
            Millis(longest)
        ))
    }
}

/// Sessions that are watched: used by the proof of outages too.
pub(crate) async fn watched(client: &mut Client, name: &str) -> anyhow::Result<Tokens> {
    person::new_account(client, name).await?;
    person::new_session(client, name, PASSWORD).await
}
