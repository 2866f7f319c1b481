//! The server as a process: started, watched, killed, started again on the same folder.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::binary;
use crate::client::{Client, Request};
use crate::database::Database;
use crate::engine::{Engine, Place};
use crate::figures::Stopwatch;

/// The longest that a start may take before the proof gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a command says whose patience ended: it waited for the lock of SQLite's, and did nothing, or PostgreSQL did not
/// answer it, and may have done it or not.
const GAVE_UP: [&str; 2] = [
    "the database is locked by another process",
    "the database did not answer in time",
];

/// By which the connections of a command beside the server are known in the database.
pub const COMMAND: &str = "command";

/// How a command beside the server ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// It waited for another for too long, and nobody can tell what it did; else it did what it was asked.
    pub gave_up: bool,
    /// Started when the command ended.
    pub since: Stopwatch,
}

/// The server and its data folder; both end with it. On PostgreSQL it is a node: others may stand on its database.
#[derive(Debug)]
pub struct Server {
    binary: PathBuf,
    folder: tempfile::TempDir,
    place: Place,
    /// By which its connections are known in the database.
    name: String,
    /// What all nodes on one database call themselves.
    issuer: String,
    settings: Vec<(&'static str, &'static str)>,
    address: SocketAddr,
    process: Option<Child>,
}

impl Server {
    /// Starts a server on a new database and waits until it is ready. Settings are environment variables;
    /// the guessing limits are off, since the proofs sign in more often than people do.
    pub async fn start(
        engine: Engine,
        settings: &[(&'static str, &'static str)],
    ) -> anyhow::Result<Self> {
        Self::start_at(Place::new(engine)?, settings).await
    }

    /// The same on a database that is there.
    pub async fn start_at(
        place: Place,
        settings: &[(&'static str, &'static str)],
    ) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut server = Self {
            binary: binary::server()?,
            folder: tempfile::tempdir()?,
            place,
            name: "node1".to_owned(),
            issuer: format!("http://{address}"),
            settings: settings.to_vec(),
            address,
            process: None,
        };
        server.settings.push(("KEYSTILE_LIMITS__GUESSING", "false"));
        // Tokens of one person are counted on by the thousand.
        server.settings.push(("KEYSTILE_SESSIONS__LIMIT", "10000"));
        server.settings.push(("KEYSTILE_LOG__LEVEL", "warn"));
        server.restart().await?;
        Ok(server)
    }

    /// Starts another node on the same database, with the same settings: the `number`th. Only PostgreSQL has more than one.
    pub async fn beside(&self, number: usize) -> anyhow::Result<Self> {
        self.beside_over(self.place.clone(), number).await
    }

    /// The same, by another way to that database.
    pub async fn beside_over(&self, place: Place, number: usize) -> anyhow::Result<Self> {
        ensure!(
            self.engine() == Engine::Postgres,
            "SQLite's file has one server"
        );
        let mut server = Self {
            binary: self.binary.clone(),
            folder: tempfile::tempdir()?,
            place,
            name: format!("node{number}"),
            issuer: self.issuer.clone(),
            settings: self.settings.clone(),
            address: free_address()?,
            process: None,
        };
        server.restart().await?;
        Ok(server)
    }

    /// Stands on another database from its next start on.
    pub fn stand_on(&mut self, place: Place) {
        self.place = place;
    }

    /// Starts it again on the same folder and address; the time until it is ready.
    pub async fn restart(&mut self) -> anyhow::Result<Duration> {
        let log = self.folder.path().join("server.log");
        let log = File::options().create(true).append(true).open(log)?;
        let mut command = self.command(
            &self.name,
            &["serve", "--listen", &self.address.to_string()],
        );
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let watch = Stopwatch::start();
        self.process = Some(command.spawn().context("starting the server")?);
        while !self.is_ready().await {
            self.still_running()?;
            ensure!(
                watch.elapsed() < PATIENCE,
                "not ready: {}",
                self.last_words()
            );
            sleep(Duration::from_millis(1)).await;
        }
        Ok(watch.elapsed())
    }

    async fn is_ready(&self) -> bool {
        let answer = self.client().send(&Request::get("/readyz")).await;
        answer.is_ok_and(|answer| answer.status == 200)
    }

    fn still_running(&mut self) -> anyhow::Result<()> {
        let process = self
            .process
            .as_mut()
            .context("the server was never started")?;
        if let Some(status) = process.try_wait()? {
            bail!("the server ended ({status}): {}", self.last_words());
        }
        Ok(())
    }

    /// The end of the server's log.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("server.log"));
        let log = log.unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// `kill -9`, and the process is gone.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill().await.context("killing the server")?;
        }
        Ok(())
    }

    /// Sends a signal to its process.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = Pid::from_raw(i32::try_from(self.process_id()?)?);
        Ok(kill_process(id.context("no process has this id")?, signal)?)
    }

    /// Asks it to end, and waits until it has; how long that took.
    pub async fn end(&mut self) -> anyhow::Result<Duration> {
        let watch = Stopwatch::start();
        self.signal(Signal::TERM)?;
        let process = self.process.as_mut().context("the server is not running")?;
        let status = timeout(PATIENCE, process.wait()).await??;
        self.process = None;
        ensure!(
            status.success(),
            "it ended with {status}: {}",
            self.last_words()
        );
        Ok(watch.elapsed())
    }

    /// A new connection to it.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The engine that it stands on.
    pub fn engine(&self) -> Engine {
        self.place.engine()
    }

    /// Where its database is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// By which its connections are known in the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The issuer of its tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A reader of its database.
    pub async fn database(&self) -> anyhow::Result<Database> {
        Database::open(&self.place, &self.data()).await
    }

    /// Its process id.
    pub fn process_id(&self) -> anyhow::Result<u32> {
        let process = self.process.as_ref().and_then(Child::id);
        process.context("the server is not running")
    }

    /// The program with this server's settings, and another database.
    pub fn command_at(&self, place: &Place, arguments: &[&str]) -> Command {
        let mut command = self.command(COMMAND, arguments);
        command.env("KEYSTILE_DATABASE", place.url(COMMAND, &self.data()));
        command
    }

    /// The program with this server's settings and database, under that name, and nothing from the caller's environment.
    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .env_clear()
            .env("KEYSTILE_DATA", self.data())
            .env("KEYSTILE_DATABASE", self.place.url(name, &self.data()))
            .env("KEYSTILE_ISSUER", &self.issuer)
            .envs(self.settings.iter().copied())
            .current_dir(self.folder.path())
            .kill_on_drop(true);
        command
    }

    /// Runs a command beside the server, with its data folder, and waits for its success.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        self.run_with_input(arguments, "").await.map(drop)
    }

    /// The same, with a line of standard input; what it printed.
    pub async fn run_with_input(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let mut command = self.command(COMMAND, arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().context("starting a command")?;
        if let Some(mut stdin) = process.stdin.take() {
            // A command that reads nothing may be gone before this is written.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let output = process.wait_with_output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "`keystile {}`: {}: {said}",
            arguments.join(" "),
            output.status
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Starts a command beside the server; its task fails where the command fails, unless that waited for the database for too long.
    pub fn spawn(&self, arguments: &[&str]) -> anyhow::Result<JoinHandle<anyhow::Result<Ended>>> {
        let mut command = self.command(COMMAND, arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let process = command.spawn().context("starting a command")?;
        let line = arguments.join(" ");
        Ok(tokio::spawn(async move {
            let output = process.wait_with_output().await?;
            let since = Stopwatch::start();
            let said = String::from_utf8_lossy(&output.stderr);
            let gave_up = !output.status.success() && GAVE_UP.iter().any(|way| said.contains(way));
            ensure!(
                output.status.success() || gave_up,
                "`keystile {line}`: {}: {said}",
                output.status
            );
            Ok(Ended { gave_up, since })
        }))
    }

    /// Waits until every thread of the server sleeps: whatever it was sent has come as far as it can.
    pub async fn wait_until_idle(&self) -> anyhow::Result<()> {
        let tasks = PathBuf::from(format!("/proc/{}/task", self.process_id()?));
        let watch = Stopwatch::start();
        let mut calm = 0;
        while calm < 4 {
            ensure!(
                watch.elapsed() < PATIENCE,
                "the server does not come to rest"
            );
            sleep(Duration::from_millis(3)).await;
            calm = if all_asleep(&tasks)? { calm + 1 } else { 0 };
        }
        Ok(())
    }
}

/// Whether no thread runs or waits for a core or a disk.
fn all_asleep(tasks: &Path) -> anyhow::Result<bool> {
    for task in std::fs::read_dir(tasks)? {
        // A thread may end between being listed and being read.
        let Ok(line) = std::fs::read_to_string(task?.path().join("stat")) else {
            continue;
        };
        let state = line
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next());
        if state != Some('S') {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A loopback port below those that the kernel gives to outgoing connections: it stays free over a restart.
fn free_address() -> anyhow::Result<SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 100)? * 97;
    for _ in 0..2_000 {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + (start.wrapping_add(step)) % 12_000;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no free port from 20000 to 32000");
}
