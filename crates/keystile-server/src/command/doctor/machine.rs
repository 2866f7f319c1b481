//! What is looked at on this machine.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use keystile::{Clock, Timestamp};
use keystile_server::config::{Config, Sources};

use super::check::Check;

/// Less free space than this is too little, in bytes.
const LEAST_SPACE: u64 = 100 * 1024 * 1024;
/// No honest clock shows less: the day this was written, in seconds since 1970.
const WRITTEN: i64 = 1_763_769_600;

pub(super) fn clock(clock: &Clock) -> Check {
    let now = clock.now();
    let shown = keystile_server::rfc3339(now);
    if now < Timestamp::from_seconds(WRITTEN) {
        let finding = format!("it shows {shown}, which is in the past");
        return Check::wrong(
            "clock",
            finding,
            "Set the clock; let it follow a time server",
        );
    }
    Check::right("clock", format!("it shows {shown}"))
}

pub(super) fn port(config: &Config) -> Check {
    let address = config.listen;
    match TcpListener::bind(address) {
        Ok(_) => Check::right("port", format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let cure =
                "Right if that is this server; else choose another with `keystile serve --listen`";
            Check::notice("port", format!("something listens on {address}"), cure)
        }
        Err(error) => Check::wrong(
            "port",
            format!("cannot listen on {address}: {error}"),
            "Choose another address",
        ),
    }
}

/// Files that hold secrets, as the environment names them, which others may read.
pub(super) fn secret_files(sources: &Sources) -> Vec<Check> {
    sources
        .secret_files()
        .filter_map(|(variable, file)| {
            let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
            (mode & 0o007 != 0).then(|| {
                let finding =
                    format!("everybody here may read {file} of {variable} (mode {mode:o})");
                Check::wrong("secret file", finding, format!("chmod 600 {file}"))
            })
        })
        .collect()
}

pub(super) fn folder(folder: &Path) -> Check {
    let shown = folder.display();
    let Ok(found) = std::fs::metadata(folder) else {
        return Check::notice(
            "data folder",
            format!("{shown} is not there yet"),
            "`keystile serve` makes it",
        );
    };
    if !found.is_dir() {
        let cure = "Name a folder with --data";
        return Check::wrong("data folder", format!("{shown} is a file"), cure);
    }
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let finding = format!("others may enter {shown} (mode {mode:o})");
        return Check::wrong("data folder", finding, format!("chmod 700 {shown}"));
    }
    match rustix::fs::access(folder, rustix::fs::Access::WRITE_OK) {
        Ok(()) => Check::right("data folder", format!("{shown}, mode {mode:o}")),
        Err(error) => Check::wrong(
            "data folder",
            format!("{shown} is not writable: {error}"),
            "Run this as the server's user, or give that user the folder",
        ),
    }
}

pub(super) fn space(folder: &Path) -> Option<Check> {
    let found = rustix::fs::statvfs(folder).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let shown = format!("{} MiB free", free / (1024 * 1024));
    Some(if free < LEAST_SPACE {
        Check::wrong(
            "disk space",
            shown,
            "Free some: a write that finds no space is refused",
        )
    } else {
        Check::right("disk space", shown)
    })
}
