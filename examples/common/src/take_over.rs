//! Taking over the users of the program that an example grew from: numbers, names and bcrypt hashes out of its SQLite file.

use std::path::Path;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use keystile_accounts::{Accounts, AdminError, NewAccount};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};

/// The table `user` or `users`, in any case, with the column of names and one of hashes: table, names, hashes, and the
/// column `id`, if it has one.
const FIND: &str = "
    SELECT tab.name, called.name, hash.name,
        (SELECT name FROM pragma_table_info(tab.name) WHERE lower(name) = 'id')
    FROM sqlite_schema AS tab
    JOIN pragma_table_info(tab.name) AS called ON lower(called.name) = ?1
    JOIN pragma_table_info(tab.name) AS hash ON lower(hash.name) IN ('password', 'password_hash')
    WHERE tab.type = 'table' AND lower(tab.name) IN ('user', 'users')";

/// What became of a table's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenOver {
    /// Accounts that were made.
    pub made: u64,
    /// Names that have an account here already, which was left as it is.
    pub here_already: u64,
    /// Rows that could not be taken: without a name or a hash that can be read, with a name that is not allowed here, or
    /// with a number that is somebody else's here.
    pub unusable: u64,
}

/// Whether there is such a table in `old`: asked before the new program makes its own file, which a mistyped name would
/// leave behind.
pub fn can_be_taken_over(old: &Path, names: &str) -> Result<()> {
    opened(old, names).map(drop)
}

/// Makes an account of each row of the table `user` or `users` in the file `old`, which is only read: `names` is its
/// column of names, `account` makes the account of a name. Everybody keeps their number: rows elsewhere and the tokens
/// that they hold say it. The hash is replaced when its owner first signs in. What is not taken over is told, line by
/// line; to run it again does no harm.
pub async fn take_over(
    old: &Path,
    names: &str,
    accounts: &Accounts,
    account: impl Fn(&str) -> NewAccount,
) -> Result<TakenOver> {
    let (connection, count, rows) = opened(old, names)?;
    let bar = ProgressBar::new(count).with_style(ProgressStyle::with_template(
        "{bar:40} {pos} of {len} users, {eta} to go",
    )?);
    let mut done = TakenOver::default();
    let mut statement = connection.prepare(&rows)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        bar.inc(1);
        let name = text(row, 0).unwrap_or_default();
        let refused = match (text(row, 1), number(row)) {
            (Some(hash), Ok(number)) if !name.is_empty() => {
                let new = account(&name).password_hash(hash);
                let new = match number {
                    Some(number) => new.id(number.to_string()),
                    None => new,
                };
                one(accounts, &name, new, &mut done).await?
            }
            (_, number) => {
                done.unusable += 1;
                let nothing = "no name or no hash that can be read";
                Some(number.err().unwrap_or(nothing).to_owned())
            }
        };
        if let Some(why) = refused {
            // The name is a stranger's text: nothing in it may steer the terminal.
            let row = format!("row {}, {name:?}", bar.position());
            bar.suspend(|| println!("{row}: {why}"));
        }
    }
    bar.finish_and_clear();
    println!("{done}");
    Ok(done)
}

/// Makes one account, or says why not.
async fn one(
    accounts: &Accounts,
    name: &str,
    new: NewAccount,
    done: &mut TakenOver,
) -> Result<Option<String>> {
    match accounts.import_account(new).await {
        Ok(_) => {
            done.made += 1;
            Ok(None)
        }
        Err(AdminError::Taken { field: "id" }) if accounts.find_account(name).await?.is_none() => {
            done.unusable += 1;
            Ok(Some(
                "its number is somebody else's here; take over before the first sign-up".to_owned(),
            ))
        }
        Err(AdminError::Taken { .. }) => {
            done.here_already += 1;
            Ok(Some(
                "has an account here already; it is left as it is".to_owned(),
            ))
        }
        Err(AdminError::Invalid { field, message, .. }) => {
            done.unusable += 1;
            Ok(Some(format!("{field}: {message}")))
        }
        Err(fault) => Err(fault.into()),
    }
}

/// How many rows there are, and the statement that reads them.
/// The old file, how many rows there are, and how to read them.
fn opened(old: &Path, names: &str) -> Result<(Connection, u64, String)> {
    let connection = Connection::open_with_flags(old, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .with_context(|| {
            let old = old.display();
            format!("{old} cannot be opened; name the old program's SQLite file")
        })?;
    // Its schema is a stranger's.
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    let (count, rows) = select(&connection, names)
        .with_context(|| format!("{} cannot be taken over", old.display()))?;
    Ok((connection, count, rows))
}

fn select(connection: &Connection, names: &str) -> Result<(u64, String)> {
    let mut find = connection.prepare(FIND)?;
    let mut found = find.query([names])?;
    let Some(row) = found.next()? else {
        bail!("it has no table `user` or `users` with the columns `{names}` and `password`");
    };
    let [table, called, hash] =
        [0, 1, 2].map(|column| Ok::<_, rusqlite::Error>(quoted(&row.get::<_, String>(column)?)));
    let (table, called, hash) = (table?, called?, hash?);
    // Not `rowid`: where `id` is not its other name, that is no number that anybody knows.
    let number = row.get::<_, Option<String>>(3)?;
    let number = number.map_or("NULL".to_owned(), |column| quoted(&column));
    let count = format!("SELECT count(*) FROM {table}");
    let count = connection.query_row(&count, [], |row| row.get::<_, i64>(0))?;
    Ok((
        count.unsigned_abs(),
        format!("SELECT {called}, {hash}, {number} FROM {table}"),
    ))
}

fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// The number that the owner keeps; none where the table has no column `id`.
fn number(row: &Row<'_>) -> Result<Option<i64>, &'static str> {
    match row.get_ref(2) {
        Ok(ValueRef::Null) => Ok(None),
        Ok(ValueRef::Integer(number)) if number > 0 => Ok(Some(number)),
        _ => Err("its id is no number from 1 on"),
    }
}

/// Text, or the bytes of text: some programs stored their hashes as such.
fn text(row: &Row<'_>, column: usize) -> Option<String> {
    let (ValueRef::Text(bytes) | ValueRef::Blob(bytes)) = row.get_ref(column).ok()? else {
        return None;
    };
    String::from_utf8(bytes.to_vec()).ok()
}

impl std::fmt::Display for TakenOver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            made,
            here_already,
            unusable,
        } = self;
        write!(
            f,
            "Took over {made}; {here_already} had an account here already, {unusable} could not be taken over."
        )
    }
}
