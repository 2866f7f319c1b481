//! `keystile doctor`: looks at everything that a start needs, and says how to mend what is wrong.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Result, bail};
use clap::Args;
use keystile::{Clock, Timestamp};
use keystile_accounts::{Accounts, Inspection, Schema, sealing_key_id};
use keystile_server::config::{Config, SealingKey, Sources};
use serde::Serialize;

use super::output;
use super::place::{Place, opening};

/// Less free space than this is too little, in bytes.
const LEAST_SPACE: u64 = 100 * 1024 * 1024;
/// No honest clock shows less: the day this was written, in seconds since 1970.
const WRITTEN: i64 = 1_763_769_600;

/// What to do about a database that cannot be looked at.
const CARE: &str =
    "Mend what the message says; a copy of the data folder before any repair is wise";

/// Say what is wrong with this machine's set-up, each with its cure. Changes nothing.
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
        let sources = self.place.sources();
        let mut checks = vec![clock(&Clock::system()), configuration(&sources)];
        let Ok(config) = Config::load(&sources) else {
            return checks;
        };
        checks.push(port(&config));
        if config.database.sqlite_path().is_some() {
            checks.push(folder(&config.data));
            checks.extend(space(&config.data));
        }
        checks.extend(Self::database(&config));
        checks
    }

    /// What a look at the database finds. Opens it for nothing else: opening migrates and makes a key.
    fn database(config: &Config) -> Vec<Check> {
        let url = config.database.expose();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let found = runtime
            .map_err(anyhow::Error::from)
            .and_then(|runtime| Ok(runtime.block_on(Accounts::inspect(url))?));
        match found {
            Err(error) => {
                let finding = format!("{}: {error:#}", opening(config));
                vec![Check::wrong("database", finding, CARE)]
            }
            Ok(None) => {
                let finding = "there is none yet";
                vec![Check::notice(
                    "database",
                    finding,
                    "`keystile serve` makes it",
                )]
            }
            Ok(Some(found)) => {
                let mut checks = vec![schema(&found)];
                checks.extend(server(&found));
                checks.extend(damage(&found));
                checks.extend(writable(config));
                checks.extend(signing_key(&found, config));
                checks.extend(backup(&found));
                checks
            }
        }
    }
}

fn schema(found: &Inspection) -> Check {
    match found.schema {
        Schema::Current { version } => {
            let (accounts, sessions) = (found.accounts, found.sessions);
            let finding = format!(
                "schema {version}, this version's; accounts: {accounts}, sessions not ended: {sessions}"
            );
            Check::right("database", finding)
        }
        Schema::Behind { found, known } => Check::notice(
            "database",
            format!("schema {found} is older than this version's {known}"),
            "Back it up, then run `keystile migrate`; `keystile serve` does the same by itself",
        ),
        Schema::TooNew { found, known } => Check::wrong(
            "database",
            format!("schema {found} is newer than this version's {known}"),
            "Use the newer keystile that made it",
        ),
        Schema::Foreign { version } => Check::wrong(
            "database",
            format!("schema {version} was made by a different migration"),
            "Restore a backup, or use the keystile that made it",
        ),
        other => Check::wrong("database", format!("{other:?}"), CARE),
    }
}

/// What it is kept on, where that is not a file of this machine's.
fn server(found: &Inspection) -> Option<Check> {
    let subject = "database server";
    let server = found.server.clone()?;
    if found.risks.is_empty() {
        return Some(Check::right(subject, server));
    }
    let finding = format!("{server}: {}", found.risks.join("; "));
    Some(Check::wrong(
        subject,
        finding,
        "Turn it on in postgresql.conf",
    ))
}

fn damage(found: &Inspection) -> Option<Check> {
    let finding = found.damage.join("; ");
    let cure = "Stop the server, copy the data folder, and restore a backup";
    (!finding.is_empty()).then(|| Check::wrong("damage", finding, cure))
}

fn writable(config: &Config) -> Option<Check> {
    let path = config.database.sqlite_path()?;
    let error = rustix::fs::access(&path, rustix::fs::Access::WRITE_OK).err()?;
    Some(Check::wrong(
        "database file",
        format!("{} is not writable: {error}", path.display()),
        "Run this as the server's user, or give that user the file",
    ))
}

/// Nothing is said of it where the rest is too wrong to know.
fn signing_key(found: &Inspection, config: &Config) -> Option<Check> {
    let subject = "signing key";
    if let Some(first) = config.keys.files.first() {
        let (algorithm, kid) = (first.algorithm(), first.key_id());
        return Some(Check::right(
            subject,
            format!("{algorithm} {kid}, from a file"),
        ));
    }
    match &found.signing_key {
        Some((algorithm, key_id)) => {
            let shown = format!("{algorithm} {key_id}");
            Some(sealing(subject, &shown, found.sealed_by.as_deref(), config))
        }
        None if !found.damage.is_empty() => None,
        None => match found.schema {
            Schema::Current { .. } | Schema::Behind { .. } => Some(Check::notice(
                subject,
                "there is none yet",
                "`keystile serve` makes one; or give yours with `keystile key import`",
            )),
            _ => None,
        },
    }
}

/// Whether the private key can be opened as the configuration is.
fn sealing(subject: &'static str, key: &str, sealed_by: Option<&str>, config: &Config) -> Check {
    let ids = |key: &Option<SealingKey>| key.as_ref().map(|key| sealing_key_id(key.expose()));
    let present = ids(&config.keys.sealing_key).flatten();
    let previous = ids(&config.keys.sealing_key_previous).flatten();
    match (sealed_by, present.as_deref(), previous.as_deref()) {
        (None, None, _) => Check::right(subject, format!("{key}, not sealed")),
        (None, Some(_), _) => Check::notice(
            subject,
            format!("{key} is not sealed yet"),
            "The next start of `keystile serve` seals it",
        ),
        (Some(by), Some(present), _) if by == present => {
            Check::right(subject, format!("{key}, sealed"))
        }
        (Some(by), _, Some(previous)) if by == previous => Check::notice(
            subject,
            format!("{key} is sealed with the previous sealing key"),
            "The next start of `keystile serve` seals it anew",
        ),
        (Some(_), None, _) => Check::wrong(
            subject,
            format!("{key} is sealed, and no sealing key is configured"),
            "Set keys.sealing_key to the one that it was sealed with",
        ),
        (Some(_), Some(_), _) => Check::wrong(
            subject,
            format!("{key} is sealed with another sealing key"),
            "Set keys.sealing_key to that one; or, to change it, keys.sealing_key_previous to that one",
        ),
    }
}

/// Nothing is said where there is nothing to lose yet, nor of PostgreSQL, which is backed up by its own means.
fn backup(found: &Inspection) -> Option<Check> {
    let subject = "backup";
    match found.last_backup {
        Some(at) => {
            let at = keystile_server::rfc3339(at);
            Some(Check::right(
                subject,
                format!("the last one was made at {at}"),
            ))
        }
        None if found.accounts == 0 || found.server.is_some() => None,
        None => Some(Check::notice(
            subject,
            "`keystile backup` has made none yet",
            "`keystile backup FILE`, also while the server runs; right as it is if you back up by other means",
        )),
    }
}

fn configuration(sources: &Sources) -> Check {
    let subject = "configuration";
    match Config::load_to_serve(sources) {
        Ok(_) => Check::right(subject, "it is right"),
        Err(faults) => Check::wrong(subject, faults.to_string(), "See `keystile config check`"),
    }
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
