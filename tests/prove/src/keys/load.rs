//! Requests in flight, always as many: by tokens that are good, and by tokens of keys that do not exist.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keystile::{Algorithm, Random, SigningKey};
use tokio::task::JoinSet;

use super::issuer::Issuer;
use crate::client::{Client, Request};
use crate::figures::{Stopwatch, Times};
use crate::guarded::GUARDED;

/// What was answered.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) good: Times,
    /// Good tokens that were not let in, by status and code.
    pub(super) refused: BTreeMap<String, usize>,
    pub(super) unknown: Times,
    /// Unknown keys' tokens, by status and code.
    pub(super) of_unknown: BTreeMap<String, usize>,
}

/// Keeps `in_flight` requests under way for so long, each with a token that was never seen before.
pub(super) async fn run(
    issuer: &Arc<Issuer>,
    address: std::net::SocketAddr,
    in_flight: usize,
    lasting: Duration,
    flooding: bool,
) -> anyhow::Result<Answers> {
    let done = Arc::new(AtomicBool::new(false));
    let mut workers = JoinSet::new();
    for number in 0..in_flight {
        let (issuer, done) = (Arc::clone(issuer), Arc::clone(&done));
        let is_unknown = flooding && number % 2 == 1;
        workers.spawn(async move { ask(&issuer, Client::new(address), is_unknown, &done).await });
    }
    tokio::time::sleep(lasting).await;
    done.store(true, Ordering::SeqCst);
    let mut all = Answers::default();
    while let Some(worker) = workers.join_next().await {
        let answers = worker??;
        all.good.append(answers.good);
        all.unknown.append(answers.unknown);
        for (found, into) in [
            (answers.refused, &mut all.refused),
            (answers.of_unknown, &mut all.of_unknown),
        ] {
            for (what, count) in found {
                *into.entry(what).or_default() += count;
            }
        }
    }
    Ok(all)
}

async fn ask(
    issuer: &Issuer,
    mut client: Client,
    is_unknown: bool,
    done: &AtomicBool,
) -> anyhow::Result<Answers> {
    let mut answers = Answers::default();
    // So many connections at once are no matter of keys.
    client.connect().await?;
    while !done.load(Ordering::SeqCst) {
        let key = if is_unknown {
            Some(SigningKey::generate(Algorithm::EdDsa, &Random::system())?)
        } else {
            issuer.newest()
        };
        let Some(key) = key else { break };
        let request = Request::get(GUARDED).bearer(&issuer.token(&key)?);
        let watch = Stopwatch::start();
        let answer = client.send(&request).await?;
        let took = watch.elapsed();
        if is_unknown {
            answers.unknown.push(took);
            *answers.of_unknown.entry(answer.brief()).or_default() += 1;
        } else {
            answers.good.push(took);
            if answer.status != 200 {
                *answers.refused.entry(answer.brief()).or_default() += 1;
            }
        }
    }
    Ok(answers)
}
