//! The binary, as its user starts it: its secret, its users, `init`, `hash`, `--demo`.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::Command;

use examples_common::Settings;
use examples_common::testing::{Program, Request, curl_is_here, run};

const QUICKSTART: &str = env!("CARGO_BIN_EXE_quickstart");
const SECRET: &str = "a secret of the tests, 32 bytes or more";
const TWICE: &str = "ada:$2b$04$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui;ada:$2b$04$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";

const LOGIN: Request<'static> = Request {
    method: "GET",
    path: "/login",
    authorization: Some("Basic YWRhOmJlc3RwYXNzMTIz"),
    body: None,
};

#[test]
fn weak_secrets_and_unusable_users_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let published = "5325d132e0ddb67229a796ecaeaa5a17e44632304369d00be222170ec9006bcd";
    for (secret, users, cure) in [
        ("", "", "openssl rand -hex 32"),
        ("thisisthesecretkey", "", "openssl rand -hex 32"),
        (published, "", "openssl rand -hex 32"),
        (SECRET, "", "-- hash NAME"),
        (SECRET, " ; ", "-- hash NAME"),
        (SECRET, TWICE, "twice"),
        (SECRET, "ada", "name:hash"),
        (SECRET, "ada:password", "single quotes"),
        // What a shell or an unquoted line leaves of a hash.
        (SECRET, "ada:=19=19456,t=2,p=1", "single quotes"),
    ] {
        let environment = [("SECRET_KEY", secret), ("QUICKSTART_USERS", users)];
        let (started, _, errors) = run(QUICKSTART, folder.path(), &[], &environment, "");
        assert!(!started && errors.contains(cure), "{users}: {errors}");
        assert!(secret.is_empty() || !errors.contains(secret), "{errors}");
    }
}

#[test]
fn init_and_hash_make_a_file_that_signs_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(".env");
    let (done, said, _) = run(QUICKSTART, folder.path(), &["init"], &[], "");
    assert!(done, "{said}");
    let written = std::fs::read_to_string(&path).expect(".env");
    assert!(
        !run(QUICKSTART, folder.path(), &["init"], &[], "").0,
        "it does not write over"
    );
    assert_eq!(std::fs::read_to_string(&path).expect(".env"), written);

    let (done, line, errors) = run(
        QUICKSTART,
        folder.path(),
        &["hash", "ada"],
        &[],
        "bestpass123\r\n",
    );
    assert!(done && !line.contains("bestpass123"), "{errors}");
    let pair = line
        .trim_end()
        .strip_prefix("QUICKSTART_USERS='")
        .and_then(|rest| rest.strip_suffix('\''));
    let pair = pair.unwrap_or_else(|| panic!("{line}"));
    assert!(
        pair.starts_with("ada:$argon2id$v=19$m=19456,t=2,p=1$"),
        "{pair}"
    );
    std::fs::write(&path, written + &line).expect(".env");
    let settings = Settings::from_file(&path).expect("it reads back");
    assert_eq!(
        settings.get("QUICKSTART_USERS"),
        Some(pair),
        "the dollar signs are as they were"
    );

    let program = Program::start(QUICKSTART, folder.path(), &[], &[]);
    assert_eq!(program.send(LOGIN).status, 200);
}

#[test]
fn hash_keeps_the_policy_and_refuses_names_that_would_break_the_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let (done, _, errors) = run(
        QUICKSTART,
        folder.path(),
        &["hash", "ada"],
        &[],
        "seven77\n",
    );
    assert!(
        !done && errors.contains("at least 8 characters"),
        "{errors}"
    );
    assert!(
        run(
            QUICKSTART,
            folder.path(),
            &["hash", "ada"],
            &[],
            "password\n"
        )
        .0,
        "eight, and a common one"
    );
    for name in ["", "a:b", "a;b", "a'b", "a\nb"] {
        let (done, printed, _) = run(
            QUICKSTART,
            folder.path(),
            &["hash", name],
            &[],
            "password\n",
        );
        assert!(!done && printed.is_empty(), "{name}");
    }
    let (done, _, errors) = run(QUICKSTART, folder.path(), &["hash"], &[], "");
    assert!(!done && errors.contains("usage: quickstart"), "{errors}");
}

#[test]
fn the_demonstration_needs_nothing_and_its_calls_can_be_pasted() {
    if !curl_is_here() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(QUICKSTART, folder.path(), &["--demo"], &[]);
    assert!(
        program.printed.contains("SECRET_KEY=")
            && program
                .printed
                .contains("QUICKSTART_USERS='user:$argon2id$")
    );
    assert!(!program.printed.contains("_DB="), "it keeps no data");
    let output = Command::new("sh")
        .args(["-c", &program.printed])
        .env("NO_PROXY", "*")
        .output()
        .expect("sh");
    let said = String::from_utf8_lossy(&output.stderr);
    let statuses: Vec<&str> = said
        .split("< HTTP/1.1 ")
        .skip(1)
        .filter_map(|rest| rest.get(..3))
        .collect();
    assert_eq!(statuses, ["200", "401", "200", "200"], "{said}");
    let printed = String::from_utf8(output.stdout).expect("text");
    assert_eq!(
        printed
            .matches("This is only available for people with valid tokens.")
            .count(),
        2,
        "{printed}"
    );
    assert!(
        printed.contains(r#""alg":"HS256""#) && printed.contains(r#""user":"user""#),
        "{printed}"
    );
}

#[test]
fn it_stops_when_it_is_told_to_though_somebody_never_ends_their_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(QUICKSTART, folder.path(), &["--demo"], &[]);
    let mut stuck = TcpStream::connect(program.address).expect("it listens");
    stuck.write_all(b"GET /login HTTP/1.1\r\n").expect("sent");
    assert_eq!(program.get("/unprotected", None).status, 200);
    let (well, printed) = program.stop();
    assert!(well, "{printed}");
}
