//! A text's curl commands, kept as they are and run by the real curl.

use std::net::SocketAddr;
use std::process::Command;

use super::absent;

/// The commands of one file: blank lines part them, lines that begin with `#` are comments.
#[derive(Debug)]
pub struct Transcript(Vec<String>);

impl Transcript {
    /// Reads the file's contents.
    pub fn parse(contents: &str) -> Self {
        let plain: Vec<&str> = contents
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        let commands = plain.join("\n");
        Self(
            commands
                .split("\n\n")
                .map(|it| it.trim().to_owned())
                .filter(|it| !it.is_empty())
                .collect(),
        )
    }

    /// The commands in the text's order.
    pub fn commands(&self) -> &[String] {
        &self.0
    }

    /// Runs one command with `host` in place of the text's and each `(from, to)` replaced. The command says `-v`, so
    /// the status is read from what curl prints. Returns status and body.
    pub fn run(command: &str, address: SocketAddr, replaced: &[(&str, &str)]) -> (u16, String) {
        assert!(
            command.starts_with("curl "),
            "not a curl command: {command}"
        );
        assert!(
            command.contains("localhost:5000"),
            "another host: {command}"
        );
        let mut command = command.replace("localhost:5000", &address.to_string());
        for (from, to) in replaced {
            command = command.replace(from, to);
        }
        let output = Command::new("sh")
            .args(["-c", &command])
            .env("NO_PROXY", "*")
            .output()
            .expect("sh runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}\n{said}");
        let status = said
            .rsplit_once("< HTTP/1.1 ")
            .and_then(|(_, rest)| rest.get(..3)?.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status in {said}"));
        (
            status,
            String::from_utf8(output.stdout).expect("a body in UTF-8"),
        )
    }
}

/// Whether curl is installed. Where it is not, it says so past the test harness's capture, and fails in CI.
pub fn curl_is_here() -> bool {
    let here = Command::new("curl")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !here {
        absent("curl is not installed: the text's curl commands were not run");
    }
    here
}
