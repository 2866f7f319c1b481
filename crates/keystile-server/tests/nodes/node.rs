//! A node: the real binary on a database, and a client of it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// What every node calls itself.
const ISSUER: &str = "https://login.example.com";
/// The setting of nodes whose database is to be silent: requests wait for it for less long than by default.
pub(crate) const PATIENCE: [(&str, &str); 1] = [("KEYSTILE_POSTGRES__TIMEOUT", "2s")];
/// How long a debug build may take from its start to its readiness on a busy machine.
const START: Duration = Duration::from_secs(60);
/// The longest that any answer may take: the server's own cap, and a little.
const LONGEST: Duration = Duration::from_secs(35);

/// A running `keystile serve`.
pub(crate) struct Node {
    child: Child,
    pub(crate) address: SocketAddr,
    folder: TempDir,
}

impl Node {
    /// Starts a node on this database, and waits until it is ready. Limits on guessing are off unless said otherwise.
    pub(crate) fn start(url: &str, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let address = free_address();
        let log = File::create(folder.path().join("log")).expect("a log");
        let child = Command::new(env!("CARGO_BIN_EXE_keystile"))
            .args(["serve", "--listen", &address.to_string()])
            .current_dir(folder.path())
            .env_clear()
            .env("KEYSTILE_DATABASE", url)
            .env("KEYSTILE_ISSUER", ISSUER)
            .env("KEYSTILE_LIMITS__GUESSING", "false")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the binary");
        let mut node = Self {
            child,
            address,
            folder,
        };
        node.wait_until_ready();
        node
    }

    fn wait_until_ready(&mut self) {
        let since = Instant::now();
        while !self.is_ready() {
            let ended = self.child.try_wait().expect("a child's state");
            assert!(ended.is_none(), "it ended with {ended:?}: {}", self.log());
            assert!(since.elapsed() < START, "not ready: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        let answer =
            Connection::open(self.address).and_then(|mut to| to.ask("GET", "/readyz", "", None));
        answer.is_ok_and(|answer| answer.status == 200)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("an id");
        kill_process(Pid::from_raw(id).expect("an id"), signal).expect("a signal");
    }

    /// Stops the process where it is, and returns once it stands still.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
        let stat = format!("/proc/{}/stat", self.child.id());
        until(Duration::from_secs(10), "it does not stop", || {
            let line = std::fs::read_to_string(&stat).expect("its state");
            line.rsplit_once(") ")
                .is_some_and(|(_, rest)| rest.starts_with('T'))
        });
    }

    pub(crate) fn wake(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits for its end; the exit code and how long that took.
    pub(crate) fn wait(&mut self) -> (Option<i32>, Duration) {
        let since = Instant::now();
        let status = self.child.wait().expect("its end");
        (status.code(), since.elapsed())
    }

    /// A request over a connection of its own.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        bearer: &str,
        body: Option<&Value>,
    ) -> Answer {
        let mut connection = Connection::open(self.address).expect("a connection");
        connection
            .ask(method, path, bearer, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}: {}", self.log()))
    }

    pub(crate) fn post(&self, path: &str, bearer: &str, body: &Value) -> Answer {
        self.ask("POST", path, bearer, Some(body))
    }

    /// Posts a form.
    pub(crate) fn submit(&self, path: &str, form: &str) -> Answer {
        let mut connection = Connection::open(self.address).expect("a connection");
        let length = form.len();
        let wire = format!(
            "POST {path} HTTP/1.1\r\nhost: t\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {length}\r\n\r\n{form}"
        );
        let written = connection.0.get_mut().write_all(wire.as_bytes());
        let answer = written.and_then(|()| connection.receive());
        answer.unwrap_or_else(|error| panic!("{path}: {error}: {}", self.log()))
    }

    pub(crate) fn me(&self, bearer: &str) -> u16 {
        self.ask("GET", "/v1/me", bearer, None).status
    }

    pub(crate) fn sign_up(&self, name: &str) {
        let answer = self.post("/v1/signup", "", &credentials(name));
        assert_eq!(answer.status, 201, "{answer:?}");
    }

    pub(crate) fn sign_in(&self, name: &str) -> Tokens {
        self.post("/v1/login", "", &credentials(name)).tokens()
    }

    pub(crate) fn refresh(&self, token: &str) -> Answer {
        self.post("/v1/refresh", "", &json!({ "refresh_token": token }))
    }

    /// Runs a command beside it.
    pub(crate) fn run(&self, url: &str, arguments: &[&str], input: &str) -> String {
        let mut child = Command::new(env!("CARGO_BIN_EXE_keystile"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("KEYSTILE_DATABASE", url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary");
        // A command that reads nothing may have ended already.
        let _ = child
            .stdin
            .take()
            .expect("its input")
            .write_all(input.as_bytes());
        let output = child.wait_with_output().expect("its end");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).expect("text")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn credentials(name: &str) -> Value {
    json!({ "username": name, "password": PASSWORD })
}

#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Value,
}

impl Answer {
    #[track_caller]
    pub(crate) fn tokens(&self) -> Tokens {
        assert_eq!(self.status, 200, "{self:?}");
        Tokens {
            access: self.text("access_token"),
            refresh: self.text("refresh_token"),
        }
    }

    #[track_caller]
    pub(crate) fn text(&self, member: &str) -> String {
        let text = self.body[member].as_str();
        text.unwrap_or_else(|| panic!("no {member}: {self:?}"))
            .to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// 503 with a time after which to try again.
    pub(crate) fn is_honest_refusal(&self) -> bool {
        self.status == 503 && self.header("retry-after").is_some() && self.body["code"].is_string()
    }
}

/// A connection that is kept.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(LONGEST))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        bearer: &str,
        body: Option<&Value>,
    ) -> std::io::Result<Answer> {
        self.send(method, path, bearer, body)?;
        self.receive()
    }

    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        bearer: &str,
        body: Option<&Value>,
    ) -> std::io::Result<()> {
        let bearer = match bearer {
            "" => String::new(),
            token => format!("authorization: Bearer {token}\r\n"),
        };
        let kind = body.map_or("", |_| "content-type: application/json\r\n");
        let body = body.map_or_else(String::new, Value::to_string);
        let length = body.len();
        let wire = format!(
            "{method} {path} HTTP/1.1\r\nhost: t\r\n{kind}{bearer}content-length: {length}\r\n\r\n{body}"
        );
        self.0.get_mut().write_all(wire.as_bytes())
    }

    pub(crate) fn receive(&mut self) -> std::io::Result<Answer> {
        let mut head = String::new();
        loop {
            let before = head.len();
            if self.0.read_line(&mut head)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if &head[before..] == "\r\n" {
                break;
            }
        }
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let mut answer = Answer {
            status: status.expect("a status"),
            head,
            body: Value::Null,
        };
        let length = answer
            .header("content-length")
            .map_or(0, |length| length.parse().expect("a length"));
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        answer.body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Ok(answer)
    }

    /// Whether the other side ends it, as it must, without a further byte.
    pub(crate) fn is_ended_by_the_server(&mut self) -> bool {
        matches!(self.0.read(&mut [0; 1]), Ok(0))
    }
}

/// Waits for what must come about.
#[track_caller]
pub(crate) fn until(within: Duration, otherwise: &str, mut so: impl FnMut() -> bool) -> Duration {
    let since = Instant::now();
    while !so() {
        assert!(since.elapsed() < within, "{otherwise} (within {within:?})");
        std::thread::sleep(Duration::from_millis(5));
    }
    since.elapsed()
}

/// A port below those that the kernel gives to outgoing connections.
fn free_address() -> SocketAddr {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 100).expect("below 100") * 97;
    loop {
        let port = 10_000 + start + NEXT.fetch_add(1, Ordering::Relaxed);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
