//! No password and no hash comes back in any answer or reaches the log; what the file holds instead.

mod support;

use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use examples_common::testing::{Answer, Request};
use keystile_accounts::{Accounts, NewAccount};
use serde_json::json;
use support::{NOW, PASSWORD, SECRET, Shop, folder, person, post, runtime, sign_in, token};

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

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

const WRONG: &str = "not-her-password";

/// One answer of each kind that a password or its owner may bring about.
fn answers(shop: &Shop, file: &Path) -> Vec<Answer> {
    let mut all = vec![
        post(shop.address, "/customers/", &person("ada")),
        post(shop.address, "/customers/", &person("ada")),
        post(
            shop.address,
            "/customers/",
            &json!({ "password": PASSWORD, "admin": PASSWORD }),
        ),
        post(shop.address, "/customers/", &json!([PASSWORD])),
        post(
            shop.address,
            "/customers/login",
            &json!({ "email": "ada@example.org", "password": WRONG }),
        ),
        post(
            shop.address,
            "/customers/login",
            &json!({ "email": "nobody@example.org", "password": WRONG }),
        ),
        post(
            shop.address,
            "/customers/login",
            &json!({ "email": WRONG, "password": [PASSWORD] }),
        ),
        sign_in(shop.address, "ada"),
    ];
    let body = format!(r#"{{"email":"ada@example.org","password":"{PASSWORD}""#);
    for content_type in ["application/json", "text/plain"] {
        let body = Some((content_type, body.as_bytes()));
        all.push(shop.send(Request {
            method: "POST",
            path: "/customers/login",
            authorization: None,
            body,
        }));
    }
    let ada = shop.make_admin(file, "ada");
    for path in ["/customers/", "/customers/1", "/customers/2"] {
        all.push(shop.get(path, Some(&ada)));
    }
    all.push(shop.delete("/customers/2", Some(&ada)));
    all
}

#[test]
fn no_password_and_no_hash_leaves_the_store() {
    let log =
        tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
    log.with_writer(|| Log).init();
    let (folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    let answers = answers(&shop, &file);
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(
        statuses,
        [
            201, 409, 400, 400, 404, 404, 400, 200, 400, 415, 200, 200, 404, 404
        ]
    );
    let forbidden = [PASSWORD, WRONG, SECRET, "$argon2", "$2b$"];
    for answer in &answers {
        for secret in forbidden {
            assert!(
                !format!("{answer:?}").contains(secret),
                "{secret} in {answer:?}"
            );
        }
    }
    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    let log = String::from_utf8_lossy(&log);
    assert!(
        log.contains("signed up") && log.contains("sign-in refused"),
        "{log}"
    );
    let token = token(&answers[7]);
    for secret in forbidden.into_iter().chain([token.as_str()]) {
        assert!(!log.contains(secret), "{secret} in the log");
    }
    let all = bytes(folder.path());
    assert!(holds(&all, "ada@example.org") && holds(&all, "$argon2id$"));
    for secret in [PASSWORD, WRONG, SECRET, token.as_str()] {
        assert!(!holds(&all, secret), "{secret} in the file");
    }
}

#[test]
fn the_file_forgets_whoever_is_deleted() {
    let (folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    shop.sign_up("ada");
    let mut bob = person("bob");
    bob["phone"] = json!("+49 30 1234567");
    assert_eq!(post(shop.address, "/customers/", &bob).status, 201);
    assert!(holds(&bytes(folder.path()), "+49 30 1234567"));
    let ada = shop.make_admin(&file, "ada");
    assert_eq!(shop.delete("/customers/2", Some(&ada)).status, 204);
    drop(shop);
    let connection = rusqlite::Connection::open(&file).expect("the file");
    let log = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    assert_eq!(log, Ok(0), "nobody else has it open");
    let left = bytes(folder.path());
    for gone in ["+49 30 1234567", "bob the customer", "bob@example.org"] {
        assert!(!holds(&left, gone), "{gone}");
    }
    assert!(holds(&left, "ada@example.org"));
}

#[test]
fn a_stored_bcrypt_hash_signs_in_and_is_replaced() {
    for prefix in ["$2a$", "$2b$", "$2y$"] {
        let (_folder, file) = folder();
        drop(Shop::open(&file, SECRET, NOW));
        let hash = bcrypt::hash(PASSWORD, 4)
            .expect("bcrypt")
            .replacen("$2b$", prefix, 1);
        runtime().block_on(async {
            let accounts =
                Accounts::builder(&format!("sqlite://{}", file.display())).signing_secret(SECRET);
            let accounts = accounts.open().await.expect("the accounts");
            let old = NewAccount::username("ada")
                .email("ada@example.org")
                .id("1")
                .password_hash(hash);
            accounts.import_account(old).await.expect("taken over");
            accounts.close().await;
        });
        let connection = rusqlite::Connection::open(&file).expect("the file");
        let row = "INSERT INTO customer (id, name, email, phone, username)
                   VALUES (1, 'Ada', 'ada@example.org', '555-0100', 'ada')";
        connection.execute(row, []).expect("a row");
        let stored = || -> String {
            let sql = "SELECT password_hash FROM account WHERE id = '1'";
            connection
                .query_row(sql, [], |row| row.get(0))
                .expect("a hash")
        };
        assert!(stored().starts_with(prefix));
        let shop = Shop::open(&file, SECRET, NOW);
        let ada = shop.bearer("ada");
        assert!(stored().starts_with("$argon2id$"), "{}", stored());
        let expected = r#"{"id":1,"name":"Ada","email":"ada@example.org","phone":"555-0100","username":"ada"}"#;
        assert_eq!(shop.get("/customers/1", Some(&ada)).body, expected);
        assert_eq!(shop.bearer("ada").len(), ada.len(), "and again");
        assert_eq!(shop.sign_up("bob"), 2, "ids go on after it");
        let wrong = json!({ "email": "ada@example.org", "password": WRONG });
        assert_eq!(post(shop.address, "/customers/login", &wrong).status, 404);
    }
}
