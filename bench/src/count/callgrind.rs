//! valgrind's callgrind, which counts on any machine, about fifty times slower than it runs.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;

pub(super) fn works() -> bool {
    Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

pub(super) fn wrapper(file: &Path) -> Vec<String> {
    let out = format!("--callgrind-out-file={}", file.display());
    ["valgrind", "--tool=callgrind", "-q", &out]
        .map(str::to_owned)
        .to_vec()
}

/// The line `totals: N`.
pub(super) fn parse(text: &str) -> anyhow::Result<f64> {
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("totals:"))
        .context("callgrind wrote no total")?;
    total
        .trim()
        .parse()
        .context("callgrind's total is not a number")
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    #[allow(clippy::float_cmp, reason = "whole numbers")]
    fn reads_the_total() {
        let text = "events: Ir\nfn=(1) main\n1 42\n\ntotals: 42\n";
        assert_eq!(42.0, parse(text).unwrap());
        assert!(parse("events: Ir\n").is_err());
    }
}
