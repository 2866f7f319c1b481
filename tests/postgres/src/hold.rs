//! Rows that are held from outside.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

/// A transaction that stays open, with what it locked, until this is dropped; it changes nothing unless it is
/// [kept](Self::keep).
#[derive(Debug)]
pub struct Hold(Child);

impl Hold {
    /// Runs statements in a transaction of `psql`'s, and returns once they have been run.
    pub(crate) fn of(mut psql: Command, statements: &str) -> Self {
        let mut psql = psql
            .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql runs");
        let input = psql.stdin.as_mut().expect("it was piped");
        writeln!(input, "BEGIN;\n{statements};\n\\echo held").expect("psql listens");
        let mut lines = BufReader::new(psql.stdout.take().expect("it was piped")).lines();
        assert!(
            lines.any(|line| line.is_ok_and(|line| line == "held")),
            "nothing is held; see above"
        );
        Self(psql)
    }

    /// Commits it, and returns once that is done.
    ///
    /// # Panics
    /// If it cannot be kept.
    pub fn keep(mut self) {
        let mut input = self.0.stdin.take().expect("it was piped");
        writeln!(input, "COMMIT;").expect("psql listens");
        drop(input);
        assert!(
            self.0.wait().is_ok_and(|status| status.success()),
            "not kept"
        );
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
