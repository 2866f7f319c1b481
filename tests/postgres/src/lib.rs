//! PostgreSQL for tests: a server from the installed binaries, on a Unix socket in a temporary folder, as durable as in
//! production. It ends, and its folder goes, when the test's process ends, however that happens.
//!
//! Where PostgreSQL is not installed there is none, which is said in one line; in CI (`CI=true`) that is a failure.

mod hold;
mod keeper;
mod place;
mod way;
mod workshop;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

pub use hold::Hold;
use keeper::{Keeper, Kind};
pub use way::Way;
pub use workshop::Workshop;

const USER: &str = "keystile";

/// A running server.
#[derive(Debug)]
pub struct Server {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    next: AtomicU32,
    /// Shared by the tests of a process: none may leave its databases behind, or stop it.
    shared: bool,
    /// Ends the server when it is dropped.
    keeper: Keeper,
}

impl Server {
    /// The server of this process, started at the first call. `None` where PostgreSQL is not installed.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Server>> = OnceLock::new();
        SHARED
            .get_or_init(|| Self::start(5432, &Kind::OnSocket, true))
            .as_ref()
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
            Self::start(port, &Kind::WithTls, true)
        };
        WITH_TLS.get_or_init(start).as_ref()
    }

    /// One of the caller's own, to be stopped and paused; it ends when it is dropped. `None` where PostgreSQL is not
    /// installed.
    ///
    /// # Panics
    /// If it does not start.
    pub fn own() -> Option<Self> {
        Self::start(5432, &Kind::OnSocket, false)
    }

    /// A standby of this one, which follows it and takes no writes until it is promoted.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn standby(&self) -> Self {
        let kind = Kind::StandbyOf(self.folder.clone());
        Self::start(self.port, &kind, false).expect("PostgreSQL is installed, as the primary runs")
    }

    /// Panics if it does not start, or if PostgreSQL is not installed in CI.
    fn start(port: u16, kind: &Kind, shared: bool) -> Option<Self> {
        let bin = place::binaries_or_say()?;
        let (keeper, folder) = Keeper::start(&bin, port, kind);
        Some(Self {
            bin,
            folder,
            port,
            next: AtomicU32::new(1),
            shared,
            keeper,
        })
    }

    /// Ends it at once, as a crash would; what it has on disk stays.
    pub fn stop(&self) {
        self.order("stop");
    }

    /// Starts it again after a stop, and waits until it takes connections.
    pub fn start_again(&self) {
        self.order("start");
    }

    /// Stops all its processes where they are (SIGSTOP). Its sockets go on taking connections and bytes.
    pub fn pause(&self) {
        self.order("pause");
    }

    /// Lets its processes go on.
    pub fn resume(&self) {
        self.order("resume");
    }

    /// Makes a standby the primary, and waits until it takes writes.
    pub fn promote(&self) {
        self.order("promote");
    }

    fn order(&self, order: &str) {
        assert!(!self.shared, "other tests need this server");
        self.keeper.order(order);
    }

    /// The socket that it listens on.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(format!(".s.PGSQL.{}", self.port))
    }

    /// Runs statements by `psql` in this database; what they answer, without anything around it.
    ///
    /// # Panics
    /// If they fail.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        let mut psql = self.command("psql");
        let said = psql
            .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"])
            .args(["--set", "ON_ERROR_STOP=1", "--command", statements])
            .arg(database)
            .output()
            .expect("psql runs");
        assert!(
            said.status.success(),
            "{}",
            String::from_utf8_lossy(&said.stderr)
        );
        String::from_utf8_lossy(&said.stdout).trim_end().to_owned()
    }

    /// The URL of a database on this server, with the socket's folder as the host.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://{USER}@{}:{}/{database}",
            host(&self.folder),
            self.port
        )
    }

    /// The URL of a database that is on the first of these servers that takes writes.
    pub fn url_of_several(servers: &[&Self], database: &str) -> String {
        let hosts = servers
            .iter()
            .map(|server| format!("{}:{}", host(&server.folder), server.port));
        let hosts = hosts.collect::<Vec<_>>().join(",");
        format!("postgres://{USER}@{hosts}/{database}?target_session_attrs=read-write")
    }

    /// Makes an empty database on a server of the caller's own; its name.
    pub fn make_database(&self) -> String {
        let name = format!("test{}", self.next.fetch_add(1, Ordering::Relaxed));
        self.run("createdb", &[&name]);
        name
    }

    /// A new, empty database, which goes when this is dropped.
    pub fn database(&'static self) -> Database {
        Database {
            server: self,
            name: self.make_database(),
        }
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
        self.server.sql(&self.name, statements)
    }

    /// A database with what is in this one as of now, by `pg_dump` and `pg_restore`; whoever works on this one notices nothing.
    ///
    /// # Panics
    /// If it cannot be copied.
    #[must_use]
    pub fn copied(&self) -> Self {
        let copy = self.server.database();
        let mut dump = self.server.command("pg_dump");
        dump.args(["--format=custom", &self.name]);
        let mut dump = dump.stdout(Stdio::piped()).spawn().expect("pg_dump runs");
        let mut restore = self.server.command("pg_restore");
        restore.args(["--exit-on-error", "--single-transaction"]);
        restore.args(["--dbname", &copy.name]);
        let restored = restore
            .stdin(dump.stdout.take().expect("it was piped"))
            .status();
        let dumped = dump.wait();
        for (name, status) in [("pg_dump", dumped), ("pg_restore", restored)] {
            assert!(status.is_ok_and(|it| it.success()), "{name} failed");
        }
        copy
    }

    /// PostgreSQL's own benchmark, on this database. `None` where it is not installed beside the server.
    pub fn pgbench(&self) -> Option<Command> {
        let program = self.server.bin.join("pgbench");
        let mut pgbench = Command::new(&program);
        pgbench.arg("--host").arg(&self.server.folder);
        pgbench.args(["--port", &self.server.port.to_string()]);
        pgbench.args(["--username", USER, &self.name]);
        program.is_file().then_some(pgbench)
    }

    /// Runs statements in a transaction that stays open until what this answers is dropped.
    pub fn hold(&self, statements: &str) -> Hold {
        let mut psql = self.server.command("psql");
        psql.arg(&self.name);
        Hold::of(psql, statements)
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
        self.server.url(&self.name)
    }

    /// The socket of its server.
    pub fn socket(&self) -> PathBuf {
        self.server.socket()
    }

    /// The URL by another way to its server.
    pub fn url_over(&self, way: &Way) -> String {
        way.url(&self.name)
    }

    /// The URL by any of several ways to its server, as if they led to several.
    pub fn url_over_several(&self, ways: &[Way]) -> String {
        let addresses: Vec<String> = ways.iter().map(|way| way.address().to_string()).collect();
        format!("postgres://{USER}@{}/{}", addresses.join(","), self.name)
    }
}

/// A socket's folder as a URL names it.
fn host(folder: &Path) -> String {
    use std::fmt::Write as _;
    let mut host = String::new();
    for byte in folder.display().to_string().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            host.push(char::from(byte));
        } else {
            let _ = write!(host, "%{byte:02X}");
        }
    }
    host
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.server.run("dropdb", &["--force", &self.name]);
        }
    }
}
