//! The binary, as its user starts it: its secret, `init`, `make-admin`, `--demo`.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use examples_common::testing::{Program, Request, challenge, curl_is_here, run};
use serde_json::{Value, json};

const CUSTOMERS: &str = env!("CARGO_BIN_EXE_customers");
const GOOD: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const ENVIRONMENT: [(&str, &str); 1] = [("SECRET_KEY", GOOD)];
const LIST: Request<'static> = Request {
    method: "GET",
    path: "/customers/",
    authorization: None,
    body: None,
};

#[test]
fn a_missing_short_or_published_secret_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let published = "5325d132e0ddb67229a796ecaeaa5a17e44632304369d00be222170ec9006bcd";
    for secret in [
        "",
        "my_secert_token",
        "shorter than thirty-two bytes",
        published,
    ] {
        let environment = [("SECRET_KEY", secret)];
        let environment = &environment[..usize::from(!secret.is_empty())];
        for words in [&[][..], &["make-admin", "ada"]] {
            let (started, _, errors) = run(CUSTOMERS, folder.path(), words, environment, "");
            assert!(!started, "{secret}");
            assert!(
                errors.contains("-- init") && errors.contains("openssl rand -hex 32"),
                "{errors}"
            );
            assert!(secret.is_empty() || !errors.contains(secret), "{errors}");
        }
    }
    let made = std::fs::read_dir(folder.path())
        .expect("the folder")
        .count();
    assert_eq!(made, 0, "nothing was made");
}

#[test]
fn init_writes_what_the_start_reads_and_the_data_lie_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (done, said, _) = run(CUSTOMERS, folder.path(), &["init"], &[], "");
    assert!(done, "{said}");
    let program = Program::start(CUSTOMERS, folder.path(), &[], &[]);
    assert_eq!(program.send(LIST).status, 401);
    assert!(folder.path().join("customers.db").exists());
    let environment = [("PORT", "0")];
    let (started, _, errors) = run(CUSTOMERS, folder.path(), &[], &environment, "");
    assert!(
        !started && errors.contains("is at work on this database"),
        "{errors}"
    );
    let elsewhere = folder.path().join("elsewhere.db");
    let variable = [("CUSTOMERS_DB", elsewhere.to_str().expect("text"))];
    let other = Program::start(CUSTOMERS, folder.path(), &[], &variable);
    assert_eq!(other.send(LIST).status, 401);
    assert!(elsewhere.exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&elsewhere)
            .expect("the file")
            .permissions()
            .mode();
        assert_eq!(
            mode & 0o077,
            0,
            "addresses and phone numbers are nobody else's to read"
        );
    }
}

#[test]
fn unknown_arguments_are_told_the_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    for words in [
        &["--help-me"][..],
        &["make-admin"],
        &["make-admin", "ada", "bob"],
    ] {
        let (done, _, errors) = run(CUSTOMERS, folder.path(), words, &ENVIRONMENT, "");
        assert!(
            !done && errors.contains("customers [init | make-admin USERNAME-OR-EMAIL | --demo]"),
            "{errors}"
        );
    }
}

fn post(program: &Program, path: &str, json: &Value) -> Value {
    let json = json.to_string();
    let body = Some(("application/json", json.as_bytes()));
    let answer = program.send(Request {
        method: "POST",
        path,
        authorization: None,
        body,
    });
    assert!(answer.status < 300, "{answer:?}");
    serde_json::from_str(&answer.body).expect("JSON")
}

fn bearer(program: &Program, email: &str) -> String {
    let answer = post(
        program,
        "/customers/login",
        &json!({ "email": email, "password": "bestpass123" }),
    );
    format!("Bearer {}", answer["token"].as_str().expect("a token"))
}

fn sign_up(program: &Program, username: &str) {
    let email = format!("{username}@example.org");
    let person = json!({ "name": username, "email": email, "phone": "555-0100", "username": username, "password": "bestpass123" });
    post(program, "/customers/", &person);
}

fn make_admin(folder: &Path, name: &str) -> (bool, String, String) {
    run(CUSTOMERS, folder, &["make-admin", name], &ENVIRONMENT, "")
}

#[test]
fn a_change_of_roles_is_felt_within_a_second_while_the_program_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let (done, _, errors) = make_admin(folder.path(), "ada");
    assert!(
        !done && errors.contains("start the program first"),
        "{errors}"
    );
    let program = Program::start(CUSTOMERS, folder.path(), &[], &ENVIRONMENT);
    for username in ["ada", "bob", "carol"] {
        sign_up(&program, username);
    }
    let (done, _, errors) = make_admin(folder.path(), "eve");
    assert!(!done && errors.contains("sign up first"), "{errors}");
    for (name, email, doomed) in [
        ("ADA", "ada@example.org", 2),
        ("carol@Example.org", "carol@example.org", 1),
    ] {
        let old = bearer(&program, email);
        let list = |bearer: &str| {
            program.send(Request {
                authorization: Some(bearer),
                ..LIST
            })
        };
        assert_eq!(list(&old).status, 200);
        let delete = |bearer: &str| {
            let path = format!("/customers/{doomed}");
            program.send(Request {
                method: "DELETE",
                path: &path,
                authorization: Some(bearer),
                body: None,
            })
        };
        assert_eq!(delete(&old).status, 403);
        let (done, said, errors) = make_admin(folder.path(), name);
        assert!(
            done && said.contains("from the next sign-in on"),
            "{said}{errors}"
        );
        #[expect(clippy::disallowed_methods, reason = "the promise is in real time")]
        let made = Instant::now();
        let refused = loop {
            let answer = list(&old);
            if answer.status != 200 {
                break answer;
            }
            assert!(
                made.elapsed() < Duration::from_secs(1),
                "the old token is still good"
            );
        };
        let expected = challenge("token_revoked");
        assert_eq!(
            refused.cell(),
            (
                401,
                r#"{"message":"Invalid Token"}"#,
                Some(expected.as_str())
            )
        );
        let new = bearer(&program, email);
        assert_eq!(
            (
                delete(&old).status,
                delete(&new).status,
                delete(&new).status
            ),
            (401, 204, 404)
        );
    }
}

#[test]
fn the_demonstration_needs_nothing_and_its_calls_can_be_pasted() {
    if !curl_is_here() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(CUSTOMERS, folder.path(), &["--demo"], &[]);
    assert!(program.printed.contains("SECRET_KEY="));
    let output = Command::new("sh")
        .args(["-c", &program.printed])
        .env("NO_PROXY", "*")
        .output()
        .expect("sh");
    let said = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8(output.stdout).expect("text");
    let statuses = printed.split("HTTP/1.1 ").skip(1);
    let statuses: Vec<&str> = statuses.filter_map(|rest| rest.get(..3)).collect();
    let expected = [
        "201", "201", "400", "404", "401", "200", "401", "200", "403", "403", "401", "204", "200",
    ];
    assert_eq!(statuses, expected, "{printed}{said}");
    assert!(
        printed.contains(r#""sub":"1""#) && printed.contains(r#""admin":false"#),
        "{printed}"
    );
    assert!(
        printed.contains("Customer 1, ada, ada@example.org, is an administrator"),
        "{printed}{said}"
    );
    let left = std::fs::read_dir(folder.path())
        .expect("the folder")
        .count();
    assert_eq!(left, 0, "nothing is left behind");
}
