//! The measured side runs in a process of its own, so that what is counted is the server and not the load.
//!
//! The benchmark starts its own binary again with `--child`, writes the role as one line of JSON to its standard
//! input, reads one line from its standard output, and ends it by closing its standard input: a normal exit, which
//! the counting tools need to write their results.

use std::io::{BufRead, Read, Write};
use std::net::SocketAddr;
use std::process::Stdio;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::machine::{pin_to_core, use_all_cores};
use crate::{refresh, refresh_postgres, server, sign_in, storm};

/// What a child process is started to be.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// A server with one route; the line it answers is its address.
    Serve(server::Route),
    /// Refreshes and says the seconds it took.
    Refresh(refresh::Task),
    /// The same on PostgreSQL.
    RefreshPostgres(refresh_postgres::Task),
    /// Signs in and says the rates.
    SignIn(sign_in::Task),
    /// A server with sign-in and a guarded route.
    Storm(storm::Task),
}

/// A running child.
pub(crate) struct Running {
    process: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// Starts the benchmark's own binary in `role`, under `wrapper` (a counting tool and its arguments), if any.
    pub(crate) async fn start(wrapper: &[String], role: &Role) -> anyhow::Result<Self> {
        let binary = std::env::current_exe().context("finding the benchmark's own binary")?;
        let mut command = match wrapper.split_first() {
            Some((tool, arguments)) => {
                let mut command = Command::new(tool);
                command.args(arguments).arg(binary);
                command
            }
            None => Command::new(binary),
        };
        command
            .arg("--child")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        if !wrapper.is_empty() {
            command.stderr(Stdio::null());
        }
        let mut process = command.spawn().context("starting the measured process")?;
        let mut stdin = process.stdin.take().context("no standard input")?;
        let stdout = process.stdout.take().context("no standard output")?;
        stdin
            .write_all(format!("{}\n", serde_json::to_string(role)?).as_bytes())
            .await?;
        stdin.flush().await?;
        Ok(Self {
            process,
            stdin,
            lines: BufReader::new(stdout).lines(),
        })
    }

    /// The next line the child writes.
    pub(crate) async fn line(&mut self) -> anyhow::Result<String> {
        self.lines
            .next_line()
            .await?
            .context("the measured process ended early; run it alone to see why")
    }

    /// The address a server answers with.
    pub(crate) async fn address(&mut self) -> anyhow::Result<SocketAddr> {
        Ok(self.line().await?.parse()?)
    }

    /// The process id; of the wrapper, where there is one.
    pub(crate) fn id(&self) -> anyhow::Result<u32> {
        self.process.id().context("the measured process has ended")
    }

    /// Closes its standard input and waits for its normal exit.
    pub(crate) async fn finish(mut self) -> anyhow::Result<()> {
        drop(self.stdin);
        let status = self.process.wait().await?;
        ensure!(status.success(), "the measured process failed: {status}");
        Ok(())
    }
}

/// The child's own `main`.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    use_all_cores();
    match serde_json::from_str(&line)? {
        Role::Serve(route) => {
            pin_to_core(0);
            server::serve(&route)
        }
        Role::Refresh(task) => refresh::run(&task),
        Role::RefreshPostgres(task) => refresh_postgres::run(&task),
        Role::SignIn(task) => sign_in::run(&task),
        Role::Storm(task) => storm::run(&task),
    }
}

/// Tells the parent one line.
pub(crate) fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

/// Exits the process when the parent closes its end.
pub(crate) fn exit_when_told() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}
