//! Prints to standard output and standard error. A reader that went away is no failure.

use std::io::{ErrorKind, Write};

use anyhow::Result;
use serde::Serialize;

/// Prints a text and a line end.
pub(crate) fn line(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    line(&harmless(&serde_json::to_string_pretty(value)?))
}

/// JSON with its strings' characters escaped that would drive a terminal or turn the direction of the text. JSON itself
/// lets them stand as they are, and whoever wrote a token chose them.
pub(crate) fn harmless(json: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            _ => text.push(c),
        }
    }
    text
}

/// Prints an error with its causes, in one line, to standard error.
pub(crate) fn error(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr(), "keystile: {error:#}");
}

/// Prints rows in columns as wide as their widest cell.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> Result<()> {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let lines: Vec<String> = std::iter::once(&head)
        .chain(rows)
        .map(|row| aligned(&widths, row))
        .collect();
    line(&lines.join("\n"))
}

fn aligned(widths: &[usize], row: &[String]) -> String {
    let cells: Vec<String> = widths
        .iter()
        .zip(row)
        .map(|(width, cell)| plain(cell) + &" ".repeat(width - cell.chars().count()))
        .collect();
    cells.join("  ").trim_end().to_owned()
}

/// Control characters as `?`: a name must not drive a terminal.
pub(crate) fn plain(cell: &str) -> String {
    cell.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drives_a_terminal_is_escaped_and_means_the_same() {
        let json = serde_json::to_string("a\u{9b}31m\u{7f}\u{202e}é\n").unwrap();
        let shown = harmless(&json);
        assert_eq!(shown, r#""a\u009b31m\u007f\u202eé\n""#);
        assert_eq!(
            serde_json::from_str::<String>(&shown).unwrap(),
            serde_json::from_str::<String>(&json).unwrap()
        );
    }
}
