//! Runs the binary in a folder of its own, with nothing of the test's environment.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A folder to run in.
pub(crate) struct Folder(pub(crate) TempDir);

/// What a command said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn worked(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.err);
        self
    }

    /// It failed, in one message.
    #[track_caller]
    pub(crate) fn failed(self, part: &str) -> Self {
        assert_eq!(self.code, 1, "{}{}", self.out, self.err);
        assert!(self.err.contains(part), "{}", self.err);
        // That a database was made is said before it.
        let fault = self.err.lines().find(|line| !line.starts_with("Made "));
        assert!(
            fault.is_some_and(|line| line.starts_with("keystile: "))
                && !self.err.contains("panicked"),
            "{}",
            self.err
        );
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("not JSON: {}", self.out))
    }
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keystile"));
        command
            .args(line.split(' ').filter(|word| !word.is_empty()))
            .current_dir(self.0.path())
            .env_clear();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, line: &str) -> Said {
        self.run_with(line, "")
    }

    pub(crate) fn run_with(&self, line: &str, input: &str) -> Said {
        finish(self.command(line), input)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).expect("a file");
    }

    /// Starts `serve` on a free port and waits until it has said where.
    pub(crate) fn serve(&self, flags: &str) -> Serving {
        Serving::start(self.command(&format!("serve --listen 127.0.0.1:0 {flags}")))
    }
}

pub(crate) fn finish(mut command: Command, input: &str) -> Said {
    let mut child = command.spawn().expect("the binary");
    // A command that reads nothing may have ended already.
    let _ = child
        .stdin
        .take()
        .expect("its input")
        .write_all(input.as_bytes());
    let output = child.wait_with_output().expect("its end");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said {
        code: output.status.code().unwrap_or(-1),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// A running server.
pub(crate) struct Serving {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) welcome: String,
    out: BufReader<std::process::ChildStdout>,
}

impl Serving {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the binary");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut welcome = String::new();
        while !welcome.contains("ends the server") {
            if out.read_line(&mut welcome).expect("its output") == 0 {
                let said = child.wait_with_output().expect("its end");
                panic!("it ended: {}", String::from_utf8_lossy(&said.stderr));
            }
        }
        let address = welcome
            .split_once("listens on ")
            .and_then(|(_, rest)| rest.lines().next());
        let address = address
            .and_then(|url| url.split_once("://"))
            .expect("an address")
            .1;
        Self {
            address: address.parse().expect("an address"),
            child,
            welcome,
            out,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// One request by hand; the status and the body.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        ask(self.address, method, path, headers, body)
    }

    pub(crate) fn sign_in(&self, username: &str) -> (u16, Value) {
        let body = serde_json::json!({ "username": username, "password": PASSWORD }).to_string();
        let (status, body) = self.ask(
            "POST",
            "/v1/login",
            "content-type: application/json\r\n",
            &body,
        );
        (status, serde_json::from_str(&body).expect("JSON"))
    }

    /// What `GET /v1/me` says of a token. On a busy machine a server may not know for a moment what is revoked: it says 503 and
    /// when to come again, and is asked again.
    pub(crate) fn me(&self, token: &str) -> u16 {
        let since = Instant::now();
        loop {
            let status = self.me_at_once(token);
            if status != 503 || since.elapsed() > Duration::from_secs(20) {
                return status;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The same, asked once.
    pub(crate) fn me_at_once(&self, token: &str) -> u16 {
        self.ask(
            "GET",
            "/v1/me",
            &format!("authorization: Bearer {token}\r\n"),
            "",
        )
        .0
    }

    /// Sends SIGTERM, waits, and returns the exit code, the time it took, and the log.
    pub(crate) fn end(mut self) -> (i32, Duration, String) {
        let since = Instant::now();
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).expect("an id"));
        rustix::process::kill_process(pid.expect("an id"), rustix::process::Signal::TERM)
            .expect("a signal");
        let mut log = String::new();
        self.child
            .stderr
            .take()
            .expect("its log")
            .read_to_string(&mut log)
            .expect("its log");
        self.out
            .read_to_string(&mut self.welcome)
            .expect("its output");
        let status = self.child.wait().expect("its end");
        (status.code().unwrap_or(-1), since.elapsed(), log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let length = body.len();
    let wire = format!(
        "{method} {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(wire.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .expect("a status");
    let body = answer.split_once("\r\n\r\n").expect("a body").1.to_owned();
    (status, body)
}
