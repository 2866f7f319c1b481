//! `keystile doctor`: looks at everything that a start needs, and says how to mend what is wrong.

mod check;
mod clients;
mod machine;
mod server;

use anyhow::{Result, bail};
use clap::Args;
use keystile::Clock;
use keystile_accounts::{
    Accounts, DatabaseServer, HostState, Inspection, OpenError, Schema, sealing_key_id,
};
use keystile_server::config::{Config, SealingKey, Sources};

use super::place::{Place, opening};
use super::{output, run};
use check::{Check, State};

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
        let mut checks = vec![machine::clock(&Clock::system()), configuration(&sources)];
        checks.extend(machine::secret_files(&sources));
        let Ok(config) = Config::load(&sources) else {
            return checks;
        };
        checks.push(machine::port(&config));
        if config.database.sqlite_path().is_some() {
            checks.push(machine::folder(&config.data));
            checks.extend(machine::space(&config.data));
        }
        checks.extend(database(&config));
        checks
    }
}

/// What a look at the database finds. Opens it for nothing else: opening migrates and makes a key.
fn database(config: &Config) -> Vec<Check> {
    let unusable = |error: anyhow::Error, cure: &str| {
        let finding = format!("{}: {error:#}", opening(config));
        vec![Check::wrong("database", finding, cure)]
    };
    let refused = |error: OpenError| {
        let cure = care(error.code(), config);
        unusable(error.into(), cure)
    };
    let url = config.database.expose();
    let server = match run::alone(Box::pin(Accounts::inspect_server(url))) {
        Err(error) => return unusable(error.into(), "Mend what the message says"),
        Ok(Err(error)) => return refused(error),
        Ok(Ok(server)) => server,
    };
    let mut checks = Vec::new();
    if let Some(server) = &server {
        checks.extend(server::checks(server, config.postgres.connections));
        if !takes_writes(server) {
            return checks;
        }
    }
    match run::alone(Box::pin(Accounts::inspect(url))) {
        Err(error) => checks.extend(unusable(error.into(), "Mend what the message says")),
        Ok(Err(error)) => checks.extend(refused(error)),
        Ok(Ok(None)) => checks.push(Check::notice(
            "database",
            "there is none yet",
            "`keystile serve` makes it",
        )),
        Ok(Ok(Some(found))) => {
            checks.push(schema(&found));
            checks.extend(damage(&found, config));
            checks.extend(writable(config));
            checks.extend(signing_key(&found, config));
            checks.extend(issuer(&found, config));
            checks.extend(clients::checks(&found, config));
            checks.extend(backup(&found, config));
        }
    }
    checks
}

/// Whether there is a host on which the rest can be looked at as the server would.
fn takes_writes(server: &DatabaseServer) -> bool {
    let mut states = server.hosts.iter().map(|host| &host.state);
    states.any(|state| *state == HostState::Writes)
}

/// What to do about a database that cannot be looked at, by the code of why not.
fn care(code: &str, config: &Config) -> &'static str {
    match (code, config.database.sqlite_path()) {
        ("database_moving", _) => "Nothing is wrong: look again once the move is done",
        ("database_moved", _) => {
            "Name the database that it was moved to, with --database or in keystile.toml"
        }
        (_, Some(_)) => {
            "Mend what the message says; a copy of the data folder before any repair is wise"
        }
        (_, None) => "Mend what the message says",
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
        Schema::Behind { found: 0, .. } => Check::notice(
            "database",
            "it has no tables yet",
            "`keystile serve` makes them; so does `keystile migrate`",
        ),
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
        other => Check::wrong("database", format!("{other:?}"), "Use the newest keystile"),
    }
}

fn damage(found: &Inspection, config: &Config) -> Option<Check> {
    let finding = found.damage.join("; ");
    let cure = match config.database.sqlite_path() {
        Some(_) => "Stop the server, copy the data folder, and restore a backup",
        None => "Stop the servers, and restore a backup",
    };
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

/// Whether the tokens of this server would be those of the others. Without a configured one it hangs on the address, which
/// a flag of `serve` may say.
fn issuer(found: &Inspection, config: &Config) -> Option<Check> {
    let subject = "issuer";
    match (&config.issuer, &found.issuer) {
        (Some(own), Some(known)) if own != known => Some(Check::notice(
            subject,
            format!("{own} here; the last server to start on this database had {known}"),
            "Right if you are changing it: tokens of the former are refused then. Else set issuer to that one",
        )),
        (Some(own), _) => Some(Check::right(subject, own)),
        (None, _) if config.database.sqlite_path().is_some() => None,
        (None, known) => Some(Check::notice(
            subject,
            match known {
                Some(known) => format!(
                    "none is configured: the servers on this database have {known}, and a node at another address would not start"
                ),
                None => "none is configured: the first node would take its address, and others would not start".to_owned(),
            },
            "Set issuer to the public URL, the same on all nodes",
        )),
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
fn backup(found: &Inspection, config: &Config) -> Option<Check> {
    let subject = "backup";
    match found.last_backup {
        Some(at) => {
            let at = keystile_server::rfc3339(at);
            Some(Check::right(
                subject,
                format!("the last one was made at {at}"),
            ))
        }
        None if found.accounts == 0 || config.database.sqlite_path().is_none() => None,
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
