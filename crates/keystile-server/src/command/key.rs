//! `keystile key …`: the keys that sign access tokens.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use keystile_accounts::{AdminError, Begin, KeySummary};

use super::output;
use super::place::Place;

/// List, import and export the keys that sign access tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// List the keys, newest first.
    List(List),
    /// Take a private key (PEM, PKCS #8) as the new signing key; tokens of the old one stay good.
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
pub(crate) struct Import {
    /// The PEM file; - is standard input
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The key's id, as `keystile key list` shows it
    #[arg(value_name = "KID")]
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
                print(&keys, list.json)
            }
            Self::Import(import) => {
                let pem = read(&import.file)?;
                let key = import.place.with_accounts(|all| async move {
                    Ok(all.import_key(&pem, Begin::Now).await?)
                })?;
                print(&[key], import.json)
            }
            Self::Export(export) => {
                let id = export.key_id;
                let pem = export.place.with_present_accounts(|all| async move {
                    match all.export_key(&id).await {
                        Err(AdminError::NotFound { .. }) => {
                            bail!("there is no key {id:?}; see `keystile key list`")
                        }
                        found => Ok(found?),
                    }
                })?;
                output::line(pem.trim_end())
            }
        }
    }
}

fn read(file: &PathBuf) -> Result<String> {
    if file.as_os_str() == "-" {
        return std::io::read_to_string(std::io::stdin())
            .context("cannot read the key from standard input");
    }
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn print(keys: &[KeySummary], json: bool) -> Result<()> {
    if json {
        let list: Vec<serde_json::Value> = keys
            .iter()
            .map(|key| {
                serde_json::json!({
                    "kid": key.key_id,
                    "alg": key.algorithm.as_str(),
                    "state": key.state.as_str(),
                    "created_at": keystile_server::rfc3339(key.created_at),
                    "since": keystile_server::rfc3339(key.since),
                    "next": key.next.map(|next| serde_json::json!({
                        "step": next.step.as_str(),
                        "at": keystile_server::rfc3339(next.at),
                    })),
                })
            })
            .collect();
        return output::json(&list);
    }
    let rows: Vec<Vec<String>> = keys
        .iter()
        .map(|key| {
            let made = keystile_server::rfc3339(key.created_at).to_string();
            vec![
                key.key_id.clone(),
                key.algorithm.to_string(),
                key.state.as_str().to_owned(),
                made,
            ]
        })
        .collect();
    output::table(&["kid", "alg", "state", "made"], &rows)
}
