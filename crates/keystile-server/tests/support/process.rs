//! The real binary, started in a folder of its own and stopped when the test lets go of it.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a debug build may take from its start to its first connection on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `keystile serve`.
pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
    /// Deleted with the process.
    folder: TempDir,
}

impl Process {
    /// Starts `keystile serve` on a free port of 127.0.0.1, with an empty data folder and `configuration` as its
    /// `keystile.toml`, and waits until it accepts connections. Nothing of the test's environment reaches it.
    pub(crate) fn start(configuration: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let config = folder.path().join("keystile.toml");
        std::fs::write(&config, configuration).expect("keystile.toml");
        let address = free_address();
        let mut child = Command::new(env!("CARGO_BIN_EXE_keystile"))
            .args(["serve", "--listen", &address.to_string()])
            .arg("--data")
            .arg(folder.path().join("data"))
            .arg("--config")
            .arg(&config)
            .current_dir(folder.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let log = collect(&mut child);
        let mut process = Self {
            child,
            address,
            folder,
        };
        process.wait_until_open(&log);
        process
    }

    /// Runs a command beside the server, with its configuration and on its data; what it printed.
    #[allow(
        dead_code,
        reason = "not every test that starts the binary runs commands beside it"
    )]
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_keystile"))
            .args(arguments)
            .args(["--data", "data", "--config", "keystile.toml"])
            .current_dir(self.folder.path())
            .env_clear()
            .output()
            .expect("the binary starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Its data folder.
    #[allow(
        dead_code,
        reason = "not every test that starts the binary looks at its data"
    )]
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    #[allow(
        dead_code,
        reason = "not every test that starts the binary asks it by hand"
    )]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as the issuer's URL, which is what the server calls itself on loopback.
    #[allow(
        dead_code,
        reason = "not every test that starts the binary looks at its tokens"
    )]
    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    fn wait_until_open(&mut self, log: &Mutex<String>) {
        let since = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.try_wait().expect("a child's state");
            let said = log.lock().expect("the log").clone();
            assert!(
                ended.is_none(),
                "keystile ended with {ended:?}, saying:\n{said}"
            );
            assert!(
                since.elapsed() < PATIENCE,
                "keystile does not listen after {PATIENCE:?}, saying:\n{said}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the child's standard error to its end on a thread of its own, so that a full pipe never stops it.
fn collect(child: &mut Child) -> Arc<Mutex<String>> {
    let log = Arc::new(Mutex::new(String::new()));
    let stderr = child.stderr.take().expect("a piped standard error");
    let kept = Arc::clone(&log);
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let mut kept = kept.lock().expect("the log");
            kept.push_str(&line);
            kept.push('\n');
        }
    });
    log
}

fn free_address() -> SocketAddr {
    let probe = TcpListener::bind("127.0.0.1:0").expect("a free port");
    probe.local_addr().expect("its address")
}
