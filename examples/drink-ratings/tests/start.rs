//! The binary, as its user starts it: its secret, its lifetimes, `init`, `make-admin`, `--demo`.

use std::process::Command;

use examples_common::testing::{Program, Request, curl_is_here, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_drink-ratings");
const GOOD: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const PUBLISHED: [&str; 2] = [
    "26452948404D635166546A576E5A7234753777217A25432A462D4A614E645267",
    "58703273357538782F413F4428472B4B6250655368566D597133743677397924",
];

const LIST: Request<'static> = Request {
    method: "GET",
    path: "/api/testimonials",
    authorization: None,
    body: None,
};

#[test]
fn a_missing_short_or_published_secret_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for secret in ["", "super-secret", PUBLISHED[0], PUBLISHED[1]] {
        let environment = [("JWT_SECRET_KEY", secret)];
        let (started, _, errors) = run(PROGRAM, folder.path(), &[], &environment, "");
        assert!(!started, "{secret}");
        assert!(
            errors.contains("-- init") && errors.contains("openssl rand -hex 32"),
            "{errors}"
        );
        assert!(secret.is_empty() || !errors.contains(secret), "{errors}");
    }
    let left = std::fs::read_dir(folder.path())
        .expect("the folder")
        .count();
    assert_eq!(left, 0, "nothing was made");
}

#[test]
fn lifetimes_that_would_sign_everybody_out_are_refused_with_the_cure() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, value) in [
        ("JWT_INACTIVITY_LOGOUT", "600"),
        ("JWT_INACTIVITY_LOGOUT", "900"),
        ("JWT_REFRESH_TOKEN_EXPIRES", "60"),
        ("JWT_ACCESS_TOKEN_EXPIRES", "False"),
        ("JWT_ACCESS_TOKEN_EXPIRES", "0"),
    ] {
        let environment = [("JWT_SECRET_KEY", GOOD), (name, value)];
        let (started, _, errors) = run(PROGRAM, folder.path(), &[], &environment, "");
        assert!(
            !started && errors.contains(name) && errors.contains(value),
            "{errors}"
        );
        assert!(
            errors.contains("raise") || errors.contains("write a number"),
            "{errors}"
        );
    }
    assert!(
        !folder.path().join("drink-ratings.db").exists(),
        "nothing was made"
    );
    let ten_minutes = [
        ("JWT_SECRET_KEY", GOOD),
        ("JWT_ACCESS_TOKEN_EXPIRES", "300"),
        ("JWT_INACTIVITY_LOGOUT", "600"),
    ];
    let program = Program::start(PROGRAM, folder.path(), &[], &ten_minutes);
    assert_eq!(program.send(LIST).status, 200);
}

#[test]
fn init_writes_what_the_start_reads_and_an_administrator_is_made_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (done, said, _) = run(PROGRAM, folder.path(), &["init"], &[], "");
    assert!(done, "{said}");
    let written = std::fs::read_to_string(folder.path().join(".env")).expect(".env");
    let secret = written
        .trim()
        .strip_prefix("JWT_SECRET_KEY=")
        .expect("one line");
    assert!(secret.len() == 64 && !said.contains(secret), "{said}");
    let (again, _, errors) = run(PROGRAM, folder.path(), &["init"], &[], "");
    assert!(!again && errors.contains("is left as it is"), "{errors}");

    let program = Program::start(PROGRAM, folder.path(), &[], &[]);
    assert_eq!(
        program.send(LIST).cell(),
        (200, r#"{"testimonials":[]}"#, None)
    );
    assert!(folder.path().join("drink-ratings.db").exists());
    let body = br#"{"username":"caleb","password":"bestpass123"}"#;
    let post = |path| {
        program.send(Request {
            method: "POST",
            path,
            authorization: None,
            body: Some(("application/json", body)),
        })
    };
    let (made, _, errors) = run(PROGRAM, folder.path(), &["make-admin", "caleb"], &[], "");
    assert!(!made && errors.contains("create it first"), "{errors}");
    assert_eq!(post("/api/create_user").status, 201);
    let (made, said, errors) = run(PROGRAM, folder.path(), &["make-admin", "caleb"], &[], "");
    assert!(made, "{errors}");
    assert_eq!(said, "caleb is an administrator now.\n");
    let login = post("/api/login").body;
    let token = login.split('"').nth(3).expect("a token");
    let answer = program.send(Request {
        method: "GET",
        path: "/protected",
        authorization: Some(&format!("Bearer {token}")),
        body: None,
    });
    let admin = r#"{"logged_in_as":{"username":"caleb","role":"admin"}}"#;
    assert_eq!(answer.cell(), (200, admin, None));
}

#[test]
fn the_data_lie_where_the_variable_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let elsewhere = folder.path().join("elsewhere.db");
    let environment = [
        ("JWT_SECRET_KEY", GOOD),
        ("DRINK_RATINGS_DB", elsewhere.to_str().expect("text")),
    ];
    let program = Program::start(PROGRAM, folder.path(), &[], &environment);
    assert_eq!(program.send(LIST).status, 200);
    assert!(elsewhere.exists() && !folder.path().join("drink-ratings.db").exists());
}

#[test]
fn unknown_arguments_are_told_the_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    for words in [
        &["--help-me"][..],
        &["make-admin"],
        &["make-admin", "a", "b"],
        &["take-over"],
    ] {
        let (done, _, errors) = run(PROGRAM, folder.path(), words, &[], "");
        let usage = "drink-ratings [init | make-admin NAME | take-over OLD.db | --demo]";
        assert!(!done && errors.contains(usage), "{errors}");
    }
}

#[test]
fn the_demonstration_needs_nothing_and_its_calls_can_be_pasted() {
    if !curl_is_here() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(PROGRAM, folder.path(), &["--demo"], &[]);
    assert!(program.printed.starts_with("JWT_SECRET_KEY="));
    let output = Command::new("sh")
        .args(["-c", &program.printed])
        .env("NO_PROXY", "*")
        .output()
        .expect("sh");
    let said = String::from_utf8_lossy(&output.stderr);
    let statuses = said.split("< HTTP/1.1 ").skip(1);
    let statuses: Vec<&str> = statuses.filter_map(|rest| rest.get(..3)).collect();
    let expected = [
        "201", "200", "201", "401", "200", "422", "401", "200", "200", "401", "200", "200", "401",
    ];
    assert_eq!(statuses, expected, "{said}");
    let printed = String::from_utf8(output.stdout).expect("text");
    for (words, times) in [
        (r#"{"id":1,"username":"caleb"}"#, 1),
        (
            r#"{"id":1,"name":"Caleb","testimonial":"The best tea in town."}"#,
            1,
        ),
        (r#"{"msg":"Missing Authorization Header"}"#, 1),
        (r#"{"logged_in_as":{"username":"caleb","role":"user"}}"#, 1),
        (r#"{"msg":"Signature verification failed"}"#, 1),
        ("caleb is an administrator now.", 1),
        (r#"{"logged_in_as":{"username":"caleb","role":"admin"}}"#, 1),
        (r#"{"msg":"Fresh token required"}"#, 1),
        (r#"{"msg":"Successfully logged out"}"#, 1),
        (r#"{"msg":"Token has been revoked"}"#, 2),
    ] {
        assert_eq!(
            printed.matches(words).count(),
            times,
            "{words} in {printed}"
        );
    }
    let left = std::fs::read_dir(folder.path())
        .expect("the folder")
        .count();
    assert_eq!(left, 0, "nothing is left behind");
}
