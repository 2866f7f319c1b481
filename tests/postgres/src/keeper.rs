//! The script that runs beside a server, as its user.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::{USER, place};

const SCRIPT: &str = include_str!("keeper.sh");

/// How a server is made.
pub(crate) enum Kind {
    /// Listens on its socket alone.
    OnSocket,
    /// Listens on loopback too, with a certificate.
    WithTls,
    /// A copy that follows the server in this folder.
    StandbyOf(PathBuf),
}

/// Keeps a server until it is dropped, or its process ends.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// The script ends when its input is closed, and takes the server and its folder with it.
    pipes: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
    child: Child,
}

impl Keeper {
    /// Makes and starts a server; where it is.
    ///
    /// # Panics
    /// If it does not start.
    pub(crate) fn start(bin: &Path, port: u16, kind: &Kind) -> (Self, PathBuf) {
        let (tls, primary) = match kind {
            Kind::OnSocket => ("", Path::new("")),
            Kind::WithTls => ("tls", Path::new("")),
            Kind::StandbyOf(primary) => ("", primary.as_path()),
        };
        let mut child = place::as_server_user("sh")
            .args(["-c", SCRIPT, "keeper"])
            .arg(bin)
            .arg(place::temporary())
            .arg(USER)
            .arg(port.to_string())
            .arg(tls)
            .arg(primary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let input = child.stdin.take().expect("it was piped");
        let mut output = BufReader::new(child.stdout.take().expect("it was piped"));
        let folder = answer(&mut output);
        assert!(!folder.is_empty(), "PostgreSQL did not start; see above");
        let pipes = Mutex::new(Some((input, output)));
        (Self { pipes, child }, folder.into())
    }

    /// Has an order carried out.
    ///
    /// # Panics
    /// If it failed; the server's log says why.
    pub(crate) fn order(&self, order: &str) {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let (input, output) = pipes.as_mut().expect("open until it is dropped");
        writeln!(input, "{order}").expect("the keeper listens");
        assert_eq!(answer(output), "done", "{order} failed");
    }
}

fn answer(output: &mut BufReader<ChildStdout>) -> String {
    let mut answer = String::new();
    output.read_line(&mut answer).expect("the keeper's answer");
    answer.trim().to_owned()
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let pipes = self.pipes.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(pipes.take());
        let _ = self.child.wait();
    }
}
