//! A move of everything from SQLite to PostgreSQL: one transaction there, read back and compared before it is kept.

mod error;
pub(super) mod table;
pub(super) mod value;

use std::path::PathBuf;

pub use error::MoveError;

use super::postgres::{Claimed, Incoming};
use super::sqlite::{Mark, Outgoing};
use super::{Progress, Watch};
use table::TABLES;
use value::{Sum, digest};

/// A move that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// Each table, and how many rows were moved.
    pub tables: Vec<(&'static str, u64)>,
    /// Over all rows, in hexadecimal digits.
    pub digest: String,
    /// The target had everything already: an earlier move was ended before it could mark the source.
    pub already: bool,
    /// Hosts and database of the target.
    pub target: String,
    /// The file that keeps the source from being served.
    pub mark: PathBuf,
}

/// A column that is moved, for the test that none is forgotten.
#[derive(Clone, Copy, Debug)]
pub struct MovedColumn {
    /// Its table, called so in both engines.
    pub table: &'static str,
    /// Its name in PostgreSQL.
    pub name: &'static str,
    /// Its name in SQLite.
    pub in_sqlite: &'static str,
    /// PostgreSQL numbers it by itself, and goes on after the last.
    pub numbered: bool,
}

/// Every column that is moved.
pub fn moved_columns() -> impl Iterator<Item = MovedColumn> {
    TABLES.iter().flat_map(|table| {
        table.columns.iter().map(|column| MovedColumn {
            table: table.name,
            name: column.name,
            in_sqlite: column.in_sqlite,
            numbered: table.numbered == Some(column.name),
        })
    })
}

type Sums = Vec<(&'static str, Sum)>;

/// Moves all. Nothing else is connected to either database meanwhile.
pub(super) async fn transfer(
    from: &str,
    to: &str,
    now: i64,
    watch: &mut Watch<'_>,
) -> Result<Transferred, MoveError> {
    let mut source = Outgoing::hold(from, watch)?;
    let mut claimed = Claimed::take(to, &watch.stop).await?;
    source.check(watch)?;
    let target = claimed.begin().await?;
    let total = source.count()?;
    let former = target.moved_from().await?;
    let (sums, already) = match former {
        None => (fill(&source, &target, total, watch).await?, false),
        Some(former) => {
            let sums = copy(&source, None, total, watch).await?;
            if digest(&sums) != former {
                return Err(target.not_empty("account"));
            }
            (sums, true)
        }
    };
    let digest = digest(&sums);
    // All but its name, so that nothing but a name is missing once the target has everything.
    let mark = Mark::prepare(source.path(), target.place(), &digest, now)?;
    let place = target.place().to_owned();
    if !already {
        target.keep(&digest, &source.describe(), now).await?;
    }
    Ok(Transferred {
        tables: sums.iter().map(|(table, sum)| (*table, sum.rows)).collect(),
        digest,
        already,
        target: place,
        mark: mark.set()?,
    })
}

/// Copies, and reads back what came.
async fn fill(
    source: &Outgoing,
    target: &Incoming<'_>,
    total: u64,
    watch: &mut Watch<'_>,
) -> Result<Sums, MoveError> {
    target.make_room().await?;
    let sums = copy(source, Some(target), total, watch).await?;
    target.settle().await?;
    compare(target, &sums, total, watch).await?;
    Ok(sums)
}

/// Reads every row of the source once, in one snapshot.
async fn copy(
    source: &Outgoing,
    target: Option<&Incoming<'_>>,
    total: u64,
    watch: &mut Watch<'_>,
) -> Result<Sums, MoveError> {
    let mut sums = Vec::new();
    let mut done = 0;
    for table in TABLES {
        let mut sum = Sum::default();
        let mut statement = source.select(table)?;
        let mut rows = statement.query([]).map_err(super::StoreError::from)?;
        loop {
            let batch = source.batch(table, &mut rows, sum.rows)?;
            if batch.is_empty() {
                break;
            }
            if let Some(target) = target {
                target.write(table, &batch).await?;
            }
            for row in &batch {
                sum.add(table, row);
            }
            done += batch.len() as u64;
            let table = table.name;
            watch.tell(match target {
                Some(_) => Progress::Moving { table, done, total },
                None => Progress::Comparing { table, done, total },
            })?;
        }
        source.expect(table, sum.rows)?;
        sums.push((table.name, sum));
    }
    Ok(sums)
}

async fn compare(
    target: &Incoming<'_>,
    sums: &Sums,
    total: u64,
    watch: &mut Watch<'_>,
) -> Result<(), MoveError> {
    let mut done = 0;
    for (table, (name, expected)) in TABLES.iter().zip(sums) {
        let before = done;
        let mut told = |rows| {
            let done = before + rows;
            let table = name;
            Ok(watch.tell(Progress::Comparing { table, done, total })?)
        };
        let found = target.sum(table, &mut told).await?;
        if found != *expected {
            return Err(MoveError::Differs {
                table: name,
                source_rows: expected.rows,
                target_rows: found.rows,
            });
        }
        done += found.rows;
    }
    Ok(())
}
