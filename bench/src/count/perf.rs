//! `perf stat`, where the machine has a counter and lets us read it.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;

/// Virtual machines often have no counter: `perf` then writes `<not supported>` and still succeeds.
pub(super) fn works() -> bool {
    Command::new("perf")
        .args(["stat", "-x", ",", "-e", "instructions", "true"])
        .stdout(Stdio::null())
        .output()
        .is_ok_and(|output| {
            output.status.success() && parse(&String::from_utf8_lossy(&output.stderr)).is_ok()
        })
}

pub(super) fn wrapper(file: &Path) -> Vec<String> {
    let file = file.display().to_string();
    [
        "perf",
        "stat",
        "-x",
        ",",
        "-e",
        "instructions",
        "-o",
        &file,
        "--",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The first field of the line that names the event.
pub(super) fn parse(text: &str) -> anyhow::Result<f64> {
    let line = text
        .lines()
        .find(|line| line.contains("instructions"))
        .context("perf counted no instructions")?;
    // Beyond ring 0 the event is `instructions:u`: user instructions only, which would not be what we say.
    anyhow::ensure!(
        !line.contains("instructions:u"),
        "perf may count user instructions only"
    );
    line.split(',')
        .next()
        .unwrap_or_default()
        .parse()
        .context("perf has no counter on this machine")
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    #[allow(clippy::float_cmp, reason = "whole numbers")]
    fn reads_the_count() {
        assert_eq!(
            1_234_567.0,
            parse("# started on …\n\n1234567,,instructions,1000,100.00,,\n").unwrap()
        );
    }

    #[test]
    fn a_machine_without_a_counter_is_an_error() {
        assert!(parse("<not supported>,,instructions,0,100.00,,\n").is_err());
        assert!(parse("1234567,,instructions:u,1000,100.00,,\n").is_err());
    }
}
