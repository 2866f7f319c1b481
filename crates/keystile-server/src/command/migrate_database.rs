//! `keystile migrate-database`: everything from SQLite to PostgreSQL.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use keystile::Clock;
use keystile_accounts::{Accounts, Moved};
use keystile_server::config::{Config, Sources};

use super::place::environment;
use super::{long, output};

/// Move everything from SQLite to PostgreSQL, with all servers stopped.
///
/// Accounts, sessions, refresh tokens, keys, limits: nobody is signed out. All of it or nothing: one transaction at the
/// target, which is read back and compared with the source before it is kept. The source is left as it was, but is marked: it
/// is not opened by mistake any more.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  createdb --owner keystile --encoding UTF8 --template template0 keystile
  export DATABASE_URL='postgres://keystile:PASSWORD@db.example.com/keystile'
  keystile migrate-database --from sqlite://keystile-data/keystile.db

Everybody who may list this machine's processes sees a password in --to, and nobody one in the
environment or in keystile.toml. Run it as the user of the server that the source belongs to.")]
pub(crate) struct MigrateDatabase {
    /// The SQLite database, as in `sqlite:///var/lib/keystile/keystile.db`
    #[arg(long, value_name = "URL")]
    from: String,
    /// The PostgreSQL database, which must be new [default: `database` as configured, or `DATABASE_URL`]
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Configuration file [default: ./keystile.toml where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl MigrateDatabase {
    pub(crate) fn run(self) -> Result<()> {
        let target = self.configured("--to", self.to.as_deref())?.database;
        if target.sqlite_path().is_some() && self.to.is_none() {
            bail!(
                "no PostgreSQL database is configured to move to. Set DATABASE_URL, or `database` in keystile.toml, to postgres://USER:PASSWORD@HOST/DATABASE; or name it with --to"
            );
        }
        let source = self.configured("--from", Some(&self.from))?.database;
        let moved = long::watched(move |stop, told| {
            let (from, to) = (source.expose(), target.expose());
            Accounts::migrate_database(from, to, &Clock::system(), stop, told)
        })?;
        if self.json {
            return output::json(&json(&moved));
        }
        output::line(&told(&moved))
    }

    /// The configuration with this database, where one is named. A fault of either URL is told as any other's, without it.
    fn configured(&self, flag: &'static str, url: Option<&str>) -> Result<Config> {
        let flag = url.map(|url| ("database", flag, url.to_owned()));
        Ok(Config::load(&Sources {
            config_file: self.config.clone(),
            flags: flag.into_iter().collect(),
            environment: environment(),
        })?)
    }
}

/// What was done, and what is to be done now.
fn told(moved: &Moved) -> String {
    let counts: Vec<_> = moved
        .tables
        .iter()
        .map(|(table, rows)| format!("{table} {rows}"))
        .collect();
    let outcome = if moved.already {
        "Everything was there already: an earlier move had been ended after it was kept"
    } else {
        "Moved, read back and compared"
    };
    format!(
            "{outcome}; {} rows, SHA-256 {}.
{}
Now: configure {} as the `database`, leave all else as it is (the issuer, the sealing key), and start the servers.
The source is as it was, and {} keeps it from being opened. Until somebody uses the new database, delete that file to go back; once all is well, delete the source: it holds the signing keys and the password hashes.",
            moved.rows(),
            moved.digest,
            counts.join(", "),
            output::plain(&moved.target),
            moved.mark.display(),
        )
}

fn json(moved: &Moved) -> serde_json::Value {
    let tables: serde_json::Map<_, _> = moved
        .tables
        .iter()
        .map(|(table, rows)| ((*table).to_owned(), (*rows).into()))
        .collect();
    serde_json::json!({
        "target": moved.target,
        "rows": moved.rows(),
        "tables": tables,
        "sha256": moved.digest,
        "already": moved.already,
        "mark": moved.mark,
    })
}
