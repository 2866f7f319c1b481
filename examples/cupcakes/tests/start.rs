//! The binary, as its user starts it: its secrets, `init`, `--demo`.

use std::process::Command;

use examples_common::testing::{Program, Request, curl_is_here, run};

const CUPCAKES: &str = env!("CARGO_BIN_EXE_cupcakes");
const GOOD: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const PUBLISHED: &str = "5325d132e0ddb67229a796ecaeaa5a17e44632304369d00be222170ec9006bcd";

const LIST: Request<'static> = Request {
    method: "GET",
    path: "/cupcakes",
    authorization: None,
    body: None,
};

#[test]
fn a_missing_short_or_published_secret_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for environment in [
        &[][..],
        &[("TOKEN_SECRET", GOOD)],
        &[("ENCRYPTION_KEY", GOOD)],
        &[("TOKEN_SECRET", ""), ("ENCRYPTION_KEY", GOOD)],
        &[
            ("TOKEN_SECRET", "shorter than thirty-two bytes"),
            ("ENCRYPTION_KEY", GOOD),
        ],
        &[("TOKEN_SECRET", PUBLISHED), ("ENCRYPTION_KEY", GOOD)],
        &[("TOKEN_SECRET", GOOD), ("ENCRYPTION_KEY", PUBLISHED)],
        &[
            ("TOKEN_SECRET", GOOD),
            (
                "ENCRYPTION_KEY",
                "sixty-four characters that are no hexadecimal digits at all, alas",
            ),
        ],
    ] {
        let (started, _, errors) = run(CUPCAKES, folder.path(), &[], environment, "");
        assert!(!started, "{environment:?}");
        assert!(
            errors.contains("-- init") && errors.contains("openssl rand -hex 32"),
            "{errors}"
        );
        for (_, value) in environment.iter().filter(|(_, value)| !value.is_empty()) {
            assert!(!errors.contains(value), "{errors}");
        }
    }
    assert!(
        !folder.path().join("cupcakes.db").exists(),
        "nothing was made"
    );
}

#[test]
fn init_writes_what_the_start_reads_and_the_data_lie_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (done, said, _) = run(CUPCAKES, folder.path(), &["init"], &[], "");
    assert!(done, "{said}");
    let written = std::fs::read_to_string(folder.path().join(".env")).expect(".env");
    for secret in written
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(_, secret)| secret)
    {
        assert!(!said.contains(secret), "{said}");
    }
    let (again, _, errors) = run(CUPCAKES, folder.path(), &["init"], &[], "");
    assert!(!again && errors.contains("is left as it is"), "{errors}");
    assert!(!errors.contains("echo"), "it lacks nothing: {errors}");
    assert_eq!(
        std::fs::read_to_string(folder.path().join(".env")).expect(".env"),
        written
    );

    let program = Program::start(CUPCAKES, folder.path(), &[], &[]);
    assert_eq!(program.send(LIST).cell(), (200, "[]", None));
    assert!(folder.path().join("cupcakes.db").exists());
    drop(program);
    let elsewhere = folder.path().join("elsewhere.db");
    let variable = [("CUPCAKES_DB", elsewhere.to_str().expect("text"))];
    let program = Program::start(CUPCAKES, folder.path(), &[], &variable);
    assert_eq!(program.send(LIST).status, 200);
    assert!(elsewhere.exists());
}

#[test]
fn the_environment_comes_before_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(
        folder.path().join(".env"),
        format!("TOKEN_SECRET=short\nENCRYPTION_KEY={GOOD}\n"),
    )
    .expect(".env");
    assert!(!run(CUPCAKES, folder.path(), &[], &[], "").0);
    let program = Program::start(CUPCAKES, folder.path(), &[], &[("TOKEN_SECRET", GOOD)]);
    assert_eq!(program.send(LIST).status, 200);
}

#[test]
fn unknown_arguments_are_told_the_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let (done, _, errors) = run(CUPCAKES, folder.path(), &["--help-me"], &[], "");
    assert!(
        !done && errors.contains("cupcakes [init | take-over OLD.db | --demo]"),
        "{errors}"
    );
}

#[test]
fn the_demonstration_needs_nothing_and_its_calls_can_be_pasted() {
    if !curl_is_here() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(CUPCAKES, folder.path(), &["--demo"], &[]);
    assert!(
        program.printed.contains("TOKEN_SECRET=") && program.printed.contains("ENCRYPTION_KEY=")
    );
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
        "201", "200", "401", "200", "401", "201", "200", "401", "204",
    ];
    assert_eq!(statuses, expected, "{said}");
    let printed = String::from_utf8(output.stdout).expect("text");
    let header = r#""alg":"HS256""#;
    let me = r#"{"id":1,"email":"test@user.com"}"#;
    assert_eq!(printed.matches(me).count(), 2, "{printed}");
    assert!(
        printed.contains(header) && printed.contains(r#""sub":"1""#),
        "{printed}"
    );
    assert_eq!(
        std::fs::read_dir(folder.path())
            .expect("the folder")
            .count(),
        0,
        "nothing is left behind"
    );
}
