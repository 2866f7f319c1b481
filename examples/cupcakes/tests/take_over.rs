//! The original program's users move in: `cupcakes take-over OLD.db`.

mod support;

use std::path::Path;

use examples_common::testing::{Program, Python, basic, run};
use rusqlite::Connection;
use support::{KEY, SECRET, token};

const CUPCAKES: &str = env!("CARGO_BIN_EXE_cupcakes");
const ENVIRONMENT: [(&str, &str); 2] = [("TOKEN_SECRET", SECRET), ("ENCRYPTION_KEY", KEY)];

fn take_over(folder: &Path, old: &str) -> (bool, String, String) {
    run(CUPCAKES, folder, &["take-over", old], &ENVIRONMENT, "")
}

/// The file of a program that kept its users as this text's original did.
fn old_file(folder: &Path, tables: &str, rows: &[(Option<&str>, Option<&str>)]) {
    let connection = Connection::open(folder.join("old.db")).expect("a file");
    connection.execute_batch(tables).expect("the tables");
    for row in rows {
        let sql = "INSERT INTO users (email, password) VALUES (?1, ?2)";
        connection.execute(sql, *row).expect("a row");
    }
}

const USERS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, password TEXT)";

fn status(program: &Program, email: &str, password: &str) -> u16 {
    program
        .get("/users/login", Some(&basic(email, password)))
        .status
}

#[test]
fn its_users_sign_in_with_the_passwords_that_they_had() {
    let folder = tempfile::tempdir().expect("a folder");
    let hash = bcrypt::hash("password123", 4).expect("bcrypt");
    let short = bcrypt::hash("short", 4)
        .expect("bcrypt")
        .replacen("$2b$", "$2y$", 1);
    old_file(
        folder.path(),
        USERS,
        &[
            (Some("test@user.com"), Some(&hash)),
            (Some("bob@user.com"), Some(&short)),
            (Some("TEST@user.com"), Some(&short)),
            (Some("plain@user.com"), Some("password123")),
            (Some("nobody@user.com"), None),
            (None, Some(&hash)),
            (Some("\u{1b}[2Jevil"), Some(&hash)),
        ],
    );
    let connection = Connection::open(folder.path().join("old.db")).expect("the file");
    let blob = "INSERT INTO users (email, password) VALUES ('bytes@user.com', CAST(?1 AS BLOB))";
    connection.execute(blob, [&hash]).expect("a row");
    drop(connection);
    let before = std::fs::read(folder.path().join("old.db")).expect("the file");

    let (done, said, errors) = take_over(folder.path(), "old.db");
    assert!(done, "{errors}");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 6, "{said}");
    for (line, expected) in lines.iter().zip([
        r#"row 3, "TEST@user.com": has an account here already; it is left as it is"#,
        r#"row 4, "plain@user.com": password_hash: "#,
        r#"row 5, "nobody@user.com": no name or no hash that can be read"#,
        r#"row 6, "": no name or no hash that can be read"#,
        r#"row 7, "\u{1b}[2Jevil": email: write it like name@example.org"#,
        "Took over 3; 1 had an account here already, 4 could not be taken over.",
    ]) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
    for secret in [&hash, "password123"] {
        assert!(!said.contains(secret) && !errors.contains(secret));
    }
    assert_eq!(
        std::fs::read(folder.path().join("old.db")).expect("the file"),
        before,
        "it is only read"
    );

    let program = Program::start(CUPCAKES, folder.path(), &[], &ENVIRONMENT);
    for (email, password) in [
        ("test@user.com", "password123"),
        // Shorter than a new password may be: it was good there.
        ("bob@user.com", "short"),
        ("bytes@user.com", "password123"),
    ] {
        assert_eq!(status(&program, email, password), 200, "{email}");
        assert_eq!(status(&program, email, "password124"), 401, "{email}");
    }
    assert_eq!(status(&program, "plain@user.com", "password123"), 401);
    // Everybody has the number that they had, and nobody else gets it.
    let me = |email: &str| {
        let answer = program.get("/users/login", Some(&basic(email, "password123")));
        program
            .get("/users", Some(&format!("Bearer {}", token(&answer))))
            .body
    };
    assert_eq!(me("bytes@user.com"), r#"{"id":8,"email":"bytes@user.com"}"#);
    let body = r#"{"email":"new@user.com","password":"password123"}"#;
    let new = program.post("/users", None, body);
    assert_eq!(
        new.cell(),
        (201, r#"{"id":9,"email":"new@user.com"}"#, None)
    );
    drop(program);
    let connection = Connection::open(folder.path().join("old.db")).expect("the file");
    let late = "INSERT INTO users VALUES (9, 'late@user.com', ?1)";
    connection.execute(late, [&hash]).expect("a row");
    let (done, said, _) = take_over(folder.path(), "old.db");
    assert!(
        done && said.contains(r#""late@user.com": its number is somebody else's here"#),
        "{said}"
    );
}

#[test]
fn to_run_it_again_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = bcrypt::hash("password123", 4).expect("bcrypt");
    old_file(folder.path(), USERS, &[(Some("test@user.com"), Some(&old))]);
    let (done, said, _) = take_over(folder.path(), "old.db");
    assert!(
        done && said
            .ends_with("Took over 1; 0 had an account here already, 0 could not be taken over.\n"),
        "{said}"
    );
    let changed = bcrypt::hash("another-password", 4).expect("bcrypt");
    let connection = Connection::open(folder.path().join("old.db")).expect("the file");
    connection
        .execute("UPDATE users SET password = ?1", [changed])
        .expect("an update");
    let (done, said, _) = take_over(folder.path(), "old.db");
    assert!(
        done && said
            .ends_with("Took over 0; 1 had an account here already, 0 could not be taken over.\n"),
        "{said}"
    );
    let program = Program::start(CUPCAKES, folder.path(), &[], &ENVIRONMENT);
    assert_eq!(status(&program, "test@user.com", "password123"), 200);
    assert_eq!(status(&program, "test@user.com", "another-password"), 401);
}

#[test]
fn what_is_no_such_file_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (done, _, errors) = take_over(folder.path(), "nowhere.db");
    assert!(
        !done && errors.contains("nowhere.db cannot be opened"),
        "{errors}"
    );
    std::fs::write(
        folder.path().join("text.db"),
        "not a database, but a text of some length",
    )
    .expect("a file");
    let (done, _, errors) = take_over(folder.path(), "text.db");
    assert!(
        !done && errors.contains("text.db cannot be taken over"),
        "{errors}"
    );
    old_file(
        folder.path(),
        "CREATE TABLE users (id INTEGER, name TEXT)",
        &[],
    );
    let (done, _, errors) = take_over(folder.path(), "old.db");
    assert!(
        !done && errors.contains("no table `user` or `users`"),
        "{errors}"
    );
    assert!(
        !folder.path().join("cupcakes.db").exists(),
        "a mistyped name leaves no file behind"
    );
    let folder = tempfile::tempdir().expect("a folder");
    old_file(folder.path(), USERS, &[]);
    let (done, _, errors) = run(CUPCAKES, folder.path(), &["take-over", "old.db"], &[], "");
    assert!(
        !done && errors.contains("TOKEN_SECRET is not set"),
        "{errors}"
    );
}

#[test]
fn the_table_is_found_by_its_names_in_any_case() {
    let folder = tempfile::tempdir().expect("a folder");
    let hash = bcrypt::hash("password123", 4).expect("bcrypt");
    let table = format!(
        r#"CREATE TABLE "User" ("E""mail" TEXT, Email TEXT, Password_Hash TEXT);
           INSERT INTO "User" VALUES ('other', 'test@user.com', '{hash}');"#
    );
    old_file(folder.path(), &table, &[]);
    let (done, said, errors) = take_over(folder.path(), "old.db");
    assert!(done && said.starts_with("Took over 1;"), "{said} {errors}");
}

#[test]
fn a_terminal_is_shown_how_far_it_is() {
    let Some(python) = Python::found() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let hash = bcrypt::hash("password123", 4).expect("bcrypt");
    let names: Vec<String> = (0..50)
        .map(|number| format!("user{number}@user.com"))
        .collect();
    let rows: Vec<_> = names
        .iter()
        .map(|name| (Some(name.as_str()), Some(hash.as_str())))
        .collect();
    old_file(folder.path(), USERS, &rows);
    // A terminal of its own for the program's three streams.
    let script =
        "import os, pty, sys; os.chdir(sys.argv[1]); sys.exit(pty.spawn(['env', *sys.argv[2:]]))";
    let environment = ENVIRONMENT.map(|(name, value)| format!("{name}={value}"));
    let folder = folder.path().to_str().expect("text");
    let words = [
        folder,
        &environment[0],
        &environment[1],
        CUPCAKES,
        "take-over",
        "old.db",
    ];
    let shown = python.run(script, &words, "");
    assert!(shown.contains("of 50 users, "), "{shown}");
    assert!(
        shown.ends_with("Took over 50; 0 had an account here already, 0 could not be taken over."),
        "{shown}"
    );
}
