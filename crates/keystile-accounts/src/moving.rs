//! A move of everything from SQLite to PostgreSQL.

use std::path::PathBuf;

use keystile::Clock;

use crate::accounts::Accounts;
use crate::backup::{Progress, Stop};
use crate::error::Fault;
use crate::store::{MoveError, Store, Watch};

/// A move that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// Each table, and how many rows of it were moved and compared.
    pub tables: Vec<(&'static str, u64)>,
    /// SHA-256 over all rows, in hexadecimal digits; the target keeps it too.
    pub digest: String,
    /// The target had exactly these rows already: an earlier move was ended before it could mark the source.
    pub already: bool,
    /// Engine, hosts and database of the target, without credentials.
    pub target: String,
    /// The file beside the source that keeps it from being opened. Whoever deletes it goes back to the source.
    pub mark: PathBuf,
}

impl Moved {
    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }
}

impl Accounts {
    /// Moves everything from `sqlite://…` to `postgres://…`: accounts, sessions, refresh tokens, keys, what is revoked,
    /// counters, the audit. All of it, compared row by row with what the target reads back, or nothing. The source is left as
    /// it was, but for a file beside it that keeps it from being opened by mistake. Blocks: call it from a thread that may,
    /// outside of any runtime's.
    ///
    /// # Errors
    /// A server or another process has either open (`server_running`, `database_in_use`, `target_in_use`), the target has rows
    /// already (`target_not_empty`), the source is damaged (`not_whole`) or older than this program (`schema_behind`), a row
    /// cannot be kept by PostgreSQL (`row_unfit`, which names it), the target changes what it is given (`move_differs`), the
    /// database fails (`store_…`), it was asked to stop (`stopped`). Both databases are as they were then. With
    /// `move_unknown` and `source_unmarked` the target may have everything: the same call again finds out.
    pub fn migrate_database(
        from: &str,
        to: &str,
        clock: &Clock,
        stop: &Stop,
        told: &mut dyn FnMut(Progress),
    ) -> Result<Moved, Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Fault::because("store_failed", "cannot start a runtime", error))?;
        let mut watch = Watch {
            stop: stop.clone(),
            told,
        };
        let now = clock.now().as_millis();
        let done = runtime.block_on(Store::transfer(from, to, now, &mut watch))?;
        Ok(Moved {
            tables: done.tables,
            digest: done.digest,
            already: done.already,
            target: done.target,
            mark: done.mark,
        })
    }
}

impl From<MoveError> for Fault {
    fn from(error: MoveError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
