//! `keystile config check|print`: what counts, and what is wrong with it.

use anyhow::Result;
use clap::{Args, Subcommand};
use keystile_server::config::{Config as Loaded, Shown};

use super::{output, place::Place};

/// Look at the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Report every fault of the configuration at once, each with its cure.
    Check(Check),
    /// Print every setting that counts and where it comes from; secrets are redacted.
    Print(Print),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Print {
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Config {
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Self::Check(check) => check.run(),
            Self::Print(print) => print.run(),
        }
    }
}

impl Check {
    fn run(self) -> Result<()> {
        let checked = Loaded::load_to_serve(&self.place.sources());
        if self.json {
            let faults = checked.as_ref().err().map_or(&[][..], |faults| &faults.0);
            let list: Vec<String> = faults.iter().map(ToString::to_string).collect();
            output::json(&serde_json::json!({ "ok": checked.is_ok(), "faults": list }))?;
        } else if checked.is_ok() {
            output::line("The configuration is right.")?;
        }
        checked?;
        Ok(())
    }
}

impl Print {
    fn run(self) -> Result<()> {
        let shown = Shown::all(&self.place.sources());
        if self.json {
            return output::json(&shown);
        }
        let rows: Vec<Vec<String>> = shown
            .into_iter()
            .map(|setting| {
                // The column's head says "from" already.
                let origin = setting.origin.as_deref().unwrap_or("default");
                let origin = origin.trim_start_matches("from ").trim_start_matches("in ");
                vec![
                    setting.key.to_owned(),
                    setting.value.unwrap_or_else(|| "-".to_owned()),
                    origin.to_owned(),
                    setting.about.to_owned(),
                ]
            })
            .collect();
        output::table(&["setting", "value", "from", "about"], &rows)
    }
}
