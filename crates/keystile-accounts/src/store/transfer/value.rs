//! A row between two engines, and the digest that both sides' rows are compared by.

use std::fmt;
use std::fmt::Write as _;

use aws_lc_rs::digest::{Context, SHA256};

use super::table::{Kind, Table};

/// Most characters of a text that names a row.
const MOST_SHOWN: usize = 80;

/// What a column holds.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::store) enum Value {
    Nothing,
    Whole(i64),
    Text(String),
    Bytes(Vec<u8>),
    Flag(bool),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It may be a key or a password's hash.
        f.write_str("Value(..)")
    }
}

impl Value {
    /// As it is, where it is of this kind and every engine can keep it; else why not.
    pub(in crate::store) fn check(&self, kind: Kind) -> Result<(), &'static str> {
        match (self, kind) {
            (Self::Text(text), Kind::Text | Kind::List) if text.contains('\0') => {
                Err("holds a NUL character, which PostgreSQL does not keep in a text")
            }
            (Self::Text(text), Kind::List)
                if serde_json::from_str::<Vec<String>>(text).is_err() =>
            {
                Err("is not a JSON list of texts")
            }
            (Self::Nothing, _)
            | (Self::Whole(_), Kind::Whole)
            | (Self::Text(_), Kind::Text | Kind::List)
            | (Self::Bytes(_), Kind::Bytes)
            | (Self::Flag(_), Kind::Flag) => Ok(()),
            _ => Err("is of a kind that this column does not have"),
        }
    }

    /// About how many bytes it takes.
    pub(in crate::store) fn size(&self) -> usize {
        match self {
            Self::Nothing | Self::Flag(_) => 1,
            Self::Whole(_) => 8,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// No two values are written alike, nor two rows of them.
    fn write(&self, to: &mut Context) {
        let mut piece = |kind: u8, bytes: &[u8]| {
            to.update(&[kind]);
            to.update(&(bytes.len() as u64).to_be_bytes());
            to.update(bytes);
        };
        match self {
            Self::Nothing => piece(0, &[]),
            Self::Whole(number) => piece(1, &number.to_be_bytes()),
            Self::Text(text) => piece(2, text.as_bytes()),
            Self::Bytes(bytes) => piece(3, bytes),
            Self::Flag(flag) => piece(4, &[u8::from(*flag)]),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Nothing => "NULL".to_owned(),
            Self::Whole(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Text(text) => format!("{:?}", text.chars().take(MOST_SHOWN).collect::<String>()),
            Self::Bytes(bytes) => {
                let mut text = "x'".to_owned();
                for byte in bytes.iter().take(MOST_SHOWN / 2) {
                    let _ = write!(text, "{byte:02x}");
                }
                text + "'"
            }
        }
    }
}

/// Names a row by its key.
pub(in crate::store) fn named(table: &Table, row: &[Value]) -> String {
    let pairs = table.keys().iter().zip(row);
    let pairs = pairs.map(|(column, value)| format!("{} = {}", column.in_sqlite, value.shown()));
    pairs.collect::<Vec<_>>().join(", ")
}

/// The rows of a table, in whatever order: how many, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Sum {
    pub(in crate::store) rows: u64,
    parts: [u64; 4],
}

impl Sum {
    /// Adds a row.
    pub(in crate::store) fn add(&mut self, table: &Table, row: &[Value]) {
        let mut hash = Context::new(&SHA256);
        Value::Text(table.name.to_owned()).write(&mut hash);
        for value in row {
            value.write(&mut hash);
        }
        let hash = hash.finish();
        for (part, bytes) in self.parts.iter_mut().zip(hash.as_ref().chunks_exact(8)) {
            let number = bytes
                .iter()
                .fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
            *part = part.wrapping_add(number);
        }
        self.rows += 1;
    }
}

/// One digest of all tables, in hexadecimal digits.
pub(in crate::store) fn digest(sums: &[(&'static str, Sum)]) -> String {
    let mut all = Context::new(&SHA256);
    for (table, sum) in sums {
        Value::Text((*table).to_owned()).write(&mut all);
        all.update(&sum.rows.to_be_bytes());
        for part in sum.parts {
            all.update(&part.to_be_bytes());
        }
    }
    let mut text = String::new();
    for byte in all.finish().as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::table::TABLES;
    use super::*;

    fn sum(rows: &[Vec<Value>]) -> Sum {
        let mut sum = Sum::default();
        for row in rows {
            sum.add(&TABLES[0], row);
        }
        sum
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn a_sum_knows_every_difference_but_the_order() {
        let rows = [
            vec![text("a"), text("b")],
            vec![text("ab"), text("")],
            vec![text("a"), Value::Nothing],
            vec![Value::Whole(1), Value::Flag(true)],
            vec![Value::Bytes(b"a".to_vec()), text("b")],
        ];
        let mut turned = rows.to_vec();
        turned.reverse();
        assert_eq!(sum(&rows), sum(&turned));
        for (index, row) in rows.iter().enumerate() {
            let mut fewer = rows.to_vec();
            fewer.remove(index);
            assert_ne!(sum(&rows), sum(&fewer));
            for other in &rows[index + 1..] {
                assert_ne!(
                    sum(std::slice::from_ref(row)),
                    sum(std::slice::from_ref(other))
                );
            }
        }
        let twice = [rows[0].clone(), rows[0].clone()];
        assert_ne!(sum(&twice), sum(&[]), "equal rows do not cancel out");
        let mut elsewhere = Sum::default();
        elsewhere.add(&TABLES[1], &rows[0]);
        assert_ne!(elsewhere, sum(&rows[..1]), "the table counts");
    }

    #[test]
    fn a_row_is_named_by_its_key_and_nothing_else() {
        let account = TABLES.iter().find(|table| table.name == "account");
        let row = vec![Value::Whole(17), text("an id"), text("secret")];
        assert_eq!(named(account.unwrap(), &row), "seq = 17");
        let hostile = vec![text(&format!("\u{1b}[2J{}", "x".repeat(500))), text("y")];
        let shown = named(&TABLES[0], &hostile);
        assert!(!shown.contains('\u{1b}') && shown.len() < 120, "{shown}");
        assert_eq!(format!("{:?}", text("secret")), "Value(..)");
    }

    #[test]
    fn what_not_every_engine_keeps_is_refused() {
        assert!(text("a\0b").check(Kind::Text).is_err());
        assert!(text("\"a\"").check(Kind::List).is_err());
        assert!(text("[\"a\", \"b\"]").check(Kind::List).is_ok());
        assert!(Value::Whole(1).check(Kind::Text).is_err());
        assert!(Value::Nothing.check(Kind::Flag).is_ok());
    }
}
