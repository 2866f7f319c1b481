//! Guards in processes of their own, each following the feed of one node.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::program::Program;
use crate::binary;
use crate::client::{Client, Request};
use crate::figures::Stopwatch;
use crate::guarded::GUARDED;
use crate::server::Server;

const PATIENCE: Duration = Duration::from_secs(30);

/// A service in a process of its own, and a connection to it. It ends with this.
#[derive(Debug)]
pub struct GuardProcess {
    _process: Child,
    client: Client,
}

impl GuardProcess {
    /// Trusts the issuer of this server's tokens, and reads the feed of this very node. Returns once it knows what is revoked.
    pub async fn start(server: &Server, program: &Program) -> anyhow::Result<Self> {
        let feed = format!("http://{}/v1/revocations", server.address());
        let mut process = Command::new(binary::profile_folder()?.join("prove"))
            .args(["guard", "--issuer", server.issuer(), "--feed", &feed])
            .env_clear()
            .envs(program.credentials())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting a guard")?;
        let said = process.stdout.take().context("its output was piped")?;
        let mut line = String::new();
        timeout(PATIENCE, BufReader::new(said).read_line(&mut line)).await??;
        let address = line.trim_end().strip_prefix("Listening on http://");
        let address: SocketAddr = address.context("the guard did not start")?.parse()?;
        let mut client = Client::new(address);
        client.connect().await?;
        Ok(Self {
            _process: process,
            client,
        })
    }

    /// Takes this token.
    pub async fn takes(&mut self, access: &str) -> anyhow::Result<()> {
        let answer = self.client.send(&ask(access)).await?;
        answer.expect(200, "asking a guard").map(|_| ())
    }

    /// Asks until the token is refused; when that was.
    pub async fn refuses(&mut self, access: &str, watch: Stopwatch) -> anyhow::Result<Duration> {
        let request = ask(access);
        let since = Stopwatch::start();
        loop {
            let answer = self.client.send(&request).await?;
            if answer.status == 401 {
                return Ok(watch.elapsed());
            }
            answer.expect(200, "asking a guard")?;
            ensure!(since.elapsed() < PATIENCE, "a guard does not refuse it");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn ask(access: &str) -> Request {
    Request::get(GUARDED).bearer(access)
}
