//! A storm of sign-ins that fills the hashing queue, and guarded GETs beside it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use crate::client::Client;
use crate::engine::Engine;
use crate::figures::{Millis, Stopwatch, Times, within};
use crate::memory::Memory;
use crate::person::{self, PASSWORD};
use crate::server::Server;
use crate::verdict::Verdict;

/// Guarded GETs a second: one every five milliseconds.
const EVERY: Duration = Duration::from_millis(5);

/// "At once", for a refusal: far below the seconds that the queue itself would take, with room for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(1);

/// What the storm was answered.
#[derive(Debug, Default)]
struct Storm {
    signed_in: usize,
    refused: Times,
    without_retry_after: usize,
    other: Vec<String>,
}

/// Guarded GETs for `seconds` in the calm, then while 64 clients sign in, then while `clients` do, which is more than
/// the queue takes.
pub async fn prove(engine: Engine, clients: usize, seconds: u64) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("hashing", engine);
    let server = Server::start(engine, &[("KEYSTILE_TOKENS__ACCESS_LIFETIME", "6h")]).await?;
    let mut client = server.client();
    person::new_account(&mut client, "calm").await?;
    let access = person::new_session(&mut client, "calm", PASSWORD)
        .await?
        .access;
    let lasting = Duration::from_secs(seconds);
    let calm = guarded(&mut client, &access, lasting, &mut verdict).await?;
    let calm_memory = Memory::of(server.process_id()?)?;
    println!("  calm: guarded GET {calm}; memory {calm_memory}");
    let mut figures = format!("guarded GET p99 calm {}", Millis(calm.percentile(99)));
    let mut refused = 0;
    for storming in [64, clients] {
        let (stop, stopped) = watch::channel(());
        let storm = tokio::spawn(storm(server.address(), storming, stopped));
        // The queue fills first: then the figures are of the full queue.
        sleep(Duration::from_secs(1)).await;
        let times = guarded(&mut client, &access, lasting, &mut verdict).await?;
        let memory = Memory::of(server.process_id()?)?;
        drop(stop);
        let storm = storm.await??;
        println!(
            "  {storming} clients: guarded GET {times}; memory {memory}; {} signed in, {} told to come back ({})",
            storm.signed_in,
            storm.refused.len(),
            storm.refused
        );
        check(&storm, &mut verdict);
        refused += storm.refused.len();
        let p99 = Millis(times.percentile(99));
        let _ = write!(
            figures,
            ", {storming} clients signing in {p99} with {memory}"
        );
    }
    verdict.check(refused > 0, || {
        "the queue was never full: use more --clients".to_owned()
    });
    verdict.figures =
        format!("{figures}; calm {calm_memory}; {refused} sign-ins told to come back");
    Ok(verdict)
}

fn check(storm: &Storm, verdict: &mut Verdict) {
    verdict.check(storm.signed_in > 0, || "nobody could sign in".to_owned());
    verdict.check(storm.without_retry_after == 0, || {
        format!(
            "{} answers of 503 without Retry-After",
            storm.without_retry_after
        )
    });
    let slowest = storm.refused.percentile(99);
    verdict.check(slowest <= within(AT_ONCE), || {
        format!("sign-ins were told to come back only after {slowest:?}")
    });
    for other in &storm.other {
        verdict.broken(format!("a sign-in was answered {other}"));
    }
}

/// Guarded GETs at a steady rate; each time counts from the moment the request was due.
async fn guarded(
    client: &mut Client,
    access: &str,
    lasting: Duration,
    verdict: &mut Verdict,
) -> anyhow::Result<Times> {
    let request = person::me(access);
    let mut times = Times::default();
    let mut due = interval(EVERY);
    let watch = Stopwatch::start();
    while watch.elapsed() < lasting {
        let late = due.tick().await.elapsed();
        let sent = Stopwatch::start();
        let answer = client.send(&request).await?;
        times.push(late + sent.elapsed());
        verdict.check(answer.status == 200, || {
            format!("a guarded GET was answered {}", answer.brief())
        });
    }
    Ok(times)
}

/// Clients that sign in again and again until they are told to stop; who waits for an answer then is answered.
async fn storm(
    address: SocketAddr,
    clients: usize,
    stopped: watch::Receiver<()>,
) -> anyhow::Result<Storm> {
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let stopped = stopped.clone();
        tasks.spawn(async move {
            let mut seen = Storm::default();
            let mut client = Client::new(address);
            // An error: the sender is gone, which is the sign to stop.
            while stopped.has_changed().is_ok() {
                seen.sign_in(&mut client).await?;
            }
            anyhow::Ok(seen)
        });
    }
    let mut whole = Storm::default();
    while let Some(done) = tasks.join_next().await {
        let one = done.context("a task of the storm failed")??;
        whole.signed_in += one.signed_in;
        whole.refused.append(one.refused);
        whole.without_retry_after += one.without_retry_after;
        whole.other.extend(one.other);
    }
    Ok(whole)
}

impl Storm {
    async fn sign_in(&mut self, client: &mut Client) -> anyhow::Result<()> {
        client.connect().await?;
        let watch = Stopwatch::start();
        let answer = client.send(&person::sign_in("calm", PASSWORD)).await?;
        match answer.status {
            200 => self.signed_in += 1,
            503 => {
                self.refused.push(watch.elapsed());
                let seconds = answer
                    .header("retry-after")
                    .and_then(|text| text.parse::<u32>().ok());
                self.without_retry_after += usize::from(seconds.is_none());
                // Impatient on purpose: a good client waits for Retry-After.
                sleep(Duration::from_millis(250)).await;
            }
            _ => self.other.push(answer.brief()),
        }
        Ok(())
    }
}
