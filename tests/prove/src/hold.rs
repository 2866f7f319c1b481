//! Writes of the servers held back in the database until all that is to meet has met.

mod gate;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::engine::Place;
use crate::server::Server;
pub use gate::{Gate, Point};

/// What holds them back.
#[derive(Debug)]
pub enum Hold {
    /// The file's write lock: every write waits before it begins, in the order in which they came.
    Sqlite(WriteLock),
    /// Each write waits where it was chosen, with what it has locked and read so far.
    Postgres(Gate),
}

impl Hold {
    /// For the servers on this one's database; holds nothing yet.
    pub async fn new(server: &Server) -> anyhow::Result<Self> {
        let data = server.data();
        Ok(match server.place() {
            Place::Folder => Self::Sqlite(WriteLock::open(&data.join("keystile.db"))?),
            place @ (Place::Postgres(_) | Place::Url(_)) => {
                Self::Postgres(Gate::new(&place.url("proof", &data)).await?)
            }
        })
    }

    /// Holds back what the connections of these names write; on PostgreSQL at this point.
    pub async fn hold(&self, point: Point, names: &[&str]) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(lock) => lock.hold(),
            Self::Postgres(gate) => gate.close(point, names).await,
        }
    }

    /// Lets all go on.
    pub async fn release(&self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(lock) => lock.release(),
            Self::Postgres(gate) => gate.open().await,
        }
    }

    /// Waits until the servers do nothing any more: whatever they were sent is answered, or held as far as it can come.
    pub async fn wait_until_idle(&self, servers: &[&Server]) -> anyhow::Result<()> {
        loop {
            for server in servers {
                server.wait_until_idle().await?;
            }
            match self {
                Self::Sqlite(_) => return Ok(()),
                // A server sleeps too while the database works for it.
                Self::Postgres(gate) if gate.is_idle().await? => return Ok(()),
                Self::Postgres(_) => {}
            }
        }
    }
}

/// SQLite's write lock, held from a second connection.
#[derive(Debug)]
pub struct WriteLock(Connection);

impl WriteLock {
    /// Opens the connection; holds nothing yet.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(Duration::from_secs(20))?;
        Ok(Self(connection))
    }

    /// Takes the lock.
    pub fn hold(&self) -> anyhow::Result<()> {
        Ok(self.0.execute_batch("BEGIN IMMEDIATE")?)
    }

    /// Gives it back; nothing was written.
    pub fn release(&self) -> anyhow::Result<()> {
        Ok(self.0.execute_batch("ROLLBACK")?)
    }
}
