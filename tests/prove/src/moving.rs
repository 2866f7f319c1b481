//! A move from SQLite to PostgreSQL: many accounts with their sessions, how fast, with how much memory, and who goes on.

mod seed;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::time::sleep;

use crate::client::{Client, Request};
use crate::engine::{Engine, Place};
use crate::figures::Stopwatch;
use crate::memory::peak_resident;
use crate::person::{self, PASSWORD, Tokens};
use crate::server::Server;
use crate::verdict::Verdict;

/// What the move may occupy, however much is moved, in KiB.
const MOST_MEMORY: u64 = 64 * 1024;

/// What is signed in before the move, over HTTP.
struct Before {
    /// Rotated twice.
    chain: [Tokens; 3],
    /// Never rotated.
    fresh: Tokens,
    signed_out: Tokens,
}

/// Moves so many accounts with two sessions each.
pub async fn prove(accounts: u32) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("move", Engine::Postgres);
    let mut server = Server::start(Engine::Sqlite, &[]).await?;
    let before = sign_in_before(&mut server.client()).await?;
    server.kill().await?;
    let file = server.data().join("keystile.db");
    eprintln!("seeding {accounts} accounts with their sessions");
    let known = seed::fill(&file, accounts)?;
    let mebibytes = std::fs::metadata(&file)?.len() / (1024 * 1024);

    let place = Place::new(Engine::Postgres)?;
    let moved = run(&server, &file, &place).await?;
    server.stand_on(place);
    server.restart().await?;
    let gone_on = after(&mut server.client(), &before, &known, &mut verdict).await?;
    verdict.check(moved.accounts == u64::from(accounts) + 1, || {
        format!("{} accounts came", moved.accounts)
    });
    verdict.check(moved.peak <= MOST_MEMORY, || {
        format!("{} KiB of memory, {MOST_MEMORY} allowed", moved.peak)
    });
    let seconds = moved.took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = moved.rows as f64 / seconds;
    verdict.figures = format!(
        "{accounts} accounts, {} sessions, {} rows ({mebibytes} MiB) moved, read back and compared in {seconds:.1} s: {rate:.0} rows/s; \
         peak memory {} MiB; {gone_on} refresh tokens from before go on, the replay and the signed-out one are refused",
        moved.sessions,
        moved.rows,
        moved.peak / 1024,
    );
    Ok(verdict)
}

async fn sign_in_before(client: &mut Client) -> anyhow::Result<Before> {
    person::new_account(client, "ada").await?;
    let first = person::new_session(client, "ada", PASSWORD).await?;
    let second = person::rotate(client, &first.refresh).await?;
    let third = person::rotate(client, &second.refresh).await?;
    let fresh = person::new_session(client, "ada", PASSWORD).await?;
    let signed_out = person::new_session(client, "ada", PASSWORD).await?;
    let sign_out = person::sign_out(&signed_out.access, "this");
    client.send(&sign_out).await?.expect(204, "signing out")?;
    Ok(Before {
        chain: [first, second, third],
        fresh,
        signed_out,
    })
}

struct Moved {
    took: Duration,
    rows: u64,
    accounts: u64,
    sessions: u64,
    /// In KiB.
    peak: u64,
}

/// Runs the command, whose own lines tell how far it is.
async fn run(server: &Server, file: &Path, to: &Place) -> anyhow::Result<Moved> {
    let from = format!("sqlite://{}", file.display());
    let mut command = server.command_at(to, &["migrate-database", "--json", "--from", &from]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let watch = Stopwatch::start();
    let mut process = command.spawn().context("starting the move")?;
    let id = process.id().context("the move has no id")?;
    let mut peak = 0;
    let status = loop {
        if let Some(status) = process.try_wait()? {
            break status;
        }
        // The last look is a moment before the end, when nothing is read any more.
        peak = peak_resident(id).unwrap_or(peak);
        sleep(Duration::from_millis(5)).await;
    };
    let took = watch.elapsed();
    ensure!(status.success(), "the move failed: {status}");
    let mut said = String::new();
    let mut out = process.stdout.take().context("its answer")?;
    out.read_to_string(&mut said).await?;
    let said: Value = serde_json::from_str(&said)?;
    let number = |value: &Value| value.as_u64().context("a number of rows");
    Ok(Moved {
        took,
        rows: number(&said["rows"])?,
        accounts: number(&said["tables"]["account"])?,
        sessions: number(&said["tables"]["session"])?,
        peak,
    })
}

/// Tries what there was before; how many refresh tokens go on.
async fn after(
    client: &mut Client,
    before: &Before,
    known: &[String],
    verdict: &mut Verdict,
) -> anyhow::Result<usize> {
    let [first, _, third] = &before.chain;
    for (request, status, what) in [
        (person::me(&before.fresh.access), 200, "an access token"),
        (
            person::me(&third.access),
            200,
            "a rotated session's access token",
        ),
        (
            person::me(&before.signed_out.access),
            401,
            "a signed-out access token",
        ),
        (
            person::refresh(&before.signed_out.refresh),
            401,
            "a signed-out refresh token",
        ),
        (person::sign_in("ada", PASSWORD), 200, "the password"),
    ] {
        expect(client, &request, status, what, verdict).await?;
    }
    let living = [&before.fresh.refresh, &third.refresh];
    let mut gone_on = 0;
    for token in living.into_iter().chain(known) {
        let request = person::refresh(token);
        gone_on += usize::from(expect(client, &request, 200, "a refresh token", verdict).await?);
    }
    // Two rotations ago, so that it is no repetition: a thief's. The session is over then, and its tokens too.
    expect(
        client,
        &person::refresh(&first.refresh),
        401,
        "a replay",
        verdict,
    )
    .await?;
    expect(
        client,
        &person::me(&third.access),
        401,
        "what a replay ended",
        verdict,
    )
    .await?;
    Ok(gone_on)
}

async fn expect(
    client: &mut Client,
    request: &Request,
    status: u16,
    what: &str,
    verdict: &mut Verdict,
) -> anyhow::Result<bool> {
    let found = person::patiently(client, request).await?.status;
    verdict.check(found == status, || format!("{what} from before: {found}"));
    Ok(found == status)
}
