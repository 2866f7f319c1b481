//! Sign-ins a second beside what Argon2id alone allows, in one process and round by round.

use std::path::PathBuf;
use std::thread;

use anyhow::Context;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use keystile_accounts::{Hashing, SignIn};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::Effort;
use crate::child::{self, Role, Running};
use crate::machine::cores;
use crate::refresh::{PASSWORD, USERNAME, open};
use crate::report::{Figure, Limit, Section};
use crate::stopwatch::{Stopwatch, median};

/// The cost the engine has by default: m in KiB, t, p.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// What a child process is told to do: hash and sign in, and say how long each took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    clients: usize,
    /// Sign-ins of each client, one after another.
    each: usize,
    rounds: usize,
    folder: PathBuf,
}

/// What one child measured.
#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    /// Milliseconds of one hash on a quiet machine's one core.
    alone: f64,
    /// Hashes a second with a thread on every core.
    most: f64,
    /// Sign-ins a second.
    rate: f64,
    /// Median of `rate ÷ most`, round by round.
    share: f64,
}

pub(crate) async fn measure(effort: Effort) -> anyhow::Result<Section> {
    let (m, t, p) = COST;
    let mut section = Section::new(format!(
        "Sign-in: Argon2id m={m} t={t} p={p}, {} cores",
        cores()
    ));
    let folder = tempfile::tempdir()?;
    let each = effort.sign_ins();
    let task = Task {
        clients: 16,
        each,
        rounds: effort.rounds(),
        folder: folder.path().to_owned(),
    };
    let mut child = Running::start(&[], &Role::SignIn(task)).await?;
    let outcome: Outcome = serde_json::from_str(&child.line().await?)?;
    child.finish().await?;
    section.figures.push(Figure::new(
        "Argon2id, one hash on one core",
        outcome.alone,
        "ms",
    ));
    section.figures.push(
        Figure::new("sign-ins, 16 clients", outcome.rate, "/s")
            .with_ratio("hashes on all cores", outcome.most, outcome.share)
            .limit(Limit::AtLeast(0.95)),
    );
    section.notes.push(
        "the rounds alternate in one process; both hash at the lowest priority, so that whatever else runs takes \
         from both alike"
            .to_owned(),
    );
    Ok(section)
}

/// The child's side.
pub(crate) fn run(task: &Task) -> anyhow::Result<()> {
    let alone = median(
        (0..15)
            .map(|_| seconds_of_hashes(1))
            .collect::<Result<_, _>>()?,
    ) * 1000.0;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores())
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        let accounts = open(&task.folder, Hashing::default()).await?;
        let (mut most, mut rates, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..task.rounds {
            let total = task.clients * task.each;
            let limit = tokio::task::spawn_blocking(move || hashes_on_all_cores(total)).await??;
            let watch = Stopwatch::start();
            sign_in(&accounts, task).await?;
            #[allow(clippy::cast_precision_loss, reason = "hundreds")]
            let rate = total as f64 / watch.elapsed().as_secs_f64();
            most.push(limit);
            rates.push(rate);
            shares.push(rate / limit);
        }
        accounts.close().await;
        anyhow::Ok(Outcome {
            alone,
            most: median(most),
            rate: median(rates),
            share: median(shares),
        })
    })?;
    child::say(&serde_json::to_string(&outcome)?)
}

async fn sign_in(accounts: &keystile_accounts::Accounts, task: &Task) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for _ in 0..task.clients {
        let (accounts, each) = (accounts.clone(), task.each);
        tasks.spawn(async move {
            for _ in 0..each {
                accounts
                    .sign_in(SignIn::username(USERNAME).password(PASSWORD))
                    .await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

/// Hashes a second of as many threads as cores, each with memory of its own that it keeps, as the engine's have.
fn hashes_on_all_cores(total: usize) -> anyhow::Result<f64> {
    let each = total.div_ceil(cores());
    let watch = Stopwatch::start();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores())
            .map(|_| {
                scope.spawn(move || {
                    lowest_priority();
                    seconds_of_hashes(each)
                })
            })
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| match thread.join() {
                Ok(done) => done.map(drop),
                Err(panic) => std::panic::resume_unwind(panic),
            })
    })?;
    #[allow(clippy::cast_precision_loss, reason = "hundreds")]
    Ok((each * cores()) as f64 / watch.elapsed().as_secs_f64())
}

/// Seconds a hash, of `count` in turn, memory made once.
fn seconds_of_hashes(count: usize) -> anyhow::Result<f64> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, Some(32)).context("Argon2's parameters")?;
    let mut blocks = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut digest = [0; 32];
    let mut hash = || {
        argon2.hash_password_into_with_memory(
            PASSWORD.as_bytes(),
            b"sixteen bytes of",
            &mut digest,
            &mut blocks,
        )
    };
    hash().context("Argon2")?;
    let watch = Stopwatch::start();
    for _ in 0..count {
        hash().context("Argon2")?;
    }
    #[allow(clippy::cast_precision_loss, reason = "hundreds")]
    Ok(watch.elapsed().as_secs_f64() / count as f64)
}

/// The priority is the thread's own on Linux. Quietly nothing where the system says no.
fn lowest_priority() {
    let _ = rustix::process::nice(19);
}
