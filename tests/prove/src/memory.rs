//! What a process occupies, as Linux counts it.

use std::fmt;

use anyhow::Context;

/// Resident and proportional set size, in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    resident: u64,
    proportional: u64,
}

impl Memory {
    /// Of a running process.
    pub fn of(process: u32) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
        Ok(Self {
            resident: field(&text, "Rss:")?,
            proportional: field(&text, "Pss:")?,
        })
    }
}

impl Memory {
    /// The resident set, in MiB.
    pub fn resident_mib(self) -> u64 {
        self.resident / 1024
    }
}

/// The most that a running process has had resident so far, in KiB.
pub fn peak_resident(process: u32) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    field(&text, "VmHWM:")
}

fn field(text: &str, name: &str) -> anyhow::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("no such line")?.parse()?)
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "RSS {} MiB, PSS {} MiB",
            self.resident / 1024,
            self.proportional / 1024
        )
    }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_field_is_read_in_kibibytes() {
        let text =
            "5600-7ffd [rollup]\nRss:               10240 kB\nPss:  9000 kB\nPss_Dirty: 1 kB\n";
        assert_eq!(10_240, field(text, "Rss:").unwrap());
        assert_eq!(9_000, field(text, "Pss:").unwrap());
    }
}
