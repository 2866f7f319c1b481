//! Refreshes a second on SQLite `synchronous=FULL`, and what each costs in fsyncs.

use std::path::{Path, PathBuf};

use anyhow::Context;
use keystile_accounts::{Accounts, Builder, GuessLimits, Hashing, SignIn, SignUp};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::Effort;
use crate::child::{self, Role, Running};
use crate::count::fsync::{self, Fsyncs};
use crate::machine::cores;
use crate::naive::Naive;
use crate::report::{Figure, Limit, Section};
use crate::stopwatch::{Stopwatch, median};

pub(crate) const USERNAME: &str = "ada";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// What a child process is told to do: refresh, and say how many seconds it took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    store: Store,
    clients: usize,
    /// Refreshes of each client, one after another.
    each: usize,
    folder: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Store {
    Keystile,
    ByHand,
}

pub(crate) async fn measure(effort: Effort) -> anyhow::Result<Section> {
    let mut section = Section::new("Refresh: rotating, durable (SQLite, WAL, synchronous=FULL)");
    for (clients, each, limit) in [
        (1, effort.lone_refreshes(), 1.0),
        (64, effort.shared_refreshes(), 0.1),
    ] {
        section.figures.push(rates(effort, clients, each).await?);
        for (store, name) in [
            (Store::Keystile, "fsyncs a refresh"),
            (Store::ByHand, "… by hand"),
        ] {
            if !fsync::works() {
                continue;
            }
            // Enough for several checkpoints, however short the timed rounds are.
            let counted = each.max(3000 / clients);
            let (commits, all) = fsyncs_per_refresh(store, clients, counted).await?;
            let figure = |what: &str, value| {
                Figure::new(format!("{name}, {clients} clients{what}"), value, "fsyncs")
            };
            let of_commits = figure(", to commit", commits);
            section.figures.push(match store {
                Store::Keystile => of_commits.limit(Limit::AtMost(limit)),
                Store::ByHand => of_commits,
            });
            section.figures.push(figure(", checkpoints included", all));
        }
    }
    section.notes.push(
        "by hand: one rusqlite connection behind a lock; read, check, update, insert, commit; the same ES256 access \
         token signed by jsonwebtoken outside the lock"
            .to_owned(),
    );
    section.notes.push(if fsync::works() {
        "fsync and fdatasync calls counted by strace in runs of their own, a run of 2N refreshes less a run of N; \
         a checkpoint of the log, which comes after some hundreds of commits, costs three (log, database, the log's new \
         header) and is told by that of the database; limits are judged to two decimals"
            .to_owned()
    } else {
        "strace does not work here: fsyncs not counted".to_owned()
    });
    Ok(section)
}

async fn rates(effort: Effort, clients: usize, each: usize) -> anyhow::Result<Figure> {
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..effort.rounds() {
        let a = rate(Store::Keystile, clients, each).await?;
        let b = rate(Store::ByHand, clients, each).await?;
        ours.push(a);
        theirs.push(b);
        ratios.push(a / b);
    }
    let name = format!("refreshes, {clients} clients");
    Ok(Figure::new(name, median(ours), "/s").with_ratio("by hand", median(theirs), median(ratios)))
}

async fn rate(store: Store, clients: usize, each: usize) -> anyhow::Result<f64> {
    let seconds = run_child(&[], store, clients, each).await?;
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    Ok((clients * each) as f64 / seconds)
}

/// fsyncs of a checkpoint: the log, the database, and the header of the log begun anew.
const OF_A_CHECKPOINT: usize = 3;

/// fsyncs a refresh: those that commit, and all of them.
async fn fsyncs_per_refresh(
    store: Store,
    clients: usize,
    each: usize,
) -> anyhow::Result<(f64, f64)> {
    let once = fsyncs_of_run(store, clients, each).await?;
    let twice = fsyncs_of_run(store, clients, 2 * each).await?;
    let all = twice.all.saturating_sub(once.all);
    let checkpoints = twice.checkpoints.saturating_sub(once.checkpoints);
    let commits = all.saturating_sub(OF_A_CHECKPOINT * checkpoints);
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    let a_refresh = |fsyncs: usize| fsyncs as f64 / (clients * each) as f64;
    Ok((a_refresh(commits), a_refresh(all)))
}

async fn fsyncs_of_run(store: Store, clients: usize, each: usize) -> anyhow::Result<Fsyncs> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("calls");
    run_child(&fsync::wrapper(&file), store, clients, each).await?;
    fsync::read(&file)
}

/// Seconds that the refreshes took in a fresh process on a fresh database.
async fn run_child(
    wrapper: &[String],
    store: Store,
    clients: usize,
    each: usize,
) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let task = Task {
        store,
        clients,
        each,
        folder: folder.path().to_owned(),
    };
    let mut child = Running::start(wrapper, &Role::Refresh(task)).await?;
    let seconds = child
        .line()
        .await?
        .parse()
        .context("the refreshing process said no time")?;
    child.finish().await?;
    Ok(seconds)
}

/// The child's side.
pub(crate) fn run(task: &Task) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores())
        .enable_all()
        .build()?;
    let seconds = runtime.block_on(async {
        match task.store {
            Store::Keystile => keystile(task).await,
            Store::ByHand => {
                Naive::open(&task.folder)?
                    .run(task.clients, task.each)
                    .await
            }
        }
    })?;
    child::say(&seconds.to_string())
}

async fn keystile(task: &Task) -> anyhow::Result<f64> {
    let accounts = open(&task.folder, Hashing::default()).await?;
    refresh_all(accounts, task.clients, task.each).await
}

/// Signs so many clients in, lets each refresh so often, and says how many seconds the refreshes took.
pub(crate) async fn refresh_all(
    accounts: Accounts,
    clients: usize,
    each: usize,
) -> anyhow::Result<f64> {
    let mut first = Vec::with_capacity(clients);
    for _ in 0..clients {
        first.push(
            accounts
                .sign_in(SignIn::username(USERNAME).password(PASSWORD))
                .await?
                .refresh_token,
        );
    }
    let watch = Stopwatch::start();
    let mut tasks = JoinSet::new();
    for mut token in first {
        let accounts = accounts.clone();
        tasks.spawn(async move {
            for _ in 0..each {
                token = accounts.refresh(&token).await?.refresh_token;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let seconds = watch.elapsed().as_secs_f64();
    accounts.close().await;
    Ok(seconds)
}

/// An engine in `folder` as it is by default, but with this pool for hashing and no limits on guessing, and with one account.
pub(crate) async fn open(folder: &Path, hashing: Hashing) -> anyhow::Result<Accounts> {
    let url = format!("sqlite://{}", folder.join("keystile.db").display());
    open_by(Accounts::builder(&url), hashing).await
}

/// The same, on whatever this builder opens.
pub(crate) async fn open_by(builder: Builder, hashing: Hashing) -> anyhow::Result<Accounts> {
    let accounts = builder
        .issuer(crate::tokens::ISSUER)
        .audience(crate::tokens::ISSUER)
        .guess_limits(GuessLimits::off())
        .hashing(hashing)
        .open()
        .await?;
    accounts
        .sign_up(SignUp::username(USERNAME).password(PASSWORD))
        .await?;
    Ok(accounts)
}
