//! What the file holds, and what neither it, an answer nor the log does.

mod support;

use std::fmt::Write as _;
use std::path::Path;

use examples_common::testing::Program;
use keystile_accounts::NewAccount;
use serde_json::json;
use support::{Bar, NOW, PASSWORD, SECRET, folder, import, pair, user};

/// Every byte of the database's files.
fn bytes(folder: &Path) -> Vec<u8> {
    let entries = std::fs::read_dir(folder).expect("the folder");
    let files = entries.map(|entry| std::fs::read(entry.expect("an entry").path()));
    files.flat_map(|file| file.expect("a file")).collect()
}

fn holds(all: &[u8], text: &str) -> bool {
    all.windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// The stored hash of the one account.
fn stored(file: &Path) -> String {
    let connection = rusqlite::Connection::open(file).expect("the file");
    let sql = "SELECT password_hash FROM account";
    connection
        .query_row(sql, [], |row| row.get(0))
        .expect("a hash")
}

#[test]
fn it_holds_no_secret_and_is_its_owner_s_alone() {
    let (folder, file) = folder();
    let bar = Bar::open(&file, SECRET, NOW);
    let [access, refresh] = bar.bearers("caleb");
    let [next, _] = pair(&bar.refresh(&refresh));
    bar.post(
        "/api/testimonials",
        Some(&access),
        r#"{"name":"C","testimonial":"as plain as can be"}"#,
    );
    let all = bytes(folder.path());
    assert!(holds(&all, "as plain as can be"), "these are the files");
    for bearer in [&access, &refresh, &next] {
        let token = bearer
            .trim_start_matches("Bearer ")
            .trim_start_matches("ksr_");
        assert!(!holds(&all, token), "{token}");
    }
    assert!(!holds(&all, PASSWORD) && !holds(&all, SECRET));
    #[cfg(unix)]
    for entry in std::fs::read_dir(folder.path()).expect("the folder") {
        use std::os::unix::fs::PermissionsExt as _;
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("its mode").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{entry:?}");
    }
}

#[test]
fn a_bcrypt_hash_signs_in_and_is_replaced() {
    for prefix in ["$2a$", "$2b$", "$2y$"] {
        let (_folder, file) = folder();
        let hash = bcrypt::hash(PASSWORD, 4)
            .expect("bcrypt")
            .replacen("$2b$", prefix, 1);
        let old = NewAccount::username("caleb").id("1");
        import(&file, [old.password_hash(&hash)].into_iter());
        assert_eq!(stored(&file), hash);
        let bar = Bar::open(&file, SECRET, NOW);
        bar.sign_in("caleb");
        assert!(stored(&file).starts_with("$argon2id$"), "{prefix}");
        bar.sign_in("caleb");
        let wrong = user("caleb").replace("best", "worst");
        assert_eq!(bar.post("/api/login", None, &wrong).status, 400);
    }
}

#[test]
fn no_password_and_no_token_is_printed_or_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let environment = [("JWT_SECRET_KEY", SECRET)];
    let program = Program::start(
        env!("CARGO_BIN_EXE_drink-ratings"),
        folder.path(),
        &[],
        &environment,
    );
    let mut answered = program.post("/api/create_user", None, &user("caleb")).body;
    let [access, refresh] = pair(&program.post("/api/login", None, &user("caleb")));
    let guess = json!({ "username": "caleb", "password": "a-wrong-guess" }).to_string();
    let change =
        json!({ "current_password": "a-wrong-guess", "new_password": PASSWORD }).to_string();
    for body in [&guess, &change, &user("caleb"), &format!("[{guess}")] {
        for path in [
            "/api/create_user",
            "/api/change_password",
            "/api/testimonials",
        ] {
            answered += &program.post(path, Some(&access), body).body;
        }
    }
    answered += &program.post("/api/login", None, &guess).body;
    for bearer in [&access, &refresh, &format!("{access}x")] {
        for path in ["/protected", "/api/testimonials", "/api/refresh", "/no"] {
            let answer = program.get(path, Some(bearer));
            let _ = write!(answered, "{:?}{}", answer.headers, answer.body);
        }
    }
    let (well, printed) = program.stop();
    assert!(well, "{printed}");
    for secret in [
        PASSWORD,
        "a-wrong-guess",
        &access[7..],
        &refresh[7..],
        SECRET,
    ] {
        assert!(!answered.contains(secret), "{secret} in {answered}");
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}
