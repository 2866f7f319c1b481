//! `keystile doctor`: looks at everything that a start needs, and says how to mend what is wrong.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Result, bail};
use clap::Args;
use keystile::{Clock, Timestamp};
use keystile_accounts::KeyState;
use keystile_server::config::{Config, Faults};
use serde::Serialize;

use super::output;
use super::place::Place;

/// Less free space than this is too little, in bytes.
const LEAST_SPACE: u64 = 100 * 1024 * 1024;
/// No honest clock shows less: the day this was written, in seconds since 1970.
const WRITTEN: i64 = 1_763_769_600;

/// Say what is wrong with this machine's set-up, each with its cure.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 nothing is wrong; 1 something is.")]
pub(crate) struct Doctor {
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Right,
    Notice,
    Wrong,
}

#[derive(Debug, Serialize)]
struct Check {
    subject: &'static str,
    state: State,
    finding: String,
    cure: Option<String>,
}

impl Check {
    fn right(subject: &'static str, finding: impl Into<String>) -> Self {
        Self {
            subject,
            state: State::Right,
            finding: finding.into(),
            cure: None,
        }
    }

    fn notice(subject: &'static str, finding: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            subject,
            state: State::Notice,
            finding: finding.into(),
            cure: Some(cure.into()),
        }
    }

    fn wrong(subject: &'static str, finding: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            subject,
            state: State::Wrong,
            finding: finding.into(),
            cure: Some(cure.into()),
        }
    }
}

impl Doctor {
    pub(crate) fn run(self) -> Result<()> {
        let checks = self.checks();
        if self.json {
            output::json(&checks)?;
        } else {
            for check in &checks {
                let mark = match check.state {
                    State::Right => "ok    ",
                    State::Notice => "note  ",
                    State::Wrong => "WRONG ",
                };
                let cure = check
                    .cure
                    .as_ref()
                    .map(|cure| format!("\n        {cure}"))
                    .unwrap_or_default();
                output::line(&format!("{mark}{}: {}{cure}", check.subject, check.finding))?;
            }
        }
        match checks
            .iter()
            .filter(|check| check.state == State::Wrong)
            .count()
        {
            0 => Ok(()),
            1 => bail!("one thing is wrong"),
            many => bail!("{many} things are wrong"),
        }
    }

    fn checks(&self) -> Vec<Check> {
        let mut checks = vec![clock(&Clock::system())];
        let config = match self.place.load() {
            Ok(config) => config,
            Err(error) => {
                checks.push(Check::wrong(
                    "configuration",
                    format!("{error:#}"),
                    "See `keystile config check`",
                ));
                return checks;
            }
        };
        checks.push(configuration(&config));
        checks.push(port(&config));
        checks.push(folder(&config.data));
        checks.extend(space(&config.data));
        checks.extend(self.database(&config));
        checks
    }

    /// The database opens, is at this version and has a key that signs. Makes none where there is none.
    fn database(&self, config: &Config) -> Vec<Check> {
        if config
            .database
            .sqlite_path()
            .is_some_and(|path| !path.exists())
        {
            return vec![Check::notice(
                "database",
                "there is none yet",
                "`keystile serve` makes it",
            )];
        }
        let keys = self
            .place
            .with_accounts(|accounts| async move { Ok(accounts.keys().await?) });
        match keys {
            Err(error) => {
                let cure = "Mend what the message says; a copy of the data folder before any repair is wise";
                vec![Check::wrong("database", format!("{error:#}"), cure)]
            }
            Ok(keys) => {
                let signing = keys.iter().find(|key| key.state == KeyState::Signing);
                let key = match signing {
                    Some(key) => {
                        Check::right("signing key", format!("{} {}", key.algorithm, key.key_id))
                    }
                    None => Check::wrong(
                        "signing key",
                        "there is none",
                        "Give one with `keystile key import`",
                    ),
                };
                vec![
                    Check::right("database", "it opens and is at this version"),
                    key,
                ]
            }
        }
    }
}

fn configuration(config: &Config) -> Check {
    let faults = config.faults_of_serving();
    if faults.is_empty() {
        return Check::right("configuration", "it is right");
    }
    Check::wrong(
        "configuration",
        Faults(faults).to_string(),
        "See `keystile config check`",
    )
}

fn clock(clock: &Clock) -> Check {
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

fn port(config: &Config) -> Check {
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

fn folder(folder: &Path) -> Check {
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

fn space(folder: &Path) -> Option<Check> {
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
