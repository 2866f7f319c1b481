//! A browser keeps cookies as the book says (`browser`), clients of other libraries are served (`clients`), and tokens of the real binary verify in Python and JavaScript by standard means: `PyJWT` and `jose`, each with the
//! keys that it fetches itself from the published key set, and each refuses a tampered token.
//!
//! `setup`, beside this file, fetches both, and what the examples' tests want of Python. Where they are absent the test
//! says so in one line; in CI (`CI=true`) their absence is a failure.

#![allow(
    clippy::disallowed_methods,
    reason = "waits for real processes in real time; reads CI and PATH"
)]

mod browser;
mod chromium;
mod clients;
#[path = "../support/process.rs"]
mod process;
mod rotation;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use process::Process;
use serde_json::{Value, json};

/// A verifier that is not ours: the program, and its script as arguments.
///
/// A script in a file beside its libraries would be written by each test anew, and be empty for whoever starts meanwhile: an
/// interpreter that finds an empty script ends well and says nothing.
struct Oracle {
    name: &'static str,
    program: PathBuf,
    script: Vec<String>,
    /// Where its libraries are found.
    folder: PathBuf,
}

impl Oracle {
    /// Its process, with these arguments.
    fn command(&self, arguments: [&str; 2]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.script).args(arguments);
        command.current_dir(&self.folder);
        command
    }

    /// What the verifier prints about `token`: claims, or `refused: ` and why.
    fn judge(&self, issuer: &str, algorithm: &str, token: &str) -> String {
        let mut child = self
            .command([issuer, algorithm])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", self.program.display()));
        let mut stdin = child.stdin.take().expect("a piped standard input");
        stdin
            .write_all(token.as_bytes())
            .expect("the token is written");
        drop(stdin);
        let output = child.wait_with_output().expect("the verifier ends");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} failed: {complaint}", self.name);
        String::from_utf8(output.stdout)
            .expect("text")
            .trim()
            .to_owned()
    }
}

/// A script for `PyJWT`, and the same for `jose`.
struct Scripts<'a> {
    python: &'a str,
    node: &'a str,
}

const VERIFY: Scripts<'static> = Scripts {
    python: include_str!("verify.py"),
    node: include_str!("verify.mjs"),
};

/// Both with these scripts, or the reason why they are not here.
fn oracles(scripts: &Scripts<'_>) -> Result<[Oracle; 2], String> {
    // `target/tmp` is Cargo's, whatever the target folder is called; its sibling `interop` is what `setup` makes.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("interop");
    let python = folder.join("venv/bin/python");
    if !python.exists() || !folder.join("node_modules/oauth4webapi").exists() {
        return Err(
            "PyJWT, Authlib, jose and oauth4webapi are absent; run crates/keystile-server/tests/interop/setup".to_owned(),
        );
    }
    Ok([
        Oracle {
            name: "PyJWT",
            program: python,
            script: ["-c", scripts.python].map(str::to_owned).into(),
            folder: folder.clone(),
        },
        Oracle {
            name: "jose",
            program: PathBuf::from("node"),
            // The last stands for the file's name, which a script's arguments follow.
            script: ["--input-type=module", "--eval", scripts.node, "script"]
                .map(str::to_owned)
                .into(),
            folder,
        },
    ])
}

async fn post(url: String, body: &Value) -> Value {
    let request = reqwest::Client::new().post(url).json(body);
    let response = request.send().await.expect("an answer");
    assert!(response.status().is_success(), "{}", response.status());
    response.json().await.expect("JSON")
}

/// Signs up and in over HTTP: the account's id and its access token.
async fn sign_up_and_in(issuer: &str) -> (String, String) {
    let ada = json!({"username": "ada", "password": "correct horse battery staple"});
    let account = post(format!("{issuer}/v1/signup"), &ada).await;
    let session = post(format!("{issuer}/v1/login"), &ada).await;
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (text(&account["id"]), text(&session["access_token"]))
}

/// The token with the first character of its signature changed: still well formed, no longer signed.
fn tampered(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{other}{}", &signature[1..])
}

/// In CI their absence is a failure; elsewhere it is told.
fn tell_absent(what: &str, absent: &str) {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{absent}");
    say(&format!("interop {what}: not tried: {absent}"));
}

/// Past the test harness, which would keep it to itself.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

async fn verifies_elsewhere(algorithm: &'static str, scripts: &Scripts<'_>, what: &str) {
    let oracles = match oracles(scripts) {
        Ok(oracles) => oracles,
        Err(absent) => return tell_absent(what, &absent),
    };
    let server = Process::start(&format!("[tokens]\nalgorithm = \"{algorithm}\"\n"));
    let issuer = server.issuer();
    let (account, token) = sign_up_and_in(&issuer).await;
    for oracle in &oracles {
        let said = oracle.judge(&issuer, algorithm, &token);
        let claims: Value =
            serde_json::from_str(&said).unwrap_or_else(|_| panic!("{}: {said}", oracle.name));
        assert_eq!(claims["sub"], account.as_str(), "{}", oracle.name);
        assert_eq!(claims["iss"], issuer.as_str(), "{}", oracle.name);
        let said = oracle.judge(&issuer, algorithm, &tampered(&token));
        assert!(
            matches!(
                &*said,
                "refused: InvalidSignatureError" | "refused: ERR_JWS_SIGNATURE_VERIFICATION_FAILED"
            ),
            "{}: {said}",
            oracle.name
        );
    }
}

#[tokio::test]
async fn es256() {
    verifies_elsewhere("ES256", &VERIFY, "ES256").await;
}

#[tokio::test]
async fn eddsa() {
    verifies_elsewhere("EdDSA", &VERIFY, "EdDSA").await;
}

#[tokio::test]
async fn rs256() {
    verifies_elsewhere("RS256", &VERIFY, "RS256").await;
}

/// What `docs/server.md` shows in this language, as it stands there.
fn shown(language: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/server.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let (_, section) = page
        .split_once("## Verifying its tokens elsewhere")
        .expect("the heading");
    let (_, block) = section
        .split_once(&format!("```{language}\n"))
        .expect("a block");
    block.split("```").next().unwrap_or_default().to_owned()
}

/// Nothing but the libraries, the issuer and the token are given; and what comes out is printed.
#[tokio::test]
async fn the_books_own_lines_verify_and_refuse() {
    let python = shown("python").replace('\n', "\n    ");
    let python = format!(
        "import json, sys, jwt
issuer, token = sys.argv[1], sys.stdin.read().strip()
try:
    {python}
except jwt.InvalidTokenError as refusal:
    print('refused:', type(refusal).__name__)
else:
    print(json.dumps(claims))
"
    );
    let node = format!(
        r#"import {{ readFileSync }} from "node:fs";
import {{ createRemoteJWKSet, errors, jwtVerify }} from "jose";
const issuer = process.argv[2];
const token = readFileSync(0, "utf8").trim();
try {{
{}
  console.log(JSON.stringify(payload));
}} catch (refusal) {{
  if (!(refusal instanceof errors.JOSEError)) throw refusal;
  console.log("refused:", refusal.code);
}}
"#,
        shown("js")
    );
    let scripts = Scripts {
        python: &python,
        node: &node,
    };
    verifies_elsewhere("ES256", &scripts, "the book's lines").await;
}
