//! Where the binaries are, and as whom they run.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder of `initdb` and the others: of the newest version that is installed.
fn binaries() -> Option<PathBuf> {
    let said = Command::new("pg_config")
        .arg("--bindir")
        .stderr(Stdio::null())
        .output()
        .ok();
    let said = said.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    said.into_iter()
        .chain(debians())
        .chain(on_path())
        .find(|folder| folder.join("initdb").is_file())
}

/// The same; `None`, said in one line, where PostgreSQL is not installed.
///
/// # Panics
/// If it is not installed in CI.
pub(crate) fn binaries_or_say() -> Option<PathBuf> {
    let found = binaries();
    if found.is_none() {
        assert!(!in_ci(), "CI needs PostgreSQL: apt-get install postgresql");
        // Not by a macro, whose words the test runner would keep to itself.
        let _ = writeln!(
            std::io::stderr(),
            "PostgreSQL is not installed: what is promised on it is not tried"
        );
    }
    found
}

/// Debian keeps each version's binaries apart from the path.
fn debians() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let numbered = versions.filter_map(|version| {
        let version = version.ok()?;
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        Some((number, version.path().join("bin")))
    });
    numbered.max().map(|(_, folder)| folder)
}

#[expect(clippy::disallowed_methods, reason = "a test's own surroundings")]
fn on_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect()
}

#[expect(clippy::disallowed_methods, reason = "a test's own surroundings")]
fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

pub(crate) fn temporary() -> PathBuf {
    std::env::temp_dir()
}

/// A command as a user whom PostgreSQL's server accepts: it does not run as root.
pub(crate) fn as_server_user(program: &str) -> Command {
    use std::os::unix::fs::MetadataExt;
    let root = Path::new("/proc/self")
        .metadata()
        .is_ok_and(|own| own.uid() == 0);
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--", program]);
    command
}
