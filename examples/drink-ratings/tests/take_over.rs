//! The original program's users move in with their numbers: `drink-ratings take-over OLD.db`.

mod support;

use std::path::Path;

use examples_common::testing::{Program, run};
use rusqlite::Connection;
use support::{PASSWORD, SECRET, pair, user};

const PROGRAM: &str = env!("CARGO_BIN_EXE_drink-ratings");
const ENVIRONMENT: [(&str, &str); 1] = [("JWT_SECRET_KEY", SECRET)];

fn old_file(folder: &Path, sql: &str) {
    let connection = Connection::open(folder.join("old.db")).expect("a file");
    let hash = bcrypt::hash(PASSWORD, 4).expect("bcrypt");
    connection
        .execute_batch(&sql.replace("HASH", &hash))
        .expect("the tables");
}

fn take_over(folder: &Path) -> String {
    let (done, said, errors) = run(PROGRAM, folder, &["take-over", "old.db"], &ENVIRONMENT, "");
    assert!(done, "{errors}");
    said
}

/// The numbers and names of all accounts.
fn accounts(folder: &Path) -> Vec<(String, String)> {
    let connection = Connection::open(folder.join("drink-ratings.db")).expect("the file");
    let sql = "SELECT id, username FROM account ORDER BY username";
    let mut statement = connection.prepare(sql).expect("the table");
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

fn expected(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = pairs
        .iter()
        .map(|(id, name)| ((*id).to_owned(), (*name).to_owned()));
    pairs.collect()
}

/// Here `id` is not the row's own number: to take that for it would give one person's tokens to another.
#[test]
fn the_number_is_the_column_s_and_not_the_row_s() {
    let folder = tempfile::tempdir().expect("a folder");
    old_file(
        folder.path(),
        "CREATE TABLE user (id BIGINT PRIMARY KEY, username TEXT, password TEXT);
         INSERT INTO user VALUES (30, 'caleb', 'HASH'), (10, 'ada', 'HASH'), (9007199254740993, 'far', 'HASH'),
            (0, 'zero', 'HASH'), (-1, 'minus', 'HASH'), ('seven', 'seven', 'HASH'), (1.5, 'half', 'HASH');",
    );
    let said = take_over(folder.path());
    assert_eq!(
        said.matches("its id is no number from 1 on").count(),
        4,
        "{said}"
    );
    assert!(
        said.ends_with("Took over 3; 0 had an account here already, 4 could not be taken over.\n"),
        "{said}"
    );
    let all = [("10", "ada"), ("30", "caleb"), ("9007199254740993", "far")];
    assert_eq!(accounts(folder.path()), expected(&all));
}

#[test]
fn without_a_number_they_are_given_one() {
    let folder = tempfile::tempdir().expect("a folder");
    old_file(
        folder.path(),
        "CREATE TABLE users (username TEXT, password_hash TEXT);
         INSERT INTO users VALUES ('caleb', 'HASH'), ('ada', 'HASH');",
    );
    assert!(take_over(folder.path()).starts_with("Took over 2;"));
    assert_eq!(
        accounts(folder.path()),
        expected(&[("2", "ada"), ("1", "caleb")])
    );
}

#[test]
fn a_number_that_is_another_s_here_is_told_and_nobody_is_mixed_up() {
    let folder = tempfile::tempdir().expect("a folder");
    old_file(
        folder.path(),
        "CREATE TABLE user (id INTEGER PRIMARY KEY, username TEXT, password TEXT);
         INSERT INTO user VALUES (1, 'caleb', 'HASH'), (2, 'ada', 'HASH');",
    );
    let program = Program::start(PROGRAM, folder.path(), &[], &ENVIRONMENT);
    let eve = program.post("/api/create_user", None, &user("eve"));
    assert_eq!(eve.body, r#"{"id":1,"username":"eve"}"#);
    let said = take_over(folder.path());
    let why =
        r#"row 1, "caleb": its number is somebody else's here; take over before the first sign-up"#;
    assert!(said.contains(why), "{said}");
    assert!(
        said.ends_with("Took over 1; 0 had an account here already, 1 could not be taken over.\n"),
        "{said}"
    );
    assert_eq!(
        accounts(folder.path()),
        expected(&[("2", "ada"), ("1", "eve")])
    );
    assert_eq!(program.post("/api/login", None, &user("caleb")).status, 400);
    let [ada, _] = pair(&program.post("/api/login", None, &user("ada")));
    let who = program.get("/protected", Some(&ada));
    assert_eq!(
        who.cell(),
        (
            200,
            r#"{"logged_in_as":{"username":"ada","role":"user"}}"#,
            None
        )
    );
    assert!(
        take_over(folder.path())
            .contains("Took over 0; 1 had an account here already, 1 could not")
    );
}
