//! A place in which a test's own scripts make, start and stop servers, as somebody who follows the book does.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::place;

const SCRIPT: &str = include_str!("workshop.sh");

/// A folder of PostgreSQL's user. It goes when this is dropped, or its process ends, and the servers in it before.
#[derive(Debug)]
pub struct Workshop {
    bin: PathBuf,
    folder: PathBuf,
    until: Option<ChildStdin>,
    keeper: Child,
}

impl Workshop {
    /// `None` where PostgreSQL is not installed.
    ///
    /// # Panics
    /// If the folder cannot be made, or if PostgreSQL is not installed in CI.
    pub fn open() -> Option<Self> {
        let bin = place::binaries_or_say()?;
        let mut keeper = place::as_server_user("sh")
            .args(["-c", SCRIPT, "workshop"])
            .arg(&bin)
            .arg(place::temporary())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let until = keeper.stdin.take();
        let mut folder = String::new();
        let output = keeper.stdout.take().expect("it was piped");
        BufReader::new(output)
            .read_line(&mut folder)
            .expect("the folder");
        assert!(!folder.trim().is_empty(), "no folder could be made");
        Some(Self {
            bin,
            folder: folder.trim().into(),
            until,
            keeper,
        })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A shell that runs a script in the folder as PostgreSQL's user, with its commands and those of `beside` on the path
    /// and nothing of the test's environment. Ends at the first command that fails.
    pub fn shell(&self, script: &str, beside: &Path) -> Command {
        let mut shell = place::as_server_user("sh");
        let path = format!(
            "{}:{}:/usr/sbin:/usr/bin:/sbin:/bin",
            self.bin.display(),
            beside.display()
        );
        shell
            .args(["-euxc", script])
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", path)
            .stdin(Stdio::null());
        shell
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        drop(self.until.take());
        let _ = self.keeper.wait();
    }
}
