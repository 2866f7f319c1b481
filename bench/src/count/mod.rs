//! Counts the instructions of a child process, by the processor where it can and by valgrind where it cannot.

mod callgrind;
pub(crate) mod fsync;
mod perf;
pub(crate) mod step;

use std::path::Path;

/// How instructions are counted on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// The processor's own counter, user and kernel, by the `perf stat` tool.
    Perf,
    /// valgrind's callgrind: user instructions only, and those of a processor without AVX-512 and SHA-NI.
    Callgrind,
}

impl Counter {
    /// The best one that works here. `None`: neither tool does.
    pub(crate) fn find() -> Option<Self> {
        if perf::works() {
            return Some(Self::Perf);
        }
        callgrind::works().then_some(Self::Callgrind)
    }

    /// What it counts, for the reader.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Perf => {
                "instructions of the server process, user and kernel, counted by the processor (perf stat)"
            }
            Self::Callgrind => {
                "user instructions of the server process, counted by valgrind --tool=callgrind (this machine gives no \
                 hardware counter); the kernel's are in no figure, which makes every ratio larger, and valgrind hides \
                 AVX-512 and SHA-NI, so that SHA-256 costs several times what it costs on the real processor"
            }
        }
    }

    /// Whether the figures are those of the real processor.
    pub(crate) fn is_real(self) -> bool {
        self == Self::Perf
    }

    /// The command to run the measured binary under; the result goes to `file`.
    pub(crate) fn wrapper(self, file: &Path) -> Vec<String> {
        match self {
            Self::Perf => perf::wrapper(file),
            Self::Callgrind => callgrind::wrapper(file),
        }
    }

    /// The instructions of the whole life of the process.
    pub(crate) fn read(self, file: &Path) -> anyhow::Result<f64> {
        let text = std::fs::read_to_string(file)?;
        match self {
            Self::Perf => perf::parse(&text),
            Self::Callgrind => callgrind::parse(&text),
        }
    }
}
