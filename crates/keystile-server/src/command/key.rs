//! `keystile key …`: the keys that sign access tokens.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use keystile::Algorithm;
use keystile_accounts::{Accounts, AdminError, Begin, KeyState, KeySummary, KeyUse};
use keystile_server::KeyBody;
use keystile_server::config::Config;

use super::confirm::confirmed;
use super::output;
use super::place::Place;

/// List, rotate, withdraw, import and export the keys that sign access tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// List the keys, newest first: their states, since when, and what becomes of them.
    List(List),
    /// Make a new signing key: it is published, and signs once every verifier can have it.
    #[command(
        after_help = "The present key signs until then, and its tokens stay good until they expire. \
While a rotation is under way, the same is said again.

Examples:
  keystile key rotate
  keystile key rotate --algorithm EdDSA
  keystile key rotate --now"
    )]
    Rotate(Rotate),
    /// Withdraw a key that is not to be trusted any more: whatever it signed is refused at once.
    #[command(
        after_help = "Sessions go on: whoever holds an access token of that key refreshes it. \
If the key signs, another signs in its place at once."
    )]
    Withdraw(Withdraw),
    /// Take a private key (PEM, PKCS #8) as the next signing key; tokens of the old one stay good.
    #[command(after_help = "Examples:
  keystile key import signing.pem
  openssl genpkey -algorithm ED25519 | keystile key import -")]
    Import(Import),
    /// Print a private key as PEM (PKCS #8). Whoever has it can sign tokens.
    Export(Export),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    #[arg(
        long,
        value_name = "ALGORITHM",
        help = "ES256, EdDSA or RS256 [default: the present key's]"
    )]
    algorithm: Option<String>,
    /// Sign with it at once: verifiers that keep the old keys refuse its tokens until they look again
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Withdraw {
    /// The key's id, as `keystile key list` shows it
    // A key id may begin with a hyphen: it is base64url of a hash.
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    key_id: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The PEM file; - is standard input
    file: PathBuf,
    /// Sign with it at once: verifiers that keep the old keys refuse its tokens until they look again
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The key's id, as `keystile key list` shows it
    // A key id may begin with a hyphen: it is base64url of a hash.
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    key_id: String,
    #[command(flatten)]
    place: Place,
}

impl Key {
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Self::List(list) => {
                let mut keys = list
                    .place
                    .with_present_accounts(|all| async move { Ok(all.keys().await?) })?;
                keys.reverse();
                print(keys, list.json)
            }
            Self::Rotate(rotate) => rotate.run(),
            Self::Withdraw(withdraw) => withdraw.run(),
            Self::Import(import) => import.run(),
            Self::Export(export) => export.run(),
        }
    }
}

impl Rotate {
    fn run(self) -> Result<()> {
        let algorithm = self.algorithm.as_deref().map(algorithm).transpose()?;
        agrees(algorithm, &self.place.load()?)?;
        let begin = begin(self.now);
        let key = self.place.with_present_accounts(|all| async move {
            Ok(all.rotate_keys(None, algorithm, begin).await?)
        })?;
        print_next(key, self.json)
    }
}

impl Withdraw {
    fn run(self) -> Result<()> {
        let (key_id, yes) = (self.key_id, self.yes);
        let done = self.place.with_present_accounts(|all| async move {
            let used = found(all.key_use(&key_id).await, &key_id)?;
            let key = all
                .keys()
                .await?
                .into_iter()
                .find(|key| key.key_id == key_id);
            let before = key.is_some_and(|key| key.state == KeyState::Withdrawn);
            if !before && !yes && !confirm(&key_id, used)? {
                return Ok(None);
            }
            let withdrawal = found(all.withdraw_key(None, &key_id).await, &key_id)?;
            Ok(Some((withdrawal, used, before)))
        })?;
        let Some((withdrawal, used, before)) = done else {
            bail!("nothing was withdrawn");
        };
        if self.json {
            return output::json(&serde_json::json!({
                "key": KeyBody::from(withdrawal.key),
                "signing": KeyBody::from(withdrawal.signing),
                "sessions": used.sessions,
                "accounts": used.accounts,
            }));
        }
        let (key, signing) = (withdrawal.key.key_id, withdrawal.signing.key_id);
        if before {
            return output::line(&format!(
                "{key} was withdrawn before, and nothing was changed; {signing} signs"
            ));
        }
        output::line(&format!(
            "withdrew {key}: {}; {signing} signs",
            touched(used)
        ))
    }
}

impl Import {
    fn run(self) -> Result<()> {
        let pem = read(&self.file)?;
        let config = self.place.load()?;
        // A store without a key has nobody who could be surprised.
        let first = config
            .database
            .sqlite_path()
            .is_some_and(|path| !path.exists());
        if let Ok(key) = keystile::SigningKey::from_pem(&pem) {
            agrees(Some(key.algorithm()), &config)?;
        }
        let begin = begin(self.now || first);
        let key = self
            .place
            .with_accounts(|all| async move { Ok(all.import_key(&pem, begin).await?) })?;
        print_next(key, self.json)
    }
}

impl Export {
    fn run(self) -> Result<()> {
        let id = self.key_id;
        let pem = self
            .place
            .with_present_accounts(|all: Accounts| async move {
                found(all.export_key(&id).await, &id)
            })?;
        output::line(pem.trim_end())
    }
}

fn begin(now: bool) -> Begin {
    if now { Begin::Now } else { Begin::WhenDue }
}

fn algorithm(name: &str) -> Result<Algorithm> {
    let known = name.parse().ok();
    known
        .filter(|algorithm: &Algorithm| !algorithm.is_symmetric())
        .with_context(|| {
            format!("{name:?} is no algorithm of a signing key; name ES256, EdDSA or RS256")
        })
}

/// The server goes by its configuration: at its next start it would turn back.
fn agrees(wanted: Option<Algorithm>, config: &Config) -> Result<()> {
    match (wanted, config.tokens.algorithm) {
        (Some(wanted), Some(configured)) if wanted != configured => bail!(
            "tokens.algorithm says {configured}, and the server goes by it: set it to {wanted} and start the server anew; that is a rotation like any other"
        ),
        _ => Ok(()),
    }
}

/// What was asked for about one key, or that there is no such key.
fn found<T>(answer: Result<T, AdminError>, key_id: &str) -> Result<T> {
    match answer {
        Err(AdminError::NotFound { .. }) => {
            bail!("there is no key {key_id:?}; see `keystile key list`")
        }
        answer => Ok(answer?),
    }
}

fn touched(used: KeyUse) -> String {
    match (used.sessions, used.accounts) {
        (0, _) => "no living session holds an access token of it".to_owned(),
        (1, _) => "one session holds an access token of it, which must be refreshed".to_owned(),
        (sessions, 1) => format!(
            "{sessions} sessions of one account hold an access token of it, which must be refreshed"
        ),
        (sessions, accounts) => format!(
            "{sessions} sessions of {accounts} accounts hold an access token of it, which must be refreshed"
        ),
    }
}

fn confirm(key_id: &str, used: KeyUse) -> Result<bool> {
    let touched = touched(used);
    confirmed(
        &format!("Withdraw {key_id}? At most {touched}; nobody has to sign in again."),
        &format!(
            "{touched}. There is no terminal to ask on; say --yes to withdraw {key_id:?} unasked"
        ),
    )
}

fn read(file: &PathBuf) -> Result<String> {
    if file.as_os_str() == "-" {
        return std::io::read_to_string(std::io::stdin())
            .context("cannot read the key from standard input");
    }
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// The one key that a command made or found next.
fn print_next(key: KeySummary, json: bool) -> Result<()> {
    print(vec![key], json)
}

fn print(keys: Vec<KeySummary>, json: bool) -> Result<()> {
    let keys: Vec<KeyBody> = keys.into_iter().map(KeyBody::from).collect();
    if json {
        return output::json(&keys);
    }
    let rows: Vec<Vec<String>> = keys
        .into_iter()
        .map(|key| {
            let next = key.next.map_or_else(
                || "-".to_owned(),
                |next| format!("{} {}", next.step, whole_seconds(next.at)),
            );
            let since = whole_seconds(key.since);
            vec![key.kid, key.alg, key.state.to_owned(), since, next]
        })
        .collect();
    output::table(&["kid", "alg", "state", "since", "next"], &rows)
}

fn whole_seconds(at: jiff::Timestamp) -> String {
    jiff::Timestamp::from_second(at.as_second())
        .unwrap_or(at)
        .to_string()
}
