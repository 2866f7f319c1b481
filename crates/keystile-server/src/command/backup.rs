//! `keystile backup`: a copy of the database, which a server may have in use.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use keystile::Clock;
use keystile_accounts::Accounts;

use super::place::Place;
use super::{long, output};

/// Copy the database to a file; a server may run on it meanwhile.
///
/// The file is not there before it is whole, checked and on disk, and nothing is overwritten. It holds the signing keys and
/// the password hashes: keep it as you keep the data folder.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  keystile backup keystile-2026-11-22.db
  keystile backup /mnt/backups/$(date +%F).db --data /var/lib/keystile

Run it as the server's user. PostgreSQL is backed up by its own means (pg_dump, base backups).")]
pub(crate) struct Backup {
    /// The file to make
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Backup {
    pub(crate) fn run(self) -> Result<()> {
        let config = self.place.load()?;
        let url = config.database.expose().to_owned();
        let file = self.file.clone();
        let made = long::watched(move |stop, told| {
            Accounts::backup(&url, &file, &Clock::system(), stop, told)
        })?;
        let taken_at = keystile_server::rfc3339(made.taken_at);
        if self.json {
            return output::json(&serde_json::json!({
                "file": self.file,
                "taken_at": taken_at,
                "bytes": made.bytes,
                "schema": made.schema,
                "accounts": made.accounts,
                "sessions": made.sessions,
            }));
        }
        output::line(&format!(
            "{}: taken at {taken_at}, checked and on disk; {} KiB, accounts: {}, sessions not ended: {}
It holds the signing keys and the password hashes: keep it as you keep the data folder.",
            self.file.display(),
            made.bytes.div_ceil(1024),
            made.accounts,
            made.sessions,
        ))
    }
}
