//! PostgreSQL for tests: a server from the installed binaries, on a Unix socket in a temporary folder, as durable as in
//! production. It ends, and its folder goes, when the test's process ends, however that happens.
//!
//! Where PostgreSQL is not installed there is none, which is said in one line; in CI (`CI=true`) that is a failure.

mod place;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Runs beside the server, as its user, for as long as its standard input is open.
const KEEPER: &str = include_str!("keeper.sh");
const USER: &str = "keystile";

/// A running server.
#[derive(Debug)]
pub struct Server {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    next: AtomicU32,
    /// Ends when this is closed.
    _until: ChildStdin,
    _keeper: Child,
}

impl Server {
    /// The server of this process, started at the first call. `None` where PostgreSQL is not installed.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Server>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(5432, "")).as_ref()
    }

    /// Another one, which speaks TLS on loopback as `localhost`. `None` where PostgreSQL is not installed.
    ///
    /// # Panics
    /// If it does not start.
    pub fn with_tls() -> Option<&'static Self> {
        static WITH_TLS: OnceLock<Option<Server>> = OnceLock::new();
        let start = || {
            let probe = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let port = probe.local_addr().expect("its address").port();
            drop(probe);
            Self::start(port, "tls")
        };
        WITH_TLS.get_or_init(start).as_ref()
    }

    /// Panics if it does not start, or if PostgreSQL is not installed in CI.
    fn start(port: u16, tls: &str) -> Option<Self> {
        let Some(bin) = place::binaries() else {
            assert!(
                !place::in_ci(),
                "CI needs PostgreSQL: apt-get install postgresql"
            );
            // Not by a macro, whose words the test runner would keep to itself.
            let _ = writeln!(
                std::io::stderr(),
                "PostgreSQL is not installed: what is promised on it is not tried"
            );
            return None;
        };
        let mut keeper = place::as_server_user("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&bin)
            .arg(place::temporary())
            .arg(USER)
            .arg(port.to_string())
            .arg(tls)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let until = keeper.stdin.take().expect("it was piped");
        let mut answer = String::new();
        BufReader::new(keeper.stdout.take().expect("it was piped"))
            .read_line(&mut answer)
            .expect("the keeper's answer");
        let folder = answer.trim();
        assert!(!folder.is_empty(), "PostgreSQL did not start; see above");
        Some(Self {
            bin,
            folder: folder.into(),
            port,
            next: AtomicU32::new(1),
            _until: until,
            _keeper: keeper,
        })
    }

    /// A new, empty database, which goes when this is dropped.
    pub fn database(&'static self) -> Database {
        let name = format!("test{}", self.next.fetch_add(1, Ordering::Relaxed));
        self.run("createdb", &[&name]);
        Database { server: self, name }
    }

    /// Runs one of PostgreSQL's own commands on this server.
    fn run(&self, command: &str, arguments: &[&str]) {
        let done = self.command(command).args(arguments).status();
        assert!(
            done.is_ok_and(|status| status.success()),
            "{command} failed"
        );
    }

    fn command(&self, command: &str) -> Command {
        let mut command = Command::new(self.bin.join(command));
        command.arg("--host").arg(&self.folder);
        command.args(["--port", &self.port.to_string()]);
        command.args(["--username", USER, "--no-password"]);
        command
    }
}

/// A database of one test's.
#[derive(Debug)]
pub struct Database {
    server: &'static Server,
    name: String,
}

impl Database {
    /// Runs statements by `psql`; what they answer, without anything around it.
    ///
    /// # Panics
    /// If they fail.
    pub fn sql(&self, statements: &str) -> String {
        let mut psql = self.server.command("psql");
        let said = psql
            .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"])
            .args(["--set", "ON_ERROR_STOP=1", "--command", statements])
            .arg(&self.name)
            .output()
            .expect("psql runs");
        assert!(
            said.status.success(),
            "{}",
            String::from_utf8_lossy(&said.stderr)
        );
        String::from_utf8_lossy(&said.stdout).trim_end().to_owned()
    }

    /// The URL over loopback, to the server by this name, with this query.
    pub fn url_by(&self, host: &str, query: &str) -> String {
        let (port, name) = (self.server.port, &self.name);
        format!("postgres://{USER}@{host}:{port}/{name}?{query}")
    }

    /// The file of the authority that the server's certificate is from.
    pub fn authority(&self) -> String {
        self.server.folder.join("ca.pem").display().to_string()
    }

    /// The URL, with the socket's folder as the host.
    pub fn url(&self) -> String {
        let mut host = String::new();
        for byte in self.server.folder.display().to_string().bytes() {
            if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
                host.push(char::from(byte));
            } else {
                use std::fmt::Write as _;
                let _ = write!(host, "%{byte:02X}");
            }
        }
        format!(
            "postgres://{USER}@{host}:{}/{}",
            self.server.port, self.name
        )
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.server.run("dropdb", &["--force", &self.name]);
        }
    }
}
