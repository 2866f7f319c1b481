//! How soon after a sign-out was answered its readers are told.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::program::{Program, SETTINGS};
use super::reader::{Reader, Seen};
use crate::database;
use crate::engine::{Engine, Place};
use crate::figures::{Millis, Stopwatch, Times, within};
use crate::nodes::Nodes;
use crate::person::{self, PASSWORD};
use crate::verdict::Verdict;

/// Readers, half of them at each of two nodes.
const READERS: usize = 10;
/// People who sign in and out in turn.
const PEOPLE: usize = 20;
/// The promise where the database says that there is something new.
const WITH: Duration = Duration::from_millis(50);
/// The promise where it does not.
const WITHOUT: Duration = Duration::from_secs(1);
/// What must come is waited for so long.
const PATIENCE: Duration = Duration::from_secs(20);
/// By which the database is kept from saying it.
const MUTE: &str = "ALTER TABLE revocation DISABLE TRIGGER revocation_told";

/// What one reader read, and when.
struct Read {
    name: String,
    at: Duration,
}

/// `times` sign-outs, each at another of two nodes than the one before; on PostgreSQL a fifth as many once more, with the
/// database mute.
pub async fn prove(engine: Engine, times: usize) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("feed", engine);
    let nodes = Nodes::start(engine, 2, &SETTINGS).await?;
    let program = Program::make(&nodes, "readers").await?;
    let token = program.token(&nodes).await?;
    for number in 0..PEOPLE {
        person::new_account(&mut nodes.client(), &name(number)).await?;
    }
    let watch = Stopwatch::start();
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut readers = JoinSet::new();
    for number in 0..READERS {
        let all = nodes.all();
        let address = all[number % all.len()].address();
        let mut reader = Reader::open(address, &token, None).await?;
        reader.up_to_current().await?;
        readers.spawn(read(reader, watch, tell.clone()));
    }
    let with = sign_outs(&nodes, times, watch, &mut told, &mut verdict).await?;
    println!("  told by the database: {with}");
    held(&mut verdict, "told by the database", &with, WITH);
    verdict.figures =
        format!("{times} sign-outs, until the last of {READERS} readers had read it: {with}");
    if let Place::Postgres(_) = nodes.place() {
        let client = database::connect(&nodes.place().url("proof", &nodes.data())).await?;
        client.batch_execute(MUTE).await.context("muting")?;
        let without = sign_outs(&nodes, times / 5, watch, &mut told, &mut verdict).await?;
        println!("  found by looking: {without}");
        held(&mut verdict, "found by looking", &without, WITHOUT);
        let times = times / 5;
        let _ = write!(verdict.figures, "; without NOTIFY {times} times: {without}");
    }
    readers.shutdown().await;
    Ok(verdict)
}

fn name(number: usize) -> String {
    format!("feed-{number}")
}

fn held(verdict: &mut Verdict, how: &str, times: &Times, promise: Duration) {
    let (p99, promise) = (times.percentile(99), within(promise));
    verdict.check(p99 <= promise, || {
        format!("{how}: p99 is {}, above {}", Millis(p99), Millis(promise))
    });
}

async fn read(
    mut reader: Reader,
    watch: Stopwatch,
    tell: mpsc::UnboundedSender<anyhow::Result<Read>>,
) {
    loop {
        let seen = reader.next().await;
        let at = watch.elapsed();
        let read = match seen {
            Ok(Seen::Revoked(name)) => Ok(Read { name, at }),
            Ok(_) => continue,
            Err(error) => Err(error),
        };
        let ended = read.is_err();
        if tell.send(read).is_err() || ended {
            return;
        }
    }
}

/// The times from the answer to a sign-out until the last reader had read of it.
async fn sign_outs(
    nodes: &Nodes,
    times: usize,
    watch: Stopwatch,
    told: &mut mpsc::UnboundedReceiver<anyhow::Result<Read>>,
    verdict: &mut Verdict,
) -> anyhow::Result<Times> {
    let mut clients = nodes.clients(2);
    let mut felt = Times::default();
    for turn in 0..times {
        let client = &mut clients[turn % 2];
        let tokens = person::new_session(client, &name(turn % PEOPLE), PASSWORD).await?;
        let answer = client
            .send(&person::sign_out(&tokens.access, "this"))
            .await?;
        let answered = watch.elapsed();
        answer.expect(204, "signing out")?;
        let mut last = Duration::ZERO;
        let mut missing = READERS;
        while missing > 0 {
            let Ok(read) = timeout(PATIENCE, told.recv()).await else {
                verdict.broken(format!("{missing} of {READERS} readers missed a sign-out"));
                break;
            };
            let read = read.context("no reader is left")??;
            if read.name == tokens.session {
                last = last.max(read.at);
                missing -= 1;
            }
        }
        felt.push(last.saturating_sub(answered));
    }
    Ok(felt)
}
