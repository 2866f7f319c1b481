//! Verifiers that are not ours, and keep the key set: `PyJWT` and `jose`, with the scripts of the server's own tests.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

use super::tally::{Tally, Token};
use super::{LIFE, MAX_AGE};
use crate::binary;
use crate::nodes::Nodes;
use crate::server::Server;

/// A process that says of each token whether it is good.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) name: String,
    tokens: ChildStdin,
    verdicts: Lines<BufReader<ChildStdout>>,
    process: Child,
}

/// The scripts as arguments. In a file beside the libraries one would be empty for a moment while it is written for the next
/// verifier: an interpreter that finds an empty script ends well and says nothing.
const PYTHON: [&str; 2] = [
    "-c",
    include_str!("../../../../crates/keystile-server/tests/interop/watch.py"),
];
/// The last stands for the file's name, which a script's arguments follow.
const NODE: [&str; 4] = [
    "--input-type=module",
    "--eval",
    include_str!("../../../../crates/keystile-server/tests/interop/watch.mjs"),
    "script",
];

/// Both for each node, from which they take the keys.
pub(super) fn beside(nodes: &Nodes) -> anyhow::Result<Vec<Verifier>> {
    let folder = folder()?;
    let python = folder.join("venv/bin/python");
    let mut verifiers = Vec::new();
    for node in nodes.all() {
        for (name, program, script) in [
            ("PyJWT", python.as_path(), &PYTHON[..]),
            ("jose", Path::new("node"), &NODE[..]),
        ] {
            let mut command = Command::new(program);
            command.args(script).current_dir(&folder);
            let verifier = Verifier::start(name, command, node);
            verifiers.push(verifier.with_context(|| program.display().to_string())?);
        }
    }
    Ok(verifiers)
}

/// Where the server's tests keep them.
pub(crate) fn folder() -> anyhow::Result<PathBuf> {
    let profile = binary::profile_folder()?;
    let folder = profile
        .parent()
        .context("no target folder")?
        .join("interop");
    let here = folder.join("venv/bin/python").exists() && folder.join("node_modules/jose").exists();
    ensure!(
        here,
        "PyJWT and jose are absent; run crates/keystile-server/tests/interop/setup"
    );
    Ok(folder)
}

impl Verifier {
    fn start(name: &str, mut command: Command, node: &Server) -> anyhow::Result<Self> {
        let keys = format!("http://{}", node.address());
        let mut process = command
            .args([node.issuer(), MAX_AGE, &keys])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let verdicts = process.stdout.take().context("a piped standard output")?;
        Ok(Self {
            name: format!("{name}/{}", node.name()),
            tokens: process.stdin.take().context("a piped standard input")?,
            verdicts: BufReader::new(verdicts).lines(),
            process,
        })
    }

    /// `ok`, or why not.
    pub(super) async fn judge(&mut self, token: &str) -> anyhow::Result<String> {
        let sent = self.tokens.write_all(format!("{token}\n").as_bytes()).await;
        let verdict = match sent {
            Ok(()) => self.verdicts.next_line().await?,
            Err(_) => None,
        };
        match verdict {
            Some(verdict) => Ok(verdict),
            None => bail!("{} ended: {}", self.name, self.process.wait().await?),
        }
    }

    /// All that come; those that were too long on their way are not judged.
    pub(super) async fn judge_all(
        mut self,
        number: usize,
        mut tokens: mpsc::Receiver<Arc<Token>>,
        tally: Arc<Tally>,
    ) -> anyhow::Result<Self> {
        while let Some(token) = tokens.recv().await {
            let verdict = self.judge(&token.text).await?;
            // Two seconds for the whole seconds in which a token counts.
            if token.since.elapsed().as_secs() + 2 < LIFE.as_secs() {
                tally.judged(number, &token, &verdict);
            } else {
                tally.late();
            }
        }
        Ok(self)
    }
}
