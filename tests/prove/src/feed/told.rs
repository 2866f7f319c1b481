//! How soon after a sign-out was answered every guard refuses.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinSet;

use super::guards::GuardProcess;
use super::program::{Program, SETTINGS};
use crate::database;
use crate::engine::{Engine, Place};
use crate::figures::{Millis, Stopwatch, Times, within};
use crate::nodes::Nodes;
use crate::person::{self, PASSWORD};
use crate::verdict::Verdict;

/// Guards, each in a process of its own; half of them read the feed of each of two nodes.
const GUARDS: usize = 10;
/// People who sign in and out in turn.
const PEOPLE: usize = 20;
/// The promise where the database says that there is something new.
const WITH: Duration = Duration::from_millis(50);
/// The promise where it does not.
const WITHOUT: Duration = Duration::from_secs(1);
/// Fewer say nothing of one in a hundred.
const MANY: usize = 100;
/// As a node revokes that is gone before it has said so.
const UNTOLD: &str = "SET keystile.tells_after_commit = 'on'";
const REVOKE: &str =
    "INSERT INTO revocation (kind, value, at, until) VALUES ('session', $1, 0, 9999999999999)";

/// `times` sign-outs, each at another of two nodes than the one before; on PostgreSQL a fifth as many sessions once more that are
/// revoked by somebody who does not say so.
pub async fn prove(engine: Engine, times: usize) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("feed", engine);
    let nodes = Nodes::start(engine, 2, &SETTINGS).await?;
    let program = Program::make(&nodes, "guards").await?;
    for number in 0..PEOPLE {
        person::new_account(&mut nodes.client(), &name(number)).await?;
    }
    let mut guards = Vec::new();
    for number in 0..GUARDS {
        let all = nodes.all();
        guards.push(GuardProcess::start(all[number % all.len()], &program).await?);
    }
    let with = sign_outs(&nodes, times, &mut guards, None).await?;
    println!("  told by the database: {with}");
    held(&mut verdict, "told by the database", &with, WITH);
    verdict.figures =
        format!("{times} sign-outs, until the last of {GUARDS} guards refused: {with}");
    if let Place::Postgres(_) = nodes.place() {
        let client = database::connect(&nodes.place().url("proof", &nodes.data())).await?;
        client.batch_execute(UNTOLD).await.context("untold")?;
        let times = times / 5;
        let without = sign_outs(&nodes, times, &mut guards, Some(&client)).await?;
        println!("  found by looking: {without}");
        held(&mut verdict, "found by looking", &without, WITHOUT);
        let _ = write!(verdict.figures, "; without NOTIFY {times} times: {without}");
    }
    Ok(verdict)
}

fn name(number: usize) -> String {
    format!("feed-{number}")
}

fn held(verdict: &mut Verdict, how: &str, times: &Times, promise: Duration) {
    if times.len() < MANY {
        return;
    }
    let (p99, promise) = (times.percentile(99), within(promise));
    verdict.check(p99 <= promise, || {
        format!("{how}: p99 is {}, above {}", Millis(p99), Millis(promise))
    });
}

/// The times from the answer to a sign-out until the last guard refused the token, of guards that are asked all the time. With a
/// client of the database's, the session is revoked by that.
async fn sign_outs(
    nodes: &Nodes,
    times: usize,
    guards: &mut Vec<GuardProcess>,
    untold: Option<&tokio_postgres::Client>,
) -> anyhow::Result<Times> {
    let mut clients = nodes.clients(2);
    let mut felt = Times::default();
    for turn in 0..times {
        let client = &mut clients[turn % 2];
        let tokens = person::new_session(client, &name(turn % PEOPLE), PASSWORD).await?;
        for guard in &mut *guards {
            // It remembers the token from now on.
            guard.takes(&tokens.access).await?;
        }
        let watch = Stopwatch::start();
        let mut asking = JoinSet::new();
        for mut guard in guards.drain(..) {
            let access = tokens.access.clone();
            asking.spawn(async move {
                let refused = guard.refuses(&access, watch).await?;
                anyhow::Ok((guard, refused))
            });
        }
        if let Some(database) = untold {
            database.execute(REVOKE, &[&tokens.session]).await?;
        } else {
            let request = person::sign_out(&tokens.access, "this");
            client.send(&request).await?.expect(204, "signing out")?;
        }
        let answered = watch.elapsed();
        let mut last = Duration::ZERO;
        while let Some(asked) = asking.join_next().await {
            let (guard, refused) = asked??;
            last = last.max(refused);
            guards.push(guard);
        }
        felt.push(last.saturating_sub(answered));
    }
    Ok(felt)
}
