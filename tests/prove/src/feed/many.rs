//! Thousands of readers on one node: what they cost it, and how soon the last of them is told.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{Barrier, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::program::{Program, SETTINGS};
use super::reader::{Reader, Seen};
use crate::engine::Engine;
use crate::figures::{Millis, Stopwatch, Times, within};
use crate::memory::{self, Memory};
use crate::person::{self, PASSWORD};
use crate::server::Server;
use crate::verdict::Verdict;

/// Sign-outs that all are told of.
const TIMES: usize = 50;
/// The idle node is watched for so long.
const IDLE: Duration = Duration::from_secs(10);
/// The last of two thousand is told so soon.
const SOON: Duration = Duration::from_millis(500);
/// What a reader may cost, in KiB.
const MOST_EACH: u64 = 64;
const PATIENCE: Duration = Duration::from_secs(60);

/// So many readers at once.
pub async fn prove(engine: Engine, readers: usize) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("feed-readers", engine);
    raise_open_files();
    let server = Server::start(engine, &SETTINGS).await?;
    let process = server.process_id()?;
    let token = Program::make(&server, "readers")
        .await?
        .token(&server)
        .await?;
    person::new_account(&mut server.client(), "many").await?;
    person::new_session(&mut server.client(), "many", PASSWORD).await?;
    let alone = Memory::of(process)?;

    let (tell, mut told) = mpsc::unbounded_channel();
    let all_there = Arc::new(Barrier::new(readers + 1));
    let mut tasks = JoinSet::new();
    for _ in 0..readers {
        let reader = Reader::open(server.address(), &token, None).await?;
        tasks.spawn(read(reader, tell.clone(), Arc::clone(&all_there)));
    }
    timeout(PATIENCE, all_there.wait())
        .await
        .context("not all were told what lives")?;
    let (before, watch) = (processor_time(process)?, Stopwatch::start());
    sleep(IDLE).await;
    let idle = processor_time(process)?.saturating_sub(before);
    let idle = share(idle, watch.elapsed());
    let resident = Memory::of(process)?;

    let (before, mut times) = (processor_time(process)?, Times::default());
    for _ in 0..TIMES {
        let tokens = person::new_session(&mut server.client(), "many", PASSWORD).await?;
        let answer = server
            .client()
            .send(&person::sign_out(&tokens.access, "this"))
            .await?;
        answer.expect(204, "signing out")?;
        let watch = Stopwatch::start();
        for _ in 0..readers {
            let read = timeout(PATIENCE, told.recv())
                .await
                .context("a reader missed a sign-out")?;
            let name: anyhow::Result<String> = read.context("no reader is left")?;
            verdict.check(name? == tokens.session, || {
                "told of another session".to_owned()
            });
        }
        times.push(watch.elapsed());
    }
    let each = processor_time(process)?.saturating_sub(before) / u32::try_from(TIMES)?;
    let peak = memory::peak_resident(process)? / 1024;
    tasks.shutdown().await;
    judge(&mut verdict, readers, (alone, resident), &times);
    verdict.figures = format!(
        "{readers} readers: {alone} without them, {resident} with them, at the peak {peak} MiB; {idle:.1} % of a core while nothing happens; \
         {TIMES} sign-outs until the last had read it: {times}; {} of a core for each sign-in and sign-out",
        Millis(each)
    );
    Ok(verdict)
}

fn judge(verdict: &mut Verdict, readers: usize, (alone, with): (Memory, Memory), times: &Times) {
    let more = with.resident_mib().saturating_sub(alone.resident_mib()) * 1024;
    let each = more / (readers as u64).max(1);
    verdict.check(each <= MOST_EACH, || format!("a reader costs {each} KiB"));
    let (p99, soon) = (times.percentile(99), within(SOON));
    verdict.check(p99 <= soon, || {
        format!("the last reader is told after {}", Millis(p99))
    });
}

async fn read(
    mut reader: Reader,
    tell: mpsc::UnboundedSender<anyhow::Result<String>>,
    all_there: Arc<Barrier>,
) {
    if let Err(error) = reader.up_to_current().await {
        let _ = tell.send(Err(error));
        return;
    }
    all_there.wait().await;
    loop {
        let read = match reader.next().await {
            Ok(Seen::Revoked(name)) => Ok(name),
            Ok(_) => continue,
            Err(error) => Err(error),
        };
        let ended = read.is_err();
        if tell.send(read).is_err() || ended {
            return;
        }
    }
}

/// As many open files as the system lets this process and the server have.
fn raise_open_files() {
    let most = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: most,
        maximum: most,
    };
    let _ = setrlimit(Resource::Nofile, raised);
}

/// What a process has used of its cores so far; the kernel counts in hundredths of a second.
fn processor_time(process: u32) -> anyhow::Result<Duration> {
    let line = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, rest) = line.rsplit_once(") ").context("not a state")?;
    let mut fields = rest.split(' ').skip(11);
    let mut next =
        || -> anyhow::Result<u64> { Ok(fields.next().context("too few fields")?.parse()?) };
    let (user, system) = (next()?, next()?);
    Ok(Duration::from_millis(10 * (user + system)))
}

/// In hundredths.
fn share(used: Duration, of: Duration) -> f64 {
    100.0 * used.as_secs_f64() / of.as_secs_f64()
}
