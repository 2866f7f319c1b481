//! Rows into the target of a move, and out of it again.

use std::pin::pin;

use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, Row};

use super::super::StoreError;
use super::super::transfer::MoveError;
use super::super::transfer::table::{Kind, Table};
use super::super::transfer::value::{Sum, Value, named};
use super::incoming::{Incoming, at_target};
use super::row;

/// Rows that are read back at a time.
const MOST_ROWS: i32 = 2_000;

impl Incoming<'_> {
    /// Writes rows, in their order.
    pub(in crate::store) async fn write(
        &self,
        table: &'static Table,
        rows: &[Vec<Value>],
    ) -> Result<(), MoveError> {
        let written = self.wait(self.copy_in(table, rows)).await?;
        match written {
            Ok(()) => Ok(()),
            Err(error) => Err(refused(table, rows, error)),
        }
    }

    async fn copy_in(&self, table: &Table, rows: &[Vec<Value>]) -> Result<(), Error> {
        let sql = format!(
            "COPY {} ({}) FROM STDIN (FORMAT binary)",
            table.name,
            table.names()
        );
        let types: Vec<Type> = table
            .columns
            .iter()
            .map(|column| type_of(column.kind))
            .collect();
        let statement = self.transaction.prepare_cached(&sql).await?;
        let sink = self.transaction.copy_in(&statement).await?;
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
        for row in rows {
            let columns = table.columns.iter().zip(row);
            let fields: Vec<_> = columns
                .map(|(column, value)| field(value, column.kind))
                .collect();
            writer.as_mut().write(&fields).await?;
        }
        writer.finish().await?;
        Ok(())
    }

    /// Reads a table back.
    pub(in crate::store) async fn sum(
        &self,
        table: &'static Table,
        told: &mut dyn FnMut(u64) -> Result<(), MoveError>,
    ) -> Result<Sum, MoveError> {
        let sql = format!(
            "SELECT {} FROM {}{}",
            table.names(),
            table.name,
            table.condition()
        );
        let mut sum = Sum::default();
        let bound = self.transaction.bind(&sql, &[]);
        let portal = self.wait(bound).await?.map_err(at_target)?;
        loop {
            let asked = self.transaction.query_portal(&portal, MOST_ROWS);
            let rows = self.wait(asked).await?.map_err(at_target)?;
            if rows.is_empty() {
                return Ok(sum);
            }
            for row in &rows {
                sum.add(table, &values(table, row).map_err(MoveError::Target)?);
            }
            told(sum.rows)?;
        }
    }
}

/// What the server would not take: its words name the line, which names the row.
fn refused(table: &'static Table, rows: &[Vec<Value>], error: Error) -> MoveError {
    let Some(said) = error.as_db_error() else {
        return at_target(error);
    };
    let class = said.code().code().get(..2).unwrap_or_default();
    // Values that do not fit (22), constraints (23), what is too large (54). All else is no row's fault.
    if !matches!(class, "22" | "23" | "54") {
        return at_target(error);
    }
    let row = line(said.where_().unwrap_or_default())
        .and_then(|line| rows.get(line.checked_sub(1)?))
        .map(|row| named(table, row));
    let row = row.unwrap_or_else(|| {
        let ends = rows.first().zip(rows.last());
        ends.map_or(String::new(), |(first, last)| {
            format!("{} to {}", named(table, first), named(table, last))
        })
    });
    MoveError::Row {
        table: table.name,
        row,
        why: format!("PostgreSQL says: {}", said.message()),
    }
}

/// From "COPY account, line 17", whatever language the word is in.
fn line(context: &str) -> Option<usize> {
    let copy = context.lines().find(|line| line.starts_with("COPY "))?;
    let digits = copy.split_once(", ")?.1;
    let digits = digits.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].parse().ok()
}

fn type_of(kind: Kind) -> Type {
    match kind {
        Kind::Whole => Type::INT8,
        Kind::Text | Kind::List => Type::TEXT,
        Kind::Bytes => Type::BYTEA,
        Kind::Flag => Type::BOOL,
    }
}

fn values(table: &Table, row: &Row) -> Result<Vec<Value>, StoreError> {
    let columns = table.columns.iter().enumerate();
    columns
        .map(|(index, column)| {
            let value = match column.kind {
                Kind::Whole => row::get::<Option<_>>(row, index)?.map(Value::Whole),
                Kind::Text | Kind::List => row::get::<Option<_>>(row, index)?.map(Value::Text),
                Kind::Bytes => row::get::<Option<_>>(row, index)?.map(Value::Bytes),
                Kind::Flag => row::get::<Option<_>>(row, index)?.map(Value::Flag),
            };
            Ok(value.unwrap_or(Value::Nothing))
        })
        .collect()
}

/// As the driver wants it.
fn field(value: &Value, kind: Kind) -> &(dyn ToSql + Sync) {
    match (value, kind) {
        (Value::Whole(number), _) => number,
        (Value::Text(text), _) => text,
        (Value::Bytes(bytes), _) => bytes,
        (Value::Flag(flag), _) => flag,
        (Value::Nothing, Kind::Whole) => &None::<i64>,
        (Value::Nothing, Kind::Text | Kind::List) => &None::<String>,
        (Value::Nothing, Kind::Bytes) => &None::<Vec<u8>>,
        (Value::Nothing, Kind::Flag) => &None::<bool>,
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn the_line_is_found_in_any_language() {
        assert_eq!(line("COPY account, line 17"), Some(17));
        assert_eq!(line("COPY session, ligne 3, colonne amr"), Some(3));
        let trigger = "PL/pgSQL function f() line 3 at RAISE\nCOPY session, line 12, column x";
        assert_eq!(line(trigger), Some(12));
        assert_eq!(line("something else"), None);
    }
}
