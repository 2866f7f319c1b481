//! The arguments that `cargo test` hands on to a test that is a program of its own.

/// What the arguments ask for.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an argument")]
pub(super) struct Asked {
    pub(super) list: bool,
    pub(super) ignored: bool,
    pub(super) exact: bool,
    pub(super) quiet: bool,
    filters: Vec<String>,
    skipped: Vec<String>,
}

impl Asked {
    pub(super) fn of(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut asked = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--list" => asked.list = true,
                "--ignored" => asked.ignored = true,
                "--exact" => asked.exact = true,
                "-q" | "--quiet" => asked.quiet = true,
                "--skip" => asked.skipped.extend(arguments.next()),
                // Options of the usual harness that take a value.
                "--test-threads" | "--format" | "--color" | "--logfile" | "--shuffle-seed"
                | "-Z" => {
                    arguments.next();
                }
                other => match other.strip_prefix("--skip=") {
                    Some(skipped) => asked.skipped.push(skipped.to_owned()),
                    None if other.starts_with('-') => {}
                    None => asked.filters.push(other.to_owned()),
                },
            }
        }
        asked
    }

    /// Whether no cell is filtered out.
    pub(super) fn everything(&self) -> bool {
        self.filters.is_empty() && self.skipped.is_empty()
    }

    /// Whether the cell of this name is.
    pub(super) fn wants(&self, name: &str) -> bool {
        let hit = |filter: &String| {
            if self.exact {
                name == filter || filter == "contract"
            } else {
                name.contains(filter)
            }
        };
        (self.filters.is_empty() || self.filters.iter().any(hit)) && !self.skipped.iter().any(hit)
    }
}

#[cfg(test)]
mod tests {
    use super::Asked;

    fn asked(line: &str) -> Asked {
        Asked::of(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn what_the_usual_harness_is_asked_is_understood() {
        let name = "contract POST /users: taken";
        for line in [
            "",
            "--nocapture --test-threads 1 --format pretty",
            "users",
            "contract",
            "contract --exact",
            "a users",
        ] {
            assert!(asked(line).wants(name), "{line}");
        }
        for line in [
            "cupcakes",
            "--exact users",
            "--skip users",
            "--skip=taken",
            "users --skip contract",
        ] {
            assert!(!asked(line).wants(name), "{line}");
        }
        assert!(asked("--list --format terse").list && asked("--ignored").ignored);
        assert!(asked("--test-threads 1").everything() && !asked("users").everything());
    }
}
