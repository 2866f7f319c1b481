//! `keystile migrate`: brings the database to this version.

use anyhow::Result;
use clap::Args;

use super::{output, place::Place};

/// Make the database, or bring it to this version.
///
/// `serve` does it by itself; this is for those who want it done before.
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    place: Place,
}

impl Migrate {
    pub(crate) fn run(self) -> Result<()> {
        let database = self.place.load()?.database;
        self.place.with_accounts(|_| async { Ok(()) })?;
        output::line(&format!("{database} is at this version."))
    }
}
