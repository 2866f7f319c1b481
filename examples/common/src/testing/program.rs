//! The example's own binary, started as its user starts it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{Answer, Request, send};

/// A running example. It is stopped when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it printed before it listened: the demonstration's secrets and calls.
    pub printed: String,
}

impl Program {
    /// Starts `binary` in `folder` with only these environment variables, and waits until it listens on a free port.
    pub fn start(
        binary: &str,
        folder: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut child = command(binary, folder, arguments, environment)
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut printed = String::new();
        let address = loop {
            let line = lines
                .next()
                .expect("it says where it listens")
                .expect("text");
            if let Some(address) = line.strip_prefix("Listening on http://") {
                break address.parse().expect("an address");
            }
            printed += &line;
            printed.push('\n');
        };
        Self {
            child,
            address,
            printed,
        }
    }

    /// Sends one request to it.
    pub fn send(&self, request: Request<'_>) -> Answer {
        send(self.address, request)
    }

    /// `GET` of this path.
    pub fn get(&self, path: &str, authorization: Option<&str>) -> Answer {
        super::get(self.address, path, authorization)
    }

    /// `POST` of JSON to this path.
    pub fn post(&self, path: &str, authorization: Option<&str>, json: &str) -> Answer {
        super::post(self.address, path, authorization, json)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `binary` to its end with `input` on its standard input. Returns whether it succeeded, its output and its errors.
pub fn run(
    binary: &str,
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
    input: &str,
) -> (bool, String, String) {
    let mut child = command(binary, folder, arguments, environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example starts");
    // A program that refuses to start reads no input.
    let _ = child
        .stdin
        .take()
        .expect("its input")
        .write_all(input.as_bytes());
    let (mut output, mut errors) = (String::new(), String::new());
    child
        .stdout
        .take()
        .expect("its output")
        .read_to_string(&mut output)
        .expect("text");
    child
        .stderr
        .take()
        .expect("its errors")
        .read_to_string(&mut errors)
        .expect("text");
    (child.wait().expect("it ends").success(), output, errors)
}

fn command(
    binary: &str,
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Command {
    let mut command = Command::new(binary);
    command
        .current_dir(folder)
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied());
    command
}
