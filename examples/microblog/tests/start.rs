//! The binary, as its user starts it: its secret, `init`, `--demo`, `seed`, and the two parts apart.

mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use examples_common::testing::{Answer, Program, Request, challenge, curl_is_here, run};
use serde_json::json;
use support::{assert_timelines_agree, credentials, tokens};

const MICROBLOG: &str = env!("CARGO_BIN_EXE_microblog");
const GOOD: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const PUBLISHED: &str = "5325d132e0ddb67229a796ecaeaa5a17e44632304369d00be222170ec9006bcd";

fn nobody_yet(program: &Program) {
    let answer = program.get("/joey2go", None);
    let expected = r#"{"status":404,"message":"No such user"}"#;
    assert_eq!(answer.cell(), (404, expected, None));
}

#[test]
fn a_missing_short_or_published_secret_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for secret in ["", "shorter than thirty-two bytes", PUBLISHED] {
        let environment = [("JWT_SIGNING_KEY", secret)];
        let environment = &environment[usize::from(secret.is_empty())..];
        for words in [&[][..], &["seed", "--posts", "1"]] {
            let (started, _, errors) = run(MICROBLOG, folder.path(), words, environment, "");
            assert!(!started, "{environment:?}");
            assert!(
                errors.contains("-- init") && errors.contains("openssl rand -hex 32"),
                "{errors}"
            );
            assert!(secret.is_empty() || !errors.contains(secret), "{errors}");
        }
    }
    let made = folder.path().join("microblog.db").exists();
    assert!(!made, "nothing was made");
}

#[test]
fn init_writes_what_the_start_reads_and_the_data_lie_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (done, said, _) = run(MICROBLOG, folder.path(), &["init"], &[], "");
    assert!(done, "{said}");
    let written = std::fs::read_to_string(folder.path().join(".env")).expect(".env");
    let (name, secret) = written.trim_end().split_once('=').expect("a line");
    assert_eq!(name, "JWT_SIGNING_KEY");
    assert!(!said.contains(secret), "{said}");
    let (again, _, errors) = run(MICROBLOG, folder.path(), &["init"], &[], "");
    assert!(!again && errors.contains("is left as it is"), "{errors}");

    let program = Program::start(MICROBLOG, folder.path(), &[], &[]);
    nobody_yet(&program);
    assert!(folder.path().join("microblog.db").exists());
    drop(program);
    let elsewhere = folder.path().join("elsewhere.db");
    let variable = [("MICROBLOG_DB", elsewhere.to_str().expect("text"))];
    let program = Program::start(MICROBLOG, folder.path(), &[], &variable);
    nobody_yet(&program);
    assert!(elsewhere.exists());
}

#[test]
fn what_is_not_understood_is_told_with_its_cure() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = ("JWT_SIGNING_KEY", GOOD);
    let part = ("MICROBLOG_PART", "authentication");
    for (words, environment, cure) in [
        (
            &["--help-me"][..],
            &[secret][..],
            "microblog [init | take-over OLD.db | seed --posts N | --demo]",
        ),
        (&["seed"], &[secret], "seed --posts N"),
        (
            &["seed", "--posts", "many"],
            &[secret],
            "--posts is `many`, not a number",
        ),
        (
            &[],
            &[secret, part],
            "MICROBLOG_PART is `authentication`: write auth or app",
        ),
    ] {
        let (done, _, errors) = run(MICROBLOG, folder.path(), words, environment, "");
        assert!(!done && errors.contains(cure), "{errors}");
    }
}

#[test]
fn the_demonstration_needs_nothing_and_its_calls_can_be_pasted() {
    if !curl_is_here() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(MICROBLOG, folder.path(), &["--demo"], &[]);
    assert!(program.printed.contains("JWT_SIGNING_KEY="));
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
    let expected = [
        "200", "200", "200", "401", "200", "200", "200", "200", "403", "200", "404", "200", "200",
        "200", "401",
    ];
    assert_eq!(statuses, expected, "{said}");
    let printed = String::from_utf8(output.stdout).expect("text");
    for answer in [
        r#"{"status":200,"message":"Created post","postid":1}"#,
        r#"{"status":200,"message":"Added mira as a follower to joey2go"}"#,
        r#""username":"joey2go","content":"My first post""#,
        r#"{"status":200,"message":"Deleted post 1"}"#,
        r#"{"status":200,"userid":1,"username":"joey2go","posts":[],"before":null}"#,
        r#"{"status":401,"message":"Invalid token"}"#,
    ] {
        assert!(printed.contains(answer), "{answer} in {printed}");
    }
    let left = std::fs::read_dir(folder.path()).expect("the folder");
    assert_eq!(left.count(), 0, "nothing is left behind");
}

#[test]
fn seeding_fills_an_empty_board_and_one_of_them_signs_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let environment = [("JWT_SIGNING_KEY", GOOD)];
    let words = ["seed", "--posts", "150"];
    let (done, said, errors) = run(MICROBLOG, folder.path(), &words, &environment, "");
    assert!(done, "{errors}");
    assert_eq!(errors, "", "without a terminal there is no bar");
    let password = said
        .trim_end()
        .strip_prefix("Seeded 150 posts. Sign in as reader with the password ");
    let password = password.unwrap_or_else(|| panic!("{said}"));
    assert_timelines_agree(&folder.path().join("microblog.db"));

    let program = Program::start(MICROBLOG, folder.path(), &[], &environment);
    let answer = program.post("/login", None, &credentials("reader", password));
    let (bearer, _) = tokens(&answer);
    let page = program.get("/timeline?limit=100", Some(&bearer));
    assert!(page.body.contains(r#""username":"person"#), "{page:?}");
    for name in ["person002", "person200"] {
        let answer = program.post("/login", None, &credentials(name, ""));
        assert_eq!(answer.status, 400);
        let answer = program.post("/login", None, &credentials(name, password));
        assert_eq!(answer.status, 401, "nobody signs in as {name}");
    }
    let (again, _, errors) = run(MICROBLOG, folder.path(), &words, &environment, "");
    assert!(
        !again && errors.contains("MICROBLOG_DB=./seeded.db"),
        "{errors}"
    );
}

fn ask(program: &Program, method: &str, path: &str, bearer: &str, json: &str) -> Answer {
    program.send(Request {
        method,
        path,
        authorization: Some(bearer).filter(|it| !it.is_empty()),
        body: Some(("application/json", json.as_bytes())),
    })
}

#[test]
fn the_two_parts_are_two_processes_with_one_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = |part| {
        let environment = [("JWT_SIGNING_KEY", GOOD), ("MICROBLOG_PART", part)];
        Program::start(MICROBLOG, folder.path(), &[], &environment)
    };
    let (auth, app) = (start("auth"), start("app"));
    let joey = credentials("joey2go", "bestpass123");
    assert_eq!(auth.post("/signup", None, &joey).status, 200);
    let (bearer, refresh_token) = tokens(&auth.post("/login", None, &joey));
    let post = json!({ "content": "From the other process" }).to_string();
    let answer = app.post("/post", Some(&bearer), &post);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(app.get("/joey2go", None).body.contains(&post[12..30]));

    // Neither serves what is the other's.
    let not_found = (404, r#"{"status":404,"message":"Not found"}"#, None);
    for path in ["/signup", "/login", "/refresh", "/logout"] {
        for method in ["GET", "POST"] {
            assert_eq!(ask(&app, method, path, &bearer, &joey).cell(), not_found);
        }
    }
    for path in ["/post?postid=1", "/follow", "/timeline", "/joey2go"] {
        for method in ["GET", "POST", "DELETE"] {
            assert_eq!(ask(&auth, method, path, &bearer, &post).cell(), not_found);
        }
    }

    // Another pair for the refresh token, and the app part takes it.
    let exchange = json!({ "refresh_token": refresh_token }).to_string();
    let (bearer, _) = tokens(&auth.post("/refresh", None, &exchange));
    assert_eq!(app.get("/timeline", Some(&bearer)).status, 200);
    assert_eq!(auth.post("/logout", Some(&bearer), "").status, 200);
    let signed_out = now();
    while app.get("/timeline", Some(&bearer)).status == 200 {
        let heard_in_time = now() - signed_out < Duration::from_secs(1);
        assert!(heard_in_time, "the sign-out was not heard of in a second");
    }
    let invalid = r#"{"status":401,"message":"Invalid token"}"#;
    let answer = app.get("/timeline", Some(&bearer));
    let revoked = challenge("token_revoked");
    assert_eq!(answer.cell(), (401, invalid, Some(revoked.as_str())));
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long another process takes is a matter of real time"
)]
fn now() -> Instant {
    Instant::now()
}
