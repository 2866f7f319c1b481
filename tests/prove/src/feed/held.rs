//! A transaction that has revoked something is held open while others commit: nobody misses anything.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::bail;
use tokio::time::{sleep, timeout};

use super::program::{Program, SETTINGS};
use super::reader::{Reader, Seen};
use crate::engine::{Engine, Place};
use crate::figures::Stopwatch;
use crate::nodes::Nodes;
use crate::person::{self, PASSWORD};
use crate::verdict::Verdict;

/// A sign-out every so often meanwhile.
const EVERY: Duration = Duration::from_millis(50);
/// A reader that comes and goes does so every so often.
const STAYS: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(20);
const LATE: &str =
    "INSERT INTO revocation (kind, value, at, until) VALUES ('token', 'held', 0, 9999999999999)";

/// What a reader was told in all.
#[derive(Default)]
struct Told {
    names: BTreeSet<String>,
    events: usize,
    visits: usize,
}

/// For `seconds`. One reader stays, at each of two nodes; one comes and goes between the nodes with the id that it had last.
pub async fn prove(seconds: u64) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("held", Engine::Postgres);
    let nodes = Nodes::start(Engine::Postgres, 2, &SETTINGS).await?;
    let token = Program::make(&nodes, "readers")
        .await?
        .token(&nodes)
        .await?;
    person::new_account(&mut nodes.client(), "held").await?;
    let done = Arc::new(AtomicBool::new(false));
    let all = nodes.all();
    let addresses = [all[0].address(), all[1].address()];
    let mut readers = Vec::new();
    for address in addresses {
        readers.push(tokio::spawn(stay(
            address,
            token.clone(),
            Arc::clone(&done),
        )));
    }
    readers.push(tokio::spawn(come_and_go(
        addresses,
        token,
        Arc::clone(&done),
    )));
    sleep(STAYS).await;

    let Place::Postgres(database) = nodes.place() else {
        bail!("PostgreSQL is needed");
    };
    let held = database.hold(LATE);
    let mut expected = sign_outs(&nodes, Duration::from_secs(seconds)).await?;
    let meanwhile = expected.len();
    held.keep();
    expected.insert("held".to_owned());
    expected.extend(sign_outs(&nodes, Duration::from_secs(1)).await?);
    sleep(2 * STAYS).await;
    done.store(true, Ordering::SeqCst);
    let mut told = Vec::new();
    for (number, reader) in readers.into_iter().enumerate() {
        let read = timeout(PATIENCE, reader).await???;
        let missed = expected.difference(&read.names).count();
        verdict.check(missed == 0, || format!("reader {number} missed {missed}"));
        told.push(read);
    }
    let [_, _, goes] = &told[..] else {
        bail!("three readers");
    };
    verdict.figures = format!(
        "{meanwhile} sign-outs in {seconds} s while one was held, {} in all; two readers that stayed missed none; one that came {} times \
         missed none and was told {} events, repeated ones among them",
        expected.len(),
        goes.visits,
        goes.events
    );
    Ok(verdict)
}

/// Signs in and out for so long; the sessions.
async fn sign_outs(nodes: &Nodes, lasting: Duration) -> anyhow::Result<BTreeSet<String>> {
    let mut clients = nodes.clients(2);
    let mut sessions = BTreeSet::new();
    let watch = Stopwatch::start();
    for turn in 0.. {
        if watch.elapsed() >= lasting {
            break;
        }
        let client = &mut clients[turn % 2];
        let tokens = person::new_session(client, "held", PASSWORD).await?;
        let answer = client
            .send(&person::sign_out(&tokens.access, "this"))
            .await?;
        answer.expect(204, "signing out")?;
        sessions.insert(tokens.session);
        sleep(EVERY).await;
    }
    Ok(sessions)
}

async fn stay(address: SocketAddr, token: String, done: Arc<AtomicBool>) -> anyhow::Result<Told> {
    let mut reader = Reader::open(address, &token, None).await?;
    let mut told = Told {
        visits: 1,
        ..Told::default()
    };
    loop {
        match reader.next().await? {
            Seen::Revoked(name) => {
                told.names.insert(name);
                told.events += 1;
            }
            Seen::Current(_) if done.load(Ordering::SeqCst) => return Ok(told),
            Seen::Snapshot | Seen::Current(_) => {}
        }
    }
}

async fn come_and_go(
    addresses: [SocketAddr; 2],
    token: String,
    done: Arc<AtomicBool>,
) -> anyhow::Result<Told> {
    let (mut told, mut last) = (Told::default(), None::<String>);
    loop {
        let leaving = done.load(Ordering::SeqCst);
        let address = addresses[told.visits % 2];
        let mut reader = Reader::open(address, &token, last.as_deref()).await?;
        told.visits += 1;
        let watch = Stopwatch::start();
        while watch.elapsed() < STAYS {
            let (names, id) = reader.up_to_current().await?;
            told.events += names.len();
            told.names.extend(names);
            last = Some(id);
        }
        if leaving {
            return Ok(told);
        }
    }
}
