//! Python with the packages that the originals stood on, fetched by `crates/keystile-server/tests/interop/setup`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::absent;

/// An interpreter with flask, flask-jwt-extended, flask-bcrypt and `PyJWT`.
#[derive(Debug)]
pub struct Python(PathBuf);

impl Python {
    /// The interpreter beside the built tests. Where there is none, it says so past the test harness's capture, and
    /// fails in CI.
    pub fn found() -> Option<Self> {
        let test = std::env::current_exe().expect("the test's own path");
        let mut places = test
            .ancestors()
            .map(|folder| folder.join("interop/venv/bin/python"));
        let found = places.find(|python| python.exists()).map(Self);
        if found.is_none() {
            absent(
                "Python's packages are not here (crates/keystile-server/tests/interop/setup fetches them): nothing was held against them",
            );
        }
        found
    }

    /// Runs a script with `input` on its standard input. Returns what it prints; panics with its errors if it fails.
    pub fn run(&self, script: &str, arguments: &[&str], input: &str) -> String {
        let mut child = Command::new(&self.0)
            .args(["-c", script])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.0.display()));
        // A script that needs no input may have ended already.
        let _ = child
            .stdin
            .take()
            .expect("its input")
            .write_all(input.as_bytes());
        let output = child.wait_with_output().expect("it ends");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");
        String::from_utf8(output.stdout)
            .expect("text")
            .trim()
            .to_owned()
    }

    /// What `PyJWT` says of an HS256 token under this secret: its claims, or the name of its refusal.
    pub fn decode(&self, token: &str, secret: &str) -> Result<Value, String> {
        let said = self.run(
            include_str!("decode.py"),
            &[],
            &format!("{secret}\n{token}\n"),
        );
        serde_json::from_str(&said).map_err(|_| said)
    }
}

/// `PyJWT` takes the token under its secret, refuses it under another and with one character changed. Returns the claims.
pub fn decoded_by_pyjwt(python: &Python, token: &str, secret: &str) -> Value {
    let invalid = Err("InvalidSignatureError".to_owned());
    assert_eq!(python.decode(token, &format!("{secret}!")), invalid);
    assert_eq!(python.decode(&super::changed(token, 2), secret), invalid);
    python
        .decode(token, secret)
        .unwrap_or_else(|refusal| panic!("PyJWT refuses: {refusal}"))
}
