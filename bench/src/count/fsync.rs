//! fsync and fdatasync calls of a process and its threads, by strace.

use std::path::Path;
use std::process::{Command, Stdio};

/// Containers often forbid tracing.
pub(crate) fn works() -> bool {
    Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

pub(crate) fn wrapper(file: &Path) -> Vec<String> {
    let file = file.display().to_string();
    // seccomp-bpf: only the traced calls stop, so that the load is grouped as it is without strace.
    [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-e",
        "trace=fsync,fdatasync",
        "-e",
        "signal=none",
        "-o",
        &file,
    ]
    .map(str::to_owned)
    .to_vec()
}

pub(crate) fn read(file: &Path) -> anyhow::Result<usize> {
    Ok(count(&std::fs::read_to_string(file)?))
}

/// Calls begun; the second line of one that was interrupted says `resumed` and is not another.
fn count(text: &str) -> usize {
    text.lines()
        .filter(|line| line.contains("sync(") && !line.contains("resumed>"))
        .count()
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn an_interrupted_call_counts_once() {
        let text = "71 fdatasync(4) = 0\n72 fdatasync(4 <unfinished ...>\n71 fsync(5) = 0\n72 <... fdatasync resumed>) = 0\n";
        assert_eq!(3, count(text));
    }
}
