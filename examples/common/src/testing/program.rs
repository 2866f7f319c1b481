//! The example's own binary, started as its user starts it.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use super::{Answer, Request, send};

/// A running example. It is stopped when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it printed before it listened: the demonstration's secrets and calls.
    pub printed: String,
    /// What it printed since, and its errors.
    said: [Option<JoinHandle<String>>; 2],
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
            .stderr(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let errors = collect(child.stderr.take().expect("its errors"));
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut printed = String::new();
        let address = loop {
            let mut line = String::new();
            if output.read_line(&mut line).expect("text") == 0 {
                let errors = errors.join().expect("its errors");
                panic!("it ended before it listened: {errors}");
            }
            if let Some(address) = line.strip_prefix("Listening on http://") {
                break address.trim_end().parse().expect("an address");
            }
            printed += &line;
        };
        Self {
            child,
            address,
            printed,
            said: [Some(collect(output)), Some(errors)],
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

    /// Asks it to stop, as Ctrl-C does, and waits until it did. Returns whether it ended well, and all that it printed.
    pub fn stop(mut self) -> (bool, String) {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-INT", &id]).status();
        assert!(told.expect("kill runs").success());
        let well = self.child.wait().expect("it ends").success();
        let said = self.said.each_mut().map(|it| {
            let collected = it.take().map(JoinHandle::join);
            collected.expect("collected once").expect("text")
        });
        (well, self.printed.clone() + &said.concat())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads to the end beside the test, so that the program never waits for a reader.
fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).expect("text");
        text
    })
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
    let output = child.wait_with_output().expect("it ends");
    let [printed, errors] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text"));
    (output.status.success(), printed, errors)
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
