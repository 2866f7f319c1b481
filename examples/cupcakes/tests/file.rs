//! What the file holds, and what it does not.

mod support;

use std::path::Path;

use keystile_accounts::{Accounts, NewAccount};
use support::{BASIC, KEY, NOW, SECRET, Shop, folder};

/// Every byte of the database's files.
fn bytes(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder") {
        all.extend(std::fs::read(entry.expect("an entry").path()).expect("a file"));
    }
    all
}

fn holds(all: &[u8], text: &str) -> bool {
    all.windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// How many whole hashes with this prefix the database holds. What only names a format and its cost is shorter.
fn values(file: &Path, prefix: &str) -> usize {
    let connection = rusqlite::Connection::open(file).expect("the database");
    let mut tables = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
        .expect("tables");
    let tables: Vec<String> = tables
        .query_map([], |row| row.get(0))
        .expect("rows")
        .map(Result::unwrap)
        .collect();
    let mut found = 0;
    for table in tables {
        let mut statement = connection
            .prepare(&format!("SELECT * FROM \"{table}\""))
            .expect("a table");
        let columns = statement.column_count();
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            found += (0..columns)
                .filter(|column| {
                    row.get::<_, String>(*column)
                        .is_ok_and(|value| value.starts_with(prefix) && value.len() > 50)
                })
                .count();
        }
    }
    found
}

#[test]
fn instructions_are_encrypted_in_it_and_secrets_are_not_in_it() {
    let (folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    let bearer = shop.bearer("test@user.com");
    let secret = "whisk the butter until pale";
    let cupcake = shop.post(
        "/cupcakes",
        Some(&bearer),
        &format!(r#"{{"flavor":"lemon","instructions":"{secret}"}}"#),
    );
    assert_eq!(
        cupcake.cell(),
        (
            201,
            format!(r#"{{"id":1,"flavor":"lemon","instructions":"{secret}"}}"#).as_str(),
            None
        )
    );
    assert!(
        shop.get("/cupcakes/1", None).body.contains(secret),
        "plain in the answer"
    );

    let all = bytes(folder.path());
    assert!(
        holds(&all, "lemon"),
        "the flavor is there to be searched for"
    );
    for absent in [
        secret,
        "password123",
        SECRET,
        KEY,
        bearer.trim_start_matches("Bearer "),
    ] {
        assert!(!holds(&all, absent), "the file holds {absent}");
    }
    assert_eq!(values(&file, "$argon2id$"), 1);
}

#[test]
fn another_encryption_key_is_refused_at_the_start() {
    let (_folder, file) = folder();
    drop(Shop::open(&file, SECRET, NOW));
    let other = "ff".repeat(32);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let opened = runtime.block_on(cupcakes::App::open(
        &file,
        SECRET,
        &other,
        keystile::Clock::system(),
        keystile::Random::system(),
    ));
    let error = format!("{:#}", opened.expect_err("refused"));
    assert!(
        error.contains("another ENCRYPTION_KEY") && !error.contains(&other),
        "{error}"
    );
}

#[test]
fn a_bcrypt_hash_signs_in_and_is_replaced() {
    for prefix in ["$2a$", "$2b$", "$2y$"] {
        let (_folder, file) = folder();
        let hash = bcrypt::hash("password123", 4)
            .expect("bcrypt")
            .replacen("$2b$", prefix, 1);
        let url = format!("sqlite://{}", file.display());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let accounts = Accounts::builder(&url).open().await.expect("the accounts");
            let old = NewAccount::with_email("test@user.com")
                .id("1")
                .password_hash(hash);
            accounts.import_account(old).await.expect("taken over");
            accounts.close().await;
        });
        assert_eq!(
            (values(&file, prefix), values(&file, "$argon2id$")),
            (1, 0),
            "{prefix}"
        );
        let shop = Shop::open(&file, SECRET, NOW);
        assert_eq!(shop.get("/users/login", Some(BASIC)).status, 200);
        assert_eq!(
            (values(&file, prefix), values(&file, "$argon2id$")),
            (0, 1),
            "{prefix}"
        );
        assert_eq!(
            shop.get("/users/login", Some(BASIC)).status,
            200,
            "and again"
        );
        assert_eq!(
            shop.get(
                "/users/login",
                Some("Basic dGVzdEB1c2VyLmNvbTpwYXNzd29yZDEyNA==")
            )
            .status,
            401
        );
    }
}
