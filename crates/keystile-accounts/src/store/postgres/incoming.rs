//! The target of a move: one transaction, in which everything comes, is read back, and is kept or not.

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use deadpool_postgres::{GenericClient, Transaction};
use tokio::time::timeout;
use tokio_postgres::Error;

use super::super::transfer::MoveError;
use super::super::transfer::table::TABLES;
use super::super::{AuditRecord, Stop, StoreError};
use super::claim::Claimed;
use super::migrate::{self, MIGRATIONS};
use super::{audit, row};

/// No statement of a move may be cut short; but a program that went away, or sleeps, is not waited for for ever.
const PATIENT: &str =
    "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '5min'";
/// How long nothing may happen before the connection counts as lost, and how often it is asked whether to stop.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(200);
/// What a server makes at its first start may be there, and is replaced; what people did may not.
const OF_PEOPLE: &[&str] = &[
    "account",
    "session",
    "spent",
    "exchanged",
    "revocation",
    "audit",
];
const FORMER: &str = "SELECT value FROM meta WHERE name = 'moved_from'";
const FORMATS: &str = "INSERT INTO password_format (format, accounts)
    SELECT password_format, count(*) FROM account WHERE password_format IS NOT NULL GROUP BY password_format";
const REMEMBER: &str = "INSERT INTO meta (name, value) VALUES ('moved_from', $1)";

/// Everything that is done here is kept together or not at all; dropped before, not at all.
pub(in crate::store) struct Incoming<'a> {
    pub(super) transaction: Transaction<'a>,
    place: &'a str,
    stop: Stop,
}

impl fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Incoming").field(&self.place).finish()
    }
}

impl Claimed {
    /// Begins, and makes the tables where there are none.
    pub(in crate::store) async fn begin(&mut self) -> Result<Incoming<'_>, MoveError> {
        let Self {
            client,
            place,
            stop,
        } = self;
        migrate::refuse_unfit(client)
            .await
            .map_err(MoveError::Target)?;
        let transaction = client.transaction().await.map_err(at_target)?;
        transaction
            .batch_execute(PATIENT)
            .await
            .map_err(at_target)?;
        migrate::apply(&transaction, MIGRATIONS)
            .await
            .map_err(MoveError::Target)?;
        Ok(Incoming {
            transaction,
            place,
            stop: stop.clone(),
        })
    }
}

impl Incoming<'_> {
    /// Hosts and database.
    pub(in crate::store) fn place(&self) -> &str {
        self.place
    }

    pub(in crate::store) fn not_empty(&self, table: &'static str) -> MoveError {
        MoveError::NotEmpty {
            target: self.place.to_owned(),
            table,
        }
    }

    /// The digest of the move that this database had already, if any.
    pub(in crate::store) async fn moved_from(&self) -> Result<Option<String>, MoveError> {
        let found = row::optional(&self.transaction, FORMER, &[]).await;
        let found = found.map_err(at_target)?;
        found
            .map(|row| row::get(&row, 0))
            .transpose()
            .map_err(MoveError::Target)
    }

    /// Refuses a database that was used; takes out what a first start made, and what would be done at each row.
    pub(in crate::store) async fn make_room(&self) -> Result<(), MoveError> {
        for table in OF_PEOPLE {
            let any = format!("SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1) AS first");
            if self.number(&any).await? > 0 {
                return Err(self.not_empty(table));
            }
        }
        if self.number("SELECT count(*) FROM signing_key").await? > 1 {
            return Err(self.not_empty("signing_key"));
        }
        for table in TABLES {
            self.run(&format!("DELETE FROM {}{}", table.name, table.condition()))
                .await?;
        }
        self.run("DELETE FROM password_format").await?;
        self.run("ALTER TABLE account DISABLE TRIGGER USER").await
    }

    /// What no row says: how many hashes of each format there are, and where the numbering goes on.
    pub(in crate::store) async fn settle(&self) -> Result<(), MoveError> {
        self.run(FORMATS).await?;
        self.run("ALTER TABLE account ENABLE TRIGGER USER").await?;
        for table in TABLES {
            let name = table.name;
            self.run(&format!("ANALYZE {name}")).await?;
            let Some(column) = table.numbered else {
                continue;
            };
            let highest = format!("SELECT coalesce(max({column}), 0) FROM {name}");
            let last = self.number(&highest).await?;
            let next = last.checked_add(1).ok_or_else(|| MoveError::Row {
                table: name,
                row: format!("{column} = {last}"),
                why: "no number follows it".to_owned(),
            })?;
            // Unlike `setval`, this is undone with the rest.
            let next = next.max(1);
            self.run(&format!(
                "ALTER TABLE {name} ALTER COLUMN {column} RESTART WITH {next}"
            ))
            .await?;
        }
        Ok(())
    }

    /// Notes where it came from, and keeps everything.
    pub(in crate::store) async fn keep(
        self,
        digest: &str,
        source: &str,
        now: i64,
    ) -> Result<(), MoveError> {
        let record = AuditRecord {
            at: now,
            kind: "database.moved".to_owned(),
            from: Some("command line".to_owned()),
            detail: Some(serde_json::json!({ "source": source, "digest": digest }).to_string()),
            ..AuditRecord::default()
        };
        row::run(&self.transaction, REMEMBER, &[&digest])
            .await
            .map_err(at_target)?;
        let noted = audit::insert(&self.transaction, &record).await;
        noted.map_err(|error| match error {
            super::super::WriteError::Store(error) => MoveError::Target(error),
            other => MoveError::Target(StoreError::Database(other.to_string())),
        })?;
        if self.stop.is_asked() {
            return Err(MoveError::Stopped);
        }
        // From here on it is waited for: what became of a commit that nobody waits for is not known.
        match timeout(LONGEST_WAIT, self.transaction.commit()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(match StoreError::from(error) {
                lost @ (StoreError::Unreachable(_) | StoreError::Timeout) => {
                    MoveError::Unknown(lost)
                }
                refused => MoveError::Target(refused),
            }),
            Err(_) => Err(MoveError::Unknown(StoreError::Timeout)),
        }
    }

    async fn run(&self, sql: &str) -> Result<(), MoveError> {
        let done = self.wait(self.transaction.batch_execute(sql)).await?;
        done.map_err(at_target)
    }

    async fn number(&self, sql: &str) -> Result<i64, MoveError> {
        let row = self.wait(self.transaction.query_one(sql, &[])).await?;
        row::get(&row.map_err(at_target)?, 0).map_err(MoveError::Target)
    }

    /// Waits for the server, but neither for ever nor after it was asked to stop.
    pub(super) async fn wait<T>(&self, answer: impl Future<Output = T>) -> Result<T, MoveError> {
        let mut answer = pin!(answer);
        let mut waited = Duration::ZERO;
        while waited < LONGEST_WAIT {
            if let Ok(answer) = timeout(LOOK, &mut answer).await {
                return Ok(answer);
            }
            if self.stop.is_asked() {
                return Err(MoveError::Stopped);
            }
            waited += LOOK;
        }
        Err(MoveError::Target(StoreError::Timeout))
    }
}

pub(super) fn at_target(error: Error) -> MoveError {
    MoveError::Target(error.into())
}
