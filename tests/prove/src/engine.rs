//! Which database the servers of a proof stand on, and where it is.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use clap::ValueEnum;
use keystile_tests_postgres as postgres;

/// One of the two engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// A file in the server's data folder.
    Sqlite,
    /// A database of its own, on a PostgreSQL that is started from the installed binaries for this program.
    Postgres,
}

impl Engine {
    /// Those that can be tried here: PostgreSQL's absence is said in one line.
    pub fn installed() -> Vec<Self> {
        let mut all = vec![Self::Sqlite];
        all.extend(postgres::Server::shared().map(|_| Self::Postgres));
        all
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

/// Where the servers of one proof keep what they know. The database goes with the last who has this.
#[derive(Clone, Debug)]
pub enum Place {
    /// Each in its data folder.
    Folder,
    /// All in this database.
    Postgres(Arc<postgres::Database>),
    /// A PostgreSQL database that somebody else keeps.
    Url(String),
}

impl Place {
    /// A new, empty one.
    pub fn new(engine: Engine) -> anyhow::Result<Self> {
        Ok(match engine {
            Engine::Sqlite => Self::Folder,
            Engine::Postgres => {
                let server = postgres::Server::shared();
                let server = server.context("install PostgreSQL to try this on it")?;
                Self::Postgres(Arc::new(server.database()))
            }
        })
    }

    /// Its engine.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Folder => Engine::Sqlite,
            Self::Postgres(_) | Self::Url(_) => Engine::Postgres,
        }
    }

    /// The database's URL, under which whoever connects is known by `name` there; `data` is the server's data folder.
    pub fn url(&self, name: &str, data: &Path) -> String {
        match self {
            Self::Folder => format!("sqlite://{}", data.join("keystile.db").display()),
            Self::Postgres(database) => format!("{}?application_name={name}", database.url()),
            Self::Url(url) => {
                let joint = if url.contains('?') { '&' } else { '?' };
                format!("{url}{joint}application_name={name}")
            }
        }
    }
}
