//! The start of the crate's page, followed by somebody who reads nothing else: a new crate, made of exactly what stands there.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use keystile_tests::root;

/// Where the page has it listen. Something else may listen there on this machine, so the test puts a free port in its place: the one change.
const PORT: &str = "3000";
const SECRET: &str = "a secret of this test, of thirty-two bytes or more";

/// The crate's page, as it is read.
fn page() -> String {
    let source = std::fs::read_to_string(root().join("crates/keystile/src/lib.rs")).unwrap();
    let lines = source
        .lines()
        .take_while(|line| line.starts_with("//!") || line.starts_with("#!["));
    let read = lines.filter_map(|line| {
        let fence = line.starts_with("#![cfg_attr(feature = \"axum\"");
        let text = line
            .strip_prefix("//!")
            .map(|text| text.strip_prefix(' ').unwrap_or(text));
        text.or(fence.then_some("```"))
    });
    read.map(|line| line.to_owned() + "\n").collect()
}

/// What stands between fences, in order.
fn blocks(page: &str) -> Vec<&str> {
    let pieces = page.split("\n```").skip(1).step_by(2);
    pieces
        .map(|piece| piece.split_once('\n').expect("a block").1)
        .collect()
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A crate in a folder of its own, which finds what the workspace has built.
fn cargo(folder: &Path, arguments: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(folder).args(arguments);
    cargo
        .env("CARGO_TARGET_DIR", target())
        .env("TOKEN_SECRET", SECRET);
    cargo
}

fn target() -> std::path::PathBuf {
    let own = std::env::current_exe().unwrap();
    let profile = own.ancestors().nth(2).expect("target/debug");
    profile.parent().expect("target").to_owned()
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The three lines of the page; the crate itself is this one, since the page is that of a release.
fn add(folder: &Path, lines: &str) {
    let ours = root().join("crates/keystile");
    for line in lines.lines() {
        let line = line.strip_prefix("cargo ").expect("a command of cargo");
        let path = ["--path", ours.to_str().unwrap()];
        let mut arguments = vec!["--offline"];
        for word in line.split(' ') {
            match word {
                "keystile" => arguments.extend(path),
                word => arguments.push(word),
            }
        }
        output(&mut cargo(folder, &arguments));
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// What is answered, once the program listens.
#[expect(clippy::disallowed_methods, reason = "a deadline")]
fn ask(port: u16, authorization: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut stream = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(fault) => assert!(Instant::now() < deadline, "nothing listens: {fault}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let request =
        format!("GET /me HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{authorization}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_crates_page_begins_with_what_works_at_the_first_try() {
    let page = page();
    let blocks = blocks(&page);
    let [add_lines, main, token, ..] = blocks[..] else {
        panic!("{} blocks", blocks.len());
    };
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains(main), "the README begins otherwise");
    for line in add_lines.lines() {
        let here = line.replace(" keystile ", " --path ../keystile/crates/keystile ");
        assert!(readme.contains(&here), "the README does not say {here}");
    }
    let code = main.lines().filter(|line| !line.is_empty());
    assert_eq!(code.count(), 10, "ten lines:\n{main}");

    let folder = tempfile::tempdir().unwrap();
    let crate_folder = folder.path();
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let workspace: toml::Table = workspace.parse().unwrap();
    // The profile is the workspace's, and so are the versions: what is built for other tests is built.
    let manifest = format!(
        "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n[profile.dev]\ndebug = {}\n",
        workspace["profile"]["dev"]["debug"]
    );
    std::fs::create_dir(crate_folder.join("src")).unwrap();
    std::fs::create_dir(crate_folder.join("examples")).unwrap();
    std::fs::write(crate_folder.join("Cargo.toml"), manifest).unwrap();
    let port = free_port();
    assert_eq!(main.matches(PORT).count(), 1);
    let main = main.replace(PORT, &port.to_string());
    std::fs::write(crate_folder.join("src/main.rs"), main).unwrap();
    std::fs::write(crate_folder.join("examples/token.rs"), token).unwrap();
    std::fs::copy(root().join("Cargo.lock"), crate_folder.join("Cargo.lock")).unwrap();
    add(crate_folder, add_lines);

    let token = output(&mut cargo(
        crate_folder,
        &["run", "-q", "--offline", "--example", "token"],
    ));
    let mut run = cargo(crate_folder, &["run", "--offline"]);
    let mut running = Running(run.stderr(Stdio::piped()).spawn().unwrap());
    // Cargo itself may wait for a lock; what it says last before the program runs is its path.
    let told = BufReader::new(running.0.stderr.take().unwrap());
    let said: Vec<String> = told
        .lines()
        .map_while(Result::ok)
        .inspect(|line| eprintln!("{line}"))
        .take_while(|line| !line.contains("Running"))
        .collect();
    assert!(
        !said.iter().any(|line| line.starts_with("warning")),
        "{said:?}"
    );

    let answer = ask(port, "");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains("token_missing"), "{answer}");
    let answer = ask(port, &format!("authorization: Bearer {token}\r\n"));
    assert!(answer.ends_with("\r\n\r\nHello, ada"), "{answer}");
}
