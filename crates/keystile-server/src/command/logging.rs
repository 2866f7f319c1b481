//! Log lines on standard error: for people, or JSON. Control characters are escaped.

use std::io::{self, Write};

use keystile_server::config::Log;

/// Starts logging. Called once, by `serve`.
pub(crate) fn start(log: &Log) {
    let plain = tracing_subscriber::fmt()
        .with_max_level(log.level)
        .with_ansi(false)
        .with_writer(|| Escaping(io::stderr()));
    if log.json {
        plain.json().flatten_event(true).init();
    } else {
        plain.with_target(false).init();
    }
}

/// Escapes every control character within a line, so that no value forges one or drives a terminal.
struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    /// The formatter writes one event at a time, its line end last.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let body = event.strip_suffix(b"\n").unwrap_or(event);
        let mut line = Vec::with_capacity(event.len());
        for &byte in body {
            if byte < 0x20 || byte == 0x7f {
                line.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
            } else {
                line.push(byte);
            }
        }
        line.extend_from_slice(&event[body.len()..]);
        self.0.write_all(&line)?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_stays_one_line() {
        let mut out = Escaping(Vec::new());
        out.write_all(b"a\nforged \x1b[2J\r\n").unwrap();
        assert_eq!(out.0, b"a\\x0aforged \\x1b[2J\\x0d\n");
    }
}
