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
        // Says which file.
        "-y",
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

/// Calls of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fsyncs {
    pub(crate) all: usize,
    /// Of the database file itself: SQLite syncs it at a checkpoint of its log and, in `WAL`, at no other time.
    pub(crate) checkpoints: usize,
}

pub(crate) fn read(file: &Path) -> anyhow::Result<Fsyncs> {
    Ok(count(&std::fs::read_to_string(file)?))
}

/// Calls begun; the second line of one that was interrupted says `resumed` and is not another.
fn count(text: &str) -> Fsyncs {
    let begun = text
        .lines()
        .filter(|line| line.contains("sync(") && !line.contains("resumed>"));
    begun.fold(Fsyncs::default(), |fsyncs, line| Fsyncs {
        all: fsyncs.all + 1,
        checkpoints: fsyncs.checkpoints + usize::from(line.contains(".db>")),
    })
}

#[cfg(test)]
mod tests {
    use super::{Fsyncs, count};

    #[test]
    fn an_interrupted_call_counts_once_and_the_database_is_told_from_its_log() {
        let text = "71 fdatasync(4</a.db-wal>) = 0\n72 fdatasync(4</a.db> <unfinished ...>\n71 fsync(5</a.db-wal>) = 0\n72 <... fdatasync resumed>) = 0\n";
        let expected = Fsyncs {
            all: 3,
            checkpoints: 1,
        };
        assert_eq!(expected, count(text));
    }
}
