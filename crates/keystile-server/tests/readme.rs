//! The README's minute of curl does what the README says, against the real binary.

#![allow(
    clippy::disallowed_methods,
    reason = "waits for a real process in real time, and finds `curl` by PATH"
)]

#[path = "support/process.rs"]
mod process;

use std::path::Path;
use std::process::Command;

use process::Process;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");

fn readme() -> String {
    std::fs::read_to_string(Path::new(README)).expect("README.md")
}

/// The shell blocks of a document, in order.
fn shell_blocks(text: &str) -> Vec<&str> {
    let blocks = text.split("```sh\n").skip(1);
    blocks.filter_map(|rest| rest.split("```").next()).collect()
}

/// Runs `script` as a shell to which it was pasted would, and gives what it printed.
fn run(script: &str) -> String {
    let path = std::env::var_os("PATH").expect("PATH");
    let shell = Command::new("sh")
        .args(["-eu", "-c", script])
        .env_clear()
        .env("PATH", path)
        .output();
    let output = shell.expect("sh runs");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "the README's block failed:\n{out}\n{err}"
    );
    out.into_owned()
}

/// The status of every HTTP answer in what `curl -i` printed.
fn statuses(printed: &str) -> Vec<&str> {
    let lines = printed
        .lines()
        .filter_map(|line| line.strip_prefix("HTTP/1.1 "));
    lines.filter_map(|line| line.split(' ').next()).collect()
}

/// What stands between the heading `== name` and the next one.
fn section<'a>(printed: &'a str, name: &str) -> &'a str {
    let after = printed.split(&format!("== {name}\n")).nth(1);
    let after = after.unwrap_or_else(|| panic!("no heading {name} in:\n{printed}"));
    after.split("\n== ").next().unwrap_or(after)
}

#[test]
fn a_minute_of_curl() {
    let text = readme();
    let blocks = shell_blocks(&text);
    let block = blocks
        .iter()
        .find(|b| b.contains("/v1/signup"))
        .expect("the block with /v1/signup");
    assert!(
        block.contains("127.0.0.1:8080"),
        "the block talks to where `serve` listens by default"
    );
    let server = Process::start("");
    let printed = run(&block.replace("127.0.0.1:8080", &server.address().to_string()));

    assert_eq!(
        statuses(&printed),
        [
            "201", "200", "200", "200", "200", "401", "401", "204", "401"
        ],
        "{printed}"
    );
    assert!(
        section(&printed, "sign up").contains(r#""username":"ada""#),
        "{printed}"
    );
    assert!(
        section(&printed, "sign in, with JSON").contains(r#""token_type":"Bearer""#),
        "{printed}"
    );
    assert!(
        section(&printed, "who am I").contains(r#""username":"ada""#),
        "{printed}"
    );
    assert!(
        section(&printed, "refresh").contains(r#""refresh_token":"ksr_"#),
        "{printed}"
    );
    let none = section(&printed, "no token at all");
    assert!(
        none.contains("token_missing") && !none.contains("error="),
        "{printed}"
    );
    let changed = section(&printed, "one character changed");
    assert!(
        changed.contains("token_signature_invalid") && changed.contains(r#"error="invalid_token""#),
        "{printed}"
    );
    assert!(
        section(&printed, "and the token is worth nothing").contains("token_revoked"),
        "{printed}"
    );
    assert!(
        !printed.contains("correct horse"),
        "a password came back:\n{printed}"
    );
}

#[test]
fn the_two_commands_stand_first() {
    let text = readme();
    let blocks = shell_blocks(&text);
    assert_eq!(
        blocks.first().map(|b| b.trim()),
        Some("cargo run --release -- serve")
    );
    assert!(blocks.iter().any(|b| b.trim() == "cargo test --workspace"));
}

/// The book calls the binary by its name: the README says how it gets one, and names the package that has it.
#[test]
fn the_command_that_installs_it_names_this_package() {
    let install = "cargo install --locked --path ";
    let text = readme();
    let blocks = shell_blocks(&text);
    let package = blocks.iter().find_map(|b| b.trim().strip_prefix(install));
    let package = package.expect("the README installs it");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_eq!(
        here.join("../..").join(package).canonicalize().ok(),
        here.canonicalize().ok()
    );
    let binary = Path::new(env!("CARGO_BIN_EXE_keystile"));
    assert_eq!(binary.file_stem(), Some("keystile".as_ref()));
    let server = std::fs::read_to_string(here.join("../../docs/server.md")).expect("the page");
    assert!(server.contains(&format!("`{install}{package}`")));
}

const BROWSERS: &str = include_str!("../../../docs/browsers.md");

#[test]
fn a_cookie_jar_of_curl_s() {
    let block = shell_blocks(BROWSERS)[0];
    let server = Process::start("");
    let here = block.replace("127.0.0.1:8080", &server.address().to_string());
    let printed = run(&format!("cd \"$(mktemp -d)\"\n{here}rm -r \"$PWD\""));
    let answers = printed.replace('}', "}\n");
    assert_eq!(printed.matches("csrf_token\":").count(), 2, "{printed}");
    assert_eq!(
        printed.matches(r#""username":"ada""#).count(),
        4,
        "{printed}"
    );
    assert!(printed.contains("204\n"), "{printed}");
    let last = answers.lines().last().expect("a line");
    assert!(last.contains("token_revoked"), "{printed}");
    assert!(
        !printed.contains("ksr_") && !printed.contains("access_token"),
        "{printed}"
    );
}

/// What a browser does to a page's calls: cookies, `Origin` and `Sec-Fetch-Site` are added, not by the script.
const BROWSER: &str = r#"
const base = process.argv[1];
const jar = new Map();
const network = globalThis.fetch;
globalThis.document = { get cookie() {
  return [...jar].filter(([, c]) => !c.httpOnly).map(([name, c]) => `${name}=${c.value}`).join("; ");
} };
globalThis.fetch = async (path, init = {}) => {
  const headers = { ...init.headers, "sec-fetch-site": "same-origin" };
  if (init.method && init.method !== "GET") headers.origin = base;
  if (jar.size) headers.cookie = [...jar].map(([name, c]) => `${name}=${c.value}`).join("; ");
  const answer = await network(base + path, { ...init, headers });
  for (const line of answer.headers.getSetCookie()) {
    const [name, value] = line.split(";")[0].split("=");
    if (/Max-Age=0;/.test(line)) jar.delete(name);
    else jar.set(name, { value, httpOnly: /HttpOnly/.test(line) });
  }
  return answer;
};
const account = { username: "ada", password: "correct horse battery staple" };
await network(base + "/v1/signup", {
  method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(account),
});
"#;
const TOLD: &str = r#"
console.log([signIn, me, sessions, ended, refreshed, signOut].map((answer) => answer.status).join(" "));
console.log(csrf_token.length, expires_in, session_id.length, account_.username, jar.size, document.cookie === "");
"#;

#[test]
fn the_calls_of_a_page_in_a_browser() {
    let node = Command::new("node").arg("--version").output();
    if node.is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI has Node");
        return eprintln!("not tried: there is no Node here");
    }
    let blocks = BROWSERS.split("```js\n").skip(1);
    let blocks: Vec<_> = blocks.filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 3);
    let calls = blocks
        .concat()
        .replace("session_id, account }", "session_id, account: account_ }");
    let server = Process::start("");
    let output = Command::new("node")
        .args([
            "--input-type=module",
            "-e",
            &format!("{BROWSER}{calls}{TOLD}"),
        ])
        .arg(format!("http://{}", server.address()))
        .output()
        .expect("node runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let told = String::from_utf8_lossy(&output.stdout);
    let expected = "200 200 200 204 200 204\n43 900 36 ada 0 true\n";
    assert_eq!(told, expected, "{said}");
}
