//! Who judges the tokens: ours, `jsonwebtoken` in this process, PyJWT and jose in processes of their own.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail, ensure};
use jsonwebtoken::Validation;
use keystile::{Clock, Expected, KeySet, Trust, Verifier};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::keys::Key;
use crate::rotation;

pub(super) const ISSUER: &str = "https://id.example";
pub(super) const AUDIENCE: &str = "https://pies.example";

/// The subject that a judge reads in a token, or the name of the reason why it refuses it.
pub(super) type Judgement = Result<String, String>;

/// Ours, set up as a guard of an API is.
pub(super) fn ours(keys: &[Key]) -> Verifier {
    Verifier::new(Trust {
        issuer: Expected::from(ISSUER),
        audience: Expected::from(AUDIENCE),
        token_type: Expected::from("at+jwt"),
        keys: KeySet::new(keys.iter().map(|key| key.ours.clone())),
    })
    .clock(Clock::system())
}

pub(super) fn judged_by_us(verifier: &Verifier, token: &str) -> Judgement {
    match verifier.verify(token) {
        Ok(verified) => Ok(verified.claims().sub.clone()),
        Err(refusal) => Err(refusal.code().to_owned()),
    }
}

/// `jsonwebtoken`, the key chosen by the header's `kid`, or by its `alg` where it names none.
pub(super) fn judged_by_jsonwebtoken(keys: &[Key], token: &str) -> Judgement {
    let named = |error: jsonwebtoken::errors::Error| {
        let name = format!("{:?}", error.kind());
        name.split(['(', ' ']).next().unwrap_or_default().to_owned()
    };
    let header = jsonwebtoken::decode_header(token).map_err(named)?;
    let key = keys
        .iter()
        .find(|key| match &header.kid {
            Some(id) => key.id == id,
            None => key.theirs.0 == header.alg,
        })
        .ok_or("no key")?;
    let (algorithm, decoding) = &key.theirs;
    let mut validation = Validation::new(*algorithm);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = 0;
    let read = jsonwebtoken::decode::<Value>(token, decoding, &validation).map_err(named)?;
    Ok(read.claims["sub"].as_str().unwrap_or_default().to_owned())
}

/// A program that judges lists of tokens.
pub(super) struct Program {
    pub(super) name: &'static str,
    tokens: ChildStdin,
    verdicts: Lines<BufReader<ChildStdout>>,
    process: Child,
}

/// The scripts as arguments, as [rotation](crate::rotation) gives its own.
const PYTHON: [&str; 2] = ["-c", include_str!("judge.py")];
const NODE: [&str; 3] = ["--input-type=module", "--eval", include_str!("judge.mjs")];

/// PyJWT and jose, or neither where they are absent.
pub(super) async fn programs(keys: &[Key]) -> anyhow::Result<Vec<Program>> {
    let Ok(folder) = rotation::interop_folder() else {
        return Ok(Vec::new());
    };
    let python = folder.join("venv/bin/python");
    let mut programs = Vec::new();
    for (name, program, script) in [
        ("PyJWT", python.as_path(), &PYTHON[..]),
        ("jose", Path::new("node"), &NODE[..]),
    ] {
        let mut command = Command::new(program);
        command.args(script).current_dir(&folder);
        let started = Program::start(name, command, keys).await;
        programs.push(started.with_context(|| program.display().to_string())?);
    }
    Ok(programs)
}

impl Program {
    async fn start(name: &'static str, mut command: Command, keys: &[Key]) -> anyhow::Result<Self> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let verdicts = process.stdout.take().context("a piped standard output")?;
        let mut program = Self {
            name,
            tokens: process.stdin.take().context("a piped standard input")?,
            verdicts: BufReader::new(verdicts).lines(),
            process,
        };
        let keys: Vec<&Value> = keys.iter().map(|key| &key.jwk).collect();
        program
            .write(&json!({"keys": keys, "issuer": ISSUER, "audience": AUDIENCE}))
            .await?;
        Ok(program)
    }

    /// One line, ASCII only: what ends a line is not the same for everybody.
    async fn write(&mut self, value: &Value) -> anyhow::Result<()> {
        let mut line = String::new();
        for character in value.to_string().chars() {
            if character.is_ascii() {
                line.push(character);
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(line, "\\u{unit:04x}")?;
                }
            }
        }
        line.push('\n');
        self.tokens
            .write_all(line.as_bytes())
            .await
            .with_context(|| format!("{} has ended", self.name))
    }

    /// Hands it a list of tokens.
    pub(super) async fn send(&mut self, tokens: &Value) -> anyhow::Result<()> {
        self.write(tokens).await
    }

    /// Of each token that was sent last, in their order.
    pub(super) async fn answers(&mut self, sent: usize) -> anyhow::Result<Vec<Judgement>> {
        let Some(line) = self.verdicts.next_line().await? else {
            bail!("{} ended: {}", self.name, self.process.wait().await?);
        };
        let answers: Vec<String> = serde_json::from_str(&line)?;
        ensure!(answers.len() == sent, "{} lost a token", self.name);
        Ok(answers.into_iter().map(read).collect())
    }
}

fn read(answer: String) -> Judgement {
    match answer.strip_prefix('=') {
        Some(subject) => Ok(subject.to_owned()),
        None => Err(answer),
    }
}
