//! A database that is moved elsewhere: held against everybody else, checked, and read once.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, Rows, Statement};

use super::super::transfer::MoveError;
use super::super::transfer::table::{Kind, TABLES, Table};
use super::super::transfer::value::{Value, named};
use super::super::{Progress, StoreError, Watch};
use super::location::{Location, ServerLock};
use super::mark::refuse_moved;
use super::{backup, migrate, whole};

/// How long a command that is just ending is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Rows that are read, and written, at a time; fewer where they are large.
const MOST_ROWS: usize = 2_000;
const MOST_BYTES: usize = 1024 * 1024;
/// Nothing that this program writes is nearly as long as this.
const LONGEST: i32 = 8 * 1024 * 1024;
/// Virtual-machine instructions between two looks at whether to go on.
const LOOK_EVERY: i32 = 100_000;

/// The source of a move. Nobody else has it open while this is held.
#[derive(Debug)]
pub(in crate::store) struct Outgoing {
    path: PathBuf,
    connection: Connection,
    _lock: ServerLock,
}

impl Outgoing {
    /// Takes it out of everybody's hands. Nothing is written to it.
    pub(in crate::store) fn hold(url: &str, watch: &Watch<'_>) -> Result<Self, MoveError> {
        let path = backup::path_of(url)?;
        match fs::metadata(&path) {
            Ok(found) if !found.is_file() => {
                return Err(whole::not_whole(&path, "it is not a file").into());
            }
            Ok(found) if found.len() > 0 => {}
            Ok(_) => return Err(MoveError::NoSource(path)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(MoveError::NoSource(path));
            }
            Err(source) => return Err(StoreError::Open { path, source }.into()),
        }
        refuse_moved(&path)?;
        let lock = ServerLock::claim(&Location::File(path.clone()))?;
        let mut connection = alone(&path)?;
        // Again: another move may have ended while this one waited.
        refuse_moved(&path)?;
        stop_by(&mut connection, watch)?;
        let found = whole::version(&connection, &path)?;
        let known = migrate::MIGRATIONS.last().map_or(0, |last| last.version);
        if found != known {
            return Err(MoveError::Version {
                path,
                found,
                known,
                cure: "back it up, and run `keystile migrate --database` with the same URL",
            });
        }
        Ok(Self {
            path,
            connection,
            _lock: lock,
        })
    }

    /// Reads it over as a backup is read over, and looks for values that nobody can have meant.
    pub(in crate::store) fn check(&mut self, watch: &mut Watch<'_>) -> Result<(), MoveError> {
        watch.tell(Progress::Checking)?;
        let checked = whole::check(&mut self.connection, &self.path, watch);
        stop_by(&mut self.connection, watch)?;
        checked.map_err(|error| self.too_long().unwrap_or(error.into()))
    }

    /// The row with a value without measure, which no look at the whole gets past, nor says where it is.
    fn too_long(&self) -> Option<MoveError> {
        let found = TABLES.iter().find_map(|table| {
            let mut statement = self.select(table).ok()?;
            let mut rows = statement.query([]).ok()?;
            let mut read = 0;
            loop {
                match rows.next() {
                    Ok(Some(_)) => read += 1,
                    Ok(None) => return None,
                    Err(error) => return Some(self.unread(table, read, error)),
                }
            }
        });
        found.filter(|error| matches!(error, MoveError::Row { .. }))
    }

    pub(in crate::store) fn path(&self) -> &Path {
        &self.path
    }

    /// For the audit of the target.
    pub(in crate::store) fn describe(&self) -> String {
        format!("sqlite {}", self.path.display())
    }

    /// Rows of all tables.
    pub(in crate::store) fn count(&self) -> Result<u64, StoreError> {
        TABLES.iter().map(|table| self.rows_of(table)).sum()
    }

    /// Refuses where other rows were read than there are.
    pub(in crate::store) fn expect(&self, table: &Table, read: u64) -> Result<(), MoveError> {
        if self.rows_of(table)? == read {
            return Ok(());
        }
        let what = format!("its table {} has other rows than its index", table.name);
        Err(whole::not_whole(&self.path, what).into())
    }

    fn rows_of(&self, table: &Table) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {}{}", table.name, table.condition());
        backup::count(&self.connection, &sql)
    }

    /// The rows of a table, in the order of its key.
    pub(in crate::store) fn select(&self, table: &Table) -> Result<Statement<'_>, StoreError> {
        let sql = format!(
            "SELECT {} FROM {}{} ORDER BY {}",
            table.names_in_sqlite(),
            table.name,
            table.condition(),
            table.order()
        );
        Ok(self.connection.prepare(&sql)?)
    }

    /// The next rows, after those that were read; none at the end.
    pub(in crate::store) fn batch(
        &self,
        table: &'static Table,
        rows: &mut Rows<'_>,
        read: u64,
    ) -> Result<Vec<Vec<Value>>, MoveError> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < MOST_ROWS && bytes < MOST_BYTES {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(error) => return Err(self.unread(table, read + batch.len() as u64, error)),
            };
            let row = values(table, row)?;
            bytes += row.iter().map(Value::size).sum::<usize>();
            batch.push(row);
        }
        Ok(batch)
    }

    /// Why there is no next row.
    fn unread(&self, table: &'static Table, read: u64, error: rusqlite::Error) -> MoveError {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => MoveError::Stopped,
            Some(ErrorCode::TooBig) => MoveError::Row {
                table: table.name,
                row: self.key_after(table, read),
                why: format!("it holds more than {} MiB in one column", LONGEST >> 20),
            },
            _ => whole::broken(&self.path, error).into(),
        }
    }

    /// The key alone of the row that follows so many others.
    fn key_after(&self, table: &'static Table, read: u64) -> String {
        let keys: Vec<_> = table.keys().iter().map(|key| key.in_sqlite).collect();
        let (keys, order) = (keys.join(", "), table.order());
        let (name, only) = (table.name, table.condition());
        let sql = format!("SELECT {keys} FROM {name}{only} ORDER BY {order} LIMIT 1 OFFSET {read}");
        let key = self.connection.query_row(&sql, [], |row| {
            Ok(table
                .keys()
                .iter()
                .enumerate()
                .map(|(index, column)| {
                    let value = row.get_ref(index).ok();
                    value.and_then(|value| taken(value, column.kind).ok())
                })
                .collect::<Option<Vec<_>>>())
        });
        match key {
            Ok(Some(key)) => named(table, &key),
            _ => format!("number {} in the order of {order}", read + 1),
        }
    }
}

/// Lets a statement that takes long be stopped.
fn stop_by(connection: &mut Connection, watch: &Watch<'_>) -> Result<(), StoreError> {
    let stop = watch.stop.clone();
    Ok(connection.progress_handler(LOOK_EVERY, Some(move || stop.is_asked()))?)
}

/// A connection that nobody else can have one beside: in exclusive mode the first look takes the file for itself, and
/// whoever has it open already is noticed.
fn alone(path: &Path) -> Result<Connection, MoveError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "trusted_schema", "OFF")?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST)?;
        connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
        connection.execute_batch(
            "PRAGMA temp_store = MEMORY; BEGIN EXCLUSIVE; PRAGMA query_only = ON;",
        )?;
        Ok(connection)
    };
    open().map_err(|error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            MoveError::SourceInUse(path.to_owned())
        }
        _ => whole::broken(path, error).into(),
    })
}

fn values(table: &'static Table, row: &Row<'_>) -> Result<Vec<Value>, MoveError> {
    let mut values: Vec<Value> = Vec::with_capacity(table.columns.len());
    for (index, column) in table.columns.iter().enumerate() {
        let value = row.get_ref(index).map_err(StoreError::from)?;
        let value =
            taken(value, column.kind).and_then(|value| value.check(column.kind).map(|()| value));
        match value {
            Ok(value) => values.push(value),
            Err(why) => {
                // A key that is unfit itself is named as far as it goes.
                let row = if index < table.key {
                    format!(
                        "an unfit {}, after {}",
                        column.in_sqlite,
                        named(table, &values)
                    )
                } else {
                    named(table, &values)
                };
                return Err(MoveError::Row {
                    table: table.name,
                    row,
                    why: format!("its column {} {why}", column.in_sqlite),
                });
            }
        }
    }
    Ok(values)
}

fn taken(value: ValueRef<'_>, kind: Kind) -> Result<Value, &'static str> {
    Ok(match (value, kind) {
        (ValueRef::Null, _) => Value::Nothing,
        (ValueRef::Integer(number @ (0 | 1)), Kind::Flag) => Value::Flag(number == 1),
        (ValueRef::Integer(number), Kind::Whole) => Value::Whole(number),
        (ValueRef::Text(text), Kind::Text | Kind::List) => match std::str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => return Err("is not UTF-8"),
        },
        (ValueRef::Blob(bytes), Kind::Bytes) => Value::Bytes(bytes.to_vec()),
        _ => return Err("is of a kind that this column does not have"),
    })
}
