//! What is asked of a database by its URL, without a store: a look, a lock, a copy, a restore.

use std::path::Path;

use super::sqlite::{self, MIGRATIONS};
#[cfg(feature = "postgres")]
use super::transfer::{MoveError, Transferred};
use super::url::{self, Engine};
use super::{
    Copied, CopyError, DatabaseServer, Inspection, Restoration, Restored, ServerLock, Sqlite,
    Store, StoreError, Watch,
};

impl Store {
    /// Looks at the database and writes nothing, not even a file beside it. `None` where there is none.
    pub async fn inspect(url: &str) -> Result<Option<Inspection>, StoreError> {
        match url::engine(url)? {
            Engine::Sqlite => {
                let url = url.to_owned();
                tokio::task::spawn_blocking(move || sqlite::inspect(&url, MIGRATIONS))
                    .await
                    .map_err(|error| StoreError::Database(format!("the look broke off: {error}")))?
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres => super::postgres::inspect(url).await.map(Some),
        }
    }

    /// Looks at each host of a database that has a server of its own, and at the server; `None` for SQLite.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(
            clippy::unused_async,
            reason = "a server of the database's is what is waited for"
        )
    )]
    pub async fn inspect_server(url: &str) -> Result<Option<DatabaseServer>, StoreError> {
        match url::engine(url)? {
            Engine::Sqlite => Ok(None),
            #[cfg(feature = "postgres")]
            Engine::Postgres => super::postgres::inspect_server(url).await.map(Some),
        }
    }

    /// Refuses a second server on the same database, which need not be open yet. Commands do not ask for it. Held until
    /// dropped. Several servers may share a PostgreSQL database: there it refuses nothing.
    pub fn claim_server_lock(url: &str) -> Result<ServerLock, StoreError> {
        match url::engine(url)? {
            Engine::Sqlite => Sqlite::claim_server_lock(url),
            #[cfg(feature = "postgres")]
            Engine::Postgres => Ok(ServerLock::needless()),
        }
    }

    /// Copies the database, which may be in use, to a file that is not there yet. The file has its name only once it is
    /// whole, checked and on disk. Blocks; holds no writer up.
    pub fn backup(
        url: &str,
        file: &Path,
        now: i64,
        watch: &mut Watch<'_>,
    ) -> Result<Copied, CopyError> {
        only_sqlite(url)?;
        sqlite::backup(url, file, now, watch)
    }

    /// Puts a backup in the place of the database, or makes a database of it where there is none; the former one is kept
    /// beside it. Refused while a server or another process has that open. Blocks.
    pub fn restore(
        url: &str,
        file: &Path,
        how: Restoration,
        watch: &mut Watch<'_>,
    ) -> Result<Restored, CopyError> {
        only_sqlite(url)?;
        sqlite::restore(url, file, how, watch)
    }

    /// Moves everything from a SQLite file to a PostgreSQL database that is not in use yet, or nothing. Nobody else may have
    /// either open meanwhile.
    #[cfg(feature = "postgres")]
    pub async fn transfer(
        from: &str,
        to: &str,
        now: i64,
        watch: &mut Watch<'_>,
    ) -> Result<Transferred, MoveError> {
        match (url::engine(from)?, url::engine(to)?) {
            (Engine::Sqlite, Engine::Postgres) => {
                super::transfer::transfer(from, to, now, watch).await
            }
            _ => Err(MoveError::Direction),
        }
    }
}

/// Copying files is SQLite's way alone.
fn only_sqlite(url: &str) -> Result<(), CopyError> {
    if url::is_postgres(url) {
        return Err(CopyError::OtherEngine);
    }
    Ok(())
}
