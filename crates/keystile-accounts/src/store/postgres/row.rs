//! Prepared statements and the rows that they answer.

use deadpool_postgres::GenericClient;
use tokio_postgres::types::{FromSql, ToSql};
use tokio_postgres::{Error, Row};

use super::super::StoreError;

/// A statement's values, in order.
pub(super) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Runs a statement, prepared once for each connection; answers how many rows it changed.
pub(super) async fn run(
    client: &impl GenericClient,
    sql: &'static str,
    values: Values<'_>,
) -> Result<u64, Error> {
    let statement = client.prepare_cached(sql).await?;
    client.execute(&statement, values).await
}

/// The rows that a statement answers.
pub(super) async fn all(
    client: &impl GenericClient,
    sql: &'static str,
    values: Values<'_>,
) -> Result<Vec<Row>, Error> {
    let statement = client.prepare_cached(sql).await?;
    client.query(&statement, values).await
}

/// The row that a statement answers, if any.
pub(super) async fn optional(
    client: &impl GenericClient,
    sql: &'static str,
    values: Values<'_>,
) -> Result<Option<Row>, Error> {
    let statement = client.prepare_cached(sql).await?;
    client.query_opt(&statement, values).await
}

/// The one number that a statement answers.
pub(super) async fn number(
    client: &impl GenericClient,
    sql: &'static str,
    values: Values<'_>,
) -> Result<i64, StoreError> {
    match optional(client, sql, values).await? {
        Some(row) => get(&row, 0),
        None => Err(StoreError::Corrupt("a count that is missing")),
    }
}

/// A column.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, StoreError> {
    Ok(row.try_get(index)?)
}

/// A JSON list of texts in a column.
pub(super) fn list(row: &Row, index: usize) -> Result<Vec<String>, StoreError> {
    let text: &str = get(row, index)?;
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt("a list that is no JSON"))
}

/// 32 bytes in a column.
pub(super) fn bytes(value: &[u8]) -> Result<[u8; 32], StoreError> {
    value
        .try_into()
        .map_err(|_| StoreError::Corrupt("a hash or a salt that is not 32 bytes"))
}
