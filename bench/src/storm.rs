//! Whether token checks wait while 64 clients sign in, and what the process's memory is then.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use keystile::Guard;
use keystile::axum::Principal;
use keystile_accounts::{Accounts, Hashing, SignIn, SignInError};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::Effort;
use crate::child::{self, Role, Running};
use crate::load::{self, Connection};
use crate::machine::cores;
use crate::refresh::{PASSWORD, USERNAME, open};
use crate::report::{Figure, Limit, Section};
use crate::stopwatch::{Stopwatch, quantile};

const EVERY: Duration = Duration::from_millis(5);
const READERS: usize = 8;
const SIGNING_IN: usize = 64;
/// Far fewer than sign in, so that the storm meets refusals: the queue's default takes all 64.
const QUEUE: usize = 16;

/// What a child process serves: sign-in and a guarded route on one engine in `folder`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    folder: PathBuf,
}

pub(crate) async fn measure(effort: Effort) -> anyhow::Result<Section> {
    let mut section =
        Section::new("Guarded GET at 200 requests a second, calm and while 64 clients sign in");
    let folder = tempfile::tempdir()?;
    let mut server = Running::start(
        &[],
        &Role::Storm(Task {
            folder: folder.path().to_owned(),
        }),
    )
    .await?;
    let (address, process) = (server.address().await?, server.id()?);
    let token = server.line().await?;
    let requests = effort.paced_requests();
    paced(address, &token, requests / 4).await?;
    let calm = paced(address, &token, requests).await?;
    let idle_memory = pss(process)?;
    let storm = Storm::start(address).await?;
    // The queue fills before the first request counts.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (stormy, memory) = tokio::join!(
        paced(address, &token, requests),
        most_memory(process, requests)
    );
    let (stormy, memory) = (stormy?, memory?);
    let tally = storm.stop().await?;
    server.finish().await?;
    ensure!(
        tally.signed_in > 0 && tally.busy > 0,
        "{} sign-ins were answered and {} sent away: the storm must show both",
        tally.signed_in,
        tally.busy
    );
    let (calm_99, stormy_99) = (quantile(calm.clone(), 0.99), quantile(stormy.clone(), 0.99));
    section
        .figures
        .push(Figure::new("median, calm", quantile(calm, 0.5), "ms"));
    section.figures.push(Figure::new(
        "median, while 64 sign in",
        quantile(stormy, 0.5),
        "ms",
    ));
    section
        .figures
        .push(Figure::new("p99, while 64 sign in", stormy_99, "ms").over("calm", calm_99));
    section
        .figures
        .push(Figure::new("memory (PSS), calm", idle_memory, "MB"));
    #[allow(clippy::cast_precision_loss, reason = "tens")]
    let most = 20.0 + 20.0 * cores() as f64;
    section.figures.push(
        Figure::new("memory (PSS), the most, while 64 sign in", memory, "MB")
            .limit(Limit::AtMost(most)),
    );
    section.notes.push(format!(
        "meanwhile {} sign-ins were answered and {} sent away with 503, the hashing queue being {QUEUE} long; requests are sent by the clock and timed from \
         the moment they were due; the load shares the cores with the server, so the p99 is the machine's as much as ours",
        tally.signed_in, tally.busy
    ));
    Ok(section)
}

/// Milliseconds of each of `count` requests, one due every 5 ms, over 8 connections.
async fn paced(address: SocketAddr, token: &str, count: usize) -> anyhow::Result<Vec<f64>> {
    let request = Arc::new(load::get("/me", Some(token)));
    let mut tasks = JoinSet::new();
    let watch = Stopwatch::start();
    for reader in 0..READERS {
        let request = Arc::clone(&request);
        tasks.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut times = Vec::with_capacity(count / READERS + 1);
            for index in (reader..count).step_by(READERS) {
                let due = Duration::from_millis(20) + EVERY * u32::try_from(index)?;
                tokio::time::sleep_until(watch.moment(due)).await;
                let status = connection.send(&request).await?;
                ensure!(status == 200, "the guarded route answered {status}");
                times.push(watch.elapsed().saturating_sub(due).as_secs_f64() * 1000.0);
            }
            Ok(times)
        });
    }
    let mut all = Vec::with_capacity(count);
    while let Some(times) = tasks.join_next().await {
        all.extend(times??);
    }
    Ok(all)
}

/// 64 clients that sign in without a pause.
struct Storm {
    stop: Arc<AtomicBool>,
    signed_in: Arc<AtomicUsize>,
    busy: Arc<AtomicUsize>,
    tasks: JoinSet<anyhow::Result<()>>,
}

struct Tally {
    signed_in: usize,
    busy: usize,
}

impl Storm {
    async fn start(address: SocketAddr) -> anyhow::Result<Self> {
        let body = serde_json::json!({"username": USERNAME, "password": PASSWORD}).to_string();
        let request = Arc::new(load::post("/login", &body));
        let mut storm = Self {
            stop: Arc::default(),
            signed_in: Arc::default(),
            busy: Arc::default(),
            tasks: JoinSet::new(),
        };
        for _ in 0..SIGNING_IN {
            let mut connection = Connection::open(address).await?;
            let (request, stop) = (Arc::clone(&request), Arc::clone(&storm.stop));
            let (signed_in, busy) = (Arc::clone(&storm.signed_in), Arc::clone(&storm.busy));
            storm.tasks.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    match connection.send(&request).await? {
                        200 => signed_in.fetch_add(1, Ordering::Relaxed),
                        503 => {
                            // As a client that heeds Retry-After, only sooner.
                            tokio::time::sleep(Duration::from_millis(100)).await;
                            busy.fetch_add(1, Ordering::Relaxed)
                        }
                        status => anyhow::bail!("sign-in answered {status}"),
                    };
                }
                Ok(())
            });
        }
        Ok(storm)
    }

    async fn stop(mut self) -> anyhow::Result<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(done) = self.tasks.join_next().await {
            done??;
        }
        Ok(Tally {
            signed_in: self.signed_in.load(Ordering::Relaxed),
            busy: self.busy.load(Ordering::Relaxed),
        })
    }
}

/// The largest of a reading every 100 ms for as long as `count` paced requests take.
async fn most_memory(process: u32, count: usize) -> anyhow::Result<f64> {
    let watch = Stopwatch::start();
    let mut most: f64 = 0.0;
    while watch.elapsed() < EVERY * u32::try_from(count)? {
        most = most.max(pss(process)?);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(most)
}

/// The process's proportional share of memory, in megabytes.
fn pss(process: u32) -> anyhow::Result<f64> {
    let rollup = std::fs::read_to_string(
        Path::new("/proc")
            .join(process.to_string())
            .join("smaps_rollup"),
    )?;
    let line = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .context("no Pss in smaps_rollup")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024.0 / 1e6)
}

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

#[derive(Clone)]
struct App {
    accounts: Accounts,
    guard: Guard,
}

impl axum::extract::FromRef<App> for Guard {
    fn from_ref(app: &App) -> Self {
        app.guard.clone()
    }
}

/// The child's side: its address on the first line, a token on the second.
pub(crate) fn run(task: &Task) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores())
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let accounts = open(&task.folder, Hashing::default().queue(QUEUE)).await?;
        let signed_in = accounts
            .sign_in(SignIn::username(USERNAME).password(PASSWORD))
            .await?;
        let app = App {
            guard: accounts.guard(),
            accounts,
        };
        let router = Router::new()
            .route("/login", post(login))
            .route("/me", get(me))
            .with_state(app);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        child::say(&listener.local_addr()?.to_string())?;
        child::say(&signed_in.access_token)?;
        child::exit_when_told();
        axum::serve(listener, router).await.context("serving")
    })
}

async fn login(
    State(app): State<App>,
    Json(sent): Json<Credentials>,
) -> Result<String, StatusCode> {
    let sign_in = SignIn::username(sent.username).password(sent.password);
    match app.accounts.sign_in(sign_in).await {
        Ok(signed_in) => Ok(signed_in.access_token),
        Err(SignInError::Busy { .. }) => Err(StatusCode::SERVICE_UNAVAILABLE),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

async fn me(caller: Principal) -> String {
    caller.sub.clone()
}
