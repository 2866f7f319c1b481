//! A transaction, and what it revoked.

use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use deadpool_postgres::{Object, Transaction};
use tokio_postgres::Row;

use super::super::{RevocationRecord, StoreError, WriteError};
use super::Doing;
use super::row::{self, Values};

/// What a job writes with. Dropped before it is kept, it is rolled back.
#[derive(Debug)]
pub(super) struct Work<'a> {
    transaction: Transaction<'a>,
    revoked: Mutex<Vec<RevocationRecord>>,
}

impl Work<'_> {
    /// Runs a statement; answers how many rows it changed.
    pub(super) async fn run(
        &self,
        sql: &'static str,
        values: Values<'_>,
    ) -> Result<u64, WriteError> {
        Ok(row::run(&self.transaction, sql, values).await?)
    }

    /// The row that a statement answers, if any.
    pub(super) async fn optional(
        &self,
        sql: &'static str,
        values: Values<'_>,
    ) -> Result<Option<Row>, WriteError> {
        Ok(row::optional(&self.transaction, sql, values).await?)
    }

    /// The rows that a statement answers.
    pub(super) async fn all(
        &self,
        sql: &'static str,
        values: Values<'_>,
    ) -> Result<Vec<Row>, WriteError> {
        Ok(row::all(&self.transaction, sql, values).await?)
    }

    /// Notes a revocation that was inserted, to be told after the commit.
    pub(super) fn note_revoked(&self, record: RevocationRecord) {
        self.revoked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(record);
    }
}

impl<'a> Deref for Work<'a> {
    type Target = Transaction<'a>;

    fn deref(&self) -> &Transaction<'a> {
        &self.transaction
    }
}

/// Runs a job in a transaction and commits it, or rolls it back; what it revoked.
pub(super) async fn transact<T, F>(
    client: &mut Object,
    job: F,
) -> Result<(T, Vec<RevocationRecord>), WriteError>
where
    F: for<'a> FnOnce(&'a Work<'a>) -> Doing<'a, T, WriteError>,
{
    let work = Work {
        transaction: client.transaction().await.map_err(StoreError::from)?,
        revoked: Mutex::default(),
    };
    let outcome = job(&work).await;
    let Work {
        transaction,
        revoked,
    } = work;
    match outcome {
        Ok(outcome) => {
            transaction.commit().await?;
            Ok((
                outcome,
                revoked.into_inner().unwrap_or_else(PoisonError::into_inner),
            ))
        }
        Err(error) => {
            // An error here means a broken connection, which rolls back by itself and is found out at its next use.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}
