//! `kill -9` under load: what was acknowledged holds, what was not is whole or absent.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::crowd::{Checked, Crowd, Size};
use crate::engine::Engine;
use crate::figures::{Stopwatch, Times, within};
use crate::server::Server;
use crate::verdict::Verdict;

/// The promise: ready again within two seconds.
const READY_WITHIN: Duration = Duration::from_secs(2);

const CROWD: Size = Size {
    registrants: 8,
    rotators: 12,
    leavers: 12,
    changers: 0,
};

/// `times` lives of a server, each ended by `kill -9` under the load of 32 connections.
pub async fn prove(engine: Engine, times: usize) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("kill", engine);
    let watch = Stopwatch::start();
    // Looking at everybody after a restart may take longer than the default grace on a busy machine.
    let mut server = Server::start(engine, &[("KEYSTILE_TOKENS__REPLAY_GRACE", "5m")]).await?;
    let mut crowd = Crowd::gather(&mut server.client(), "life", CROWD).await?;
    let mut ready = Times::default();
    let mut checked = Checked::default();
    for life in 0..times {
        let address = server.address();
        let kill = async {
            // Different moments of the load, the same in every run.
            sleep(Duration::from_millis(300 + (life as u64 * 37) % 400)).await;
            server.kill().await
        };
        crowd = crowd.live(address, &Arc::default(), kill).await?;
        let restarted = server.restart().await?;
        ready.push(restarted);
        verdict.check(restarted <= within(READY_WITHIN), || {
            format!("life {life}: ready only after {restarted:?}")
        });
        let database = server.database().await?;
        let mut client = server.client();
        crowd
            .check(&mut client, &database, &mut checked, &mut verdict)
            .await?;
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
