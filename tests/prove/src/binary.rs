//! Where the server's binary is: beside this program, built by cargo where it is absent or older than its sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, ensure};

/// The server's binary of the profile that this program was built in: release or debug.
pub fn server() -> anyhow::Result<PathBuf> {
    let folder = profile_folder()?;
    let binary = folder.join(format!("keystile{}", std::env::consts::EXE_SUFFIX));
    if !is_current(&binary) {
        build(&folder)?;
    }
    ensure!(
        binary.is_file(),
        "no server binary beside this program; build it with `cargo build -p keystile-server`"
    );
    Ok(binary)
}

/// `target/release` or `target/debug`; a test's own executable lies one folder deeper, in `deps`.
pub(crate) fn profile_folder() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("finding this program")?;
    let folder = program.parent().context("this program lies in no folder")?;
    let deeper = folder.ends_with("deps");
    let folder = if deeper {
        folder.parent()
    } else {
        Some(folder)
    };
    Ok(folder.context("no target folder")?.to_owned())
}

/// Whether the binary is younger than everything that it is made from. Cargo's own list (`keystile.d`) will not do: `cargo
/// test` makes the binary without it.
fn is_current(binary: &Path) -> bool {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates");
    match (modified(binary), newest_below(&crates)) {
        (Some(built), Some(changed)) => changed <= built,
        _ => false,
    }
}

/// When the youngest source below this folder was changed; what only tests are made from does not count.
fn newest_below(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let paths = entries.map(|entry| entry.path());
    let newest = |path: PathBuf| match path.file_name()?.to_str()? {
        "tests" | "fuzz" | "target" => None,
        _ if path.is_dir() => newest_below(&path),
        _ => modified(&path),
    };
    paths.filter_map(newest).max()
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|found| found.modified()).ok()
}

fn build(folder: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--package", "keystile-server", "--bin", "keystile"]);
    if folder.ends_with("release") {
        command.arg("--release");
    }
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    if let Some(target) = folder.parent() {
        command.arg("--target-dir").arg(target);
    }
    let status = command.status().context("starting cargo")?;
    ensure!(status.success(), "cargo could not build the server");
    Ok(())
}
