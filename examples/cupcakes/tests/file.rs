//! What the file holds, and what it does not.

mod support;

use std::path::Path;

use keystile_accounts::NewAccount;
use support::{BASIC, KEY, NOW, SECRET, Shop, folder, import};

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

#[cfg(unix)]
#[test]
fn only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    shop.bearer("test@user.com");
    for entry in std::fs::read_dir(folder.path()).expect("the folder") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("its mode").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{entry:?}");
    }
}

#[test]
fn of_two_that_start_at_once_with_two_keys_one_is_refused() {
    let (_folder, file) = folder();
    let begin = std::sync::Barrier::new(2);
    let open = |key: &str| {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        begin.wait();
        let (clock, random) = (keystile::Clock::system(), keystile::Random::system());
        let opened = cupcakes::App::open(&file, SECRET, key, clock, random);
        runtime.block_on(opened).map(drop)
    };
    let other = "ff".repeat(32);
    let (one, another) = std::thread::scope(|scope| {
        let one = scope.spawn(|| open(KEY));
        let another = scope.spawn(|| open(&other));
        (one.join().expect("ended"), another.join().expect("ended"))
    });
    assert_ne!(one.is_ok(), another.is_ok(), "{one:?} {another:?}");
    let error = one.and(another).expect_err("one of them");
    assert!(
        error.to_string().contains("another ENCRYPTION_KEY"),
        "{error:#}"
    );
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
        let old = NewAccount::with_email("test@user.com").id("1");
        import(&file, [old.password_hash(hash)].into_iter());
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
