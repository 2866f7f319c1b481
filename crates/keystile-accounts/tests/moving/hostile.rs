//! Source files that no version of this program wrote.

use std::fs;
use std::os::unix::fs::symlink;

use keystile_accounts::Stop;

use crate::place::{Place, run};

/// The row is named, nothing is done, and what mends it lets it be read on.
async fn unfit(place: &Place, edit: &str, named: &[&str], mend: &str) {
    place.alter(edit);
    let fault = place.refused("row_unfit").await;
    let said = fault.to_string();
    for part in named {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(said.contains("mend or delete it in the source"), "{said}");
    assert!(said.len() < 400, "{} bytes", said.len());
    place.alter(mend);
}

#[tokio::test]
async fn a_text_that_postgres_cannot_keep_is_named() {
    let Some(place) = Place::filled().await else {
        return;
    };
    let (row, column) = ("table account with seq = 2", "column email");
    unfit(
        &place,
        "UPDATE account SET email = 'a' || char(0) || 'b', email_key = 'x' WHERE seq = 2",
        &[row, column, "NUL character"],
        "UPDATE account SET email = 'ab' WHERE seq = 2",
    )
    .await;
    unfit(
        &place,
        "UPDATE account SET email = CAST(x'61ff' AS TEXT), email_key = 'x' WHERE seq = 2",
        &[row, column, "not UTF-8"],
        "UPDATE account SET email = 'ab' WHERE seq = 2",
    )
    .await;
    unfit(
        &place,
        "INSERT INTO exchanged VALUES ('issuer', CAST(x'ff' AS TEXT), 1)",
        &[
            "table exchanged",
            "issuer = \"issuer\"",
            "column token_id",
            "not UTF-8",
        ],
        "DELETE FROM exchanged",
    )
    .await;
    // Longer than an index of PostgreSQL's takes, and nothing that repeats.
    unfit(
        &place,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
         UPDATE account SET email = 'x', email_key = (SELECT group_concat(hex(randomblob(32)), '') FROM n) WHERE seq = 2",
        &[row, "PostgreSQL says: index row"],
        "UPDATE account SET email_key = 'x' WHERE seq = 2",
    )
    .await;
    place.run().await.unwrap();
}

#[tokio::test]
async fn a_value_that_means_nothing_is_named() {
    let Some(place) = Place::filled().await else {
        return;
    };
    unfit(
        &place,
        "UPDATE account SET roles = '{\"admin\": true}' WHERE seq = 3",
        &["seq = 3", "column roles", "JSON list"],
        "UPDATE account SET roles = '[]' WHERE seq = 3",
    )
    .await;
    unfit(
        &place,
        "UPDATE account SET seq = 9223372036854775807 WHERE seq = 3",
        &[
            "table account with seq = 9223372036854775807",
            "no number follows",
        ],
        "UPDATE account SET seq = 9223372036854775806 WHERE seq = 9223372036854775807",
    )
    .await;
    place.run().await.unwrap();
}

#[tokio::test]
async fn a_value_without_measure_is_named_and_not_read() {
    let Some(place) = Place::filled().await else {
        return;
    };
    unfit(
        &place,
        "UPDATE session SET device = printf('%.*c', 200000000, 'x') WHERE seq = 2",
        &["table session with seq = 2", "more than 8 MiB"],
        "UPDATE session SET device = NULL WHERE seq = 2",
    )
    .await;
    unfit(
        &place,
        "INSERT INTO meta VALUES ('m', printf('%.*c', 200000000, 'x'))",
        &["table meta with name = \"m\"", "more than 8 MiB"],
        "DELETE FROM meta WHERE name = 'm'",
    )
    .await;
    unfit(
        &place,
        "INSERT INTO meta VALUES (printf('%.*c', 200000000, 'x'), 'm')",
        &[
            "table meta with number 2 in the order of name",
            "more than 8 MiB",
        ],
        "DELETE FROM meta WHERE value = 'm'",
    )
    .await;
    place.run().await.unwrap();
}

#[tokio::test]
async fn a_schema_that_is_not_ours_is_refused() {
    for edit in [
        "CREATE TRIGGER t AFTER INSERT ON account BEGIN DELETE FROM audit; END",
        "DROP INDEX session_salt",
        "ALTER TABLE account RENAME TO accounts; CREATE VIEW account AS SELECT * FROM accounts",
        "ALTER TABLE account ADD COLUMN more TEXT",
        "PRAGMA ignore_check_constraints = ON; UPDATE signing_key SET state = 'excellent'",
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'PRIMARY KEY', 'UNIQUE') WHERE name = 'spent'",
    ] {
        let Some(place) = Place::filled().await else {
            return;
        };
        place.alter(edit);
        place.refused("not_whole").await;
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let Some(place) = Place::new() else { return };
    let path = place.path();
    let refused = async |code: &str| {
        let fault = place.refused(code).await;
        assert!(fault.to_string().contains("shop.db"), "{fault}");
    };
    refused("no_database").await;
    fs::write(&path, "").unwrap();
    refused("no_database").await;
    fs::write(&path, "no database at all".repeat(1_000)).unwrap();
    refused("not_whole").await;
    fs::write(&path, "SQLite format 3\0".repeat(1_000)).unwrap();
    refused("not_whole").await;
    fs::remove_file(&path).unwrap();
    symlink("nowhere", &path).unwrap();
    assert_eq!(place.run().await.unwrap_err().code(), "no_database");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(place.run().await.unwrap_err().code(), "not_whole");
    fs::remove_dir(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    assert_eq!(place.run().await.unwrap_err().code(), "not_whole");
    symlink("/dev/zero", place.folder.path().join("zero.db")).unwrap();
    let zero = format!("sqlite://{}", place.folder.path().join("zero.db").display());
    let fault = run(
        zero,
        place.target.url(),
        place.clock.clone(),
        Stop::default(),
    )
    .await;
    assert_eq!(fault.unwrap_err().code(), "not_whole");
    assert_eq!(place.state(), "");
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let Some(place) = Place::filled().await else {
        return;
    };
    let path = place.path();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    place.refused("not_whole").await;
    let mut spoilt = whole.clone();
    let middle = spoilt.len() / 2;
    spoilt[middle..middle + 8_192].fill(0xa5);
    fs::write(&path, &spoilt).unwrap();
    place.refused("not_whole").await;
    fs::write(&path, &whole).unwrap();
    place.run().await.unwrap();
}

#[tokio::test]
async fn by_another_name_it_is_the_same_database() {
    let Some(place) = Place::filled().await else {
        return;
    };
    let other = place.folder.path().join("other.db");
    symlink(place.path(), &other).unwrap();
    let by_link = || {
        run(
            format!("sqlite://{}", other.display()),
            place.target.url(),
            place.clock.clone(),
            Stop::default(),
        )
    };
    let embedding = place.source().open().await.unwrap();
    let fault = by_link().await.unwrap_err();
    assert_eq!(fault.code(), "database_in_use", "{fault}");
    embedding.close().await;
    by_link().await.unwrap();
    // The mark lies beside the database itself, whichever name was given.
    let opened = place.source().open().await.unwrap_err();
    assert_eq!(opened.code(), "database_moved");
}

#[tokio::test]
async fn a_mark_of_any_kind_is_a_mark() {
    let Some(place) = Place::filled().await else {
        return;
    };
    let mark = place.folder.path().join("shop.db.moved");
    let refused = async || {
        let opened = place.source().open().await.unwrap_err();
        assert_eq!(opened.code(), "database_moved", "{opened}");
        opened.to_string()
    };
    fs::write(&mark, "here\u{1b}[2J and\nthere").unwrap();
    let said = refused().await;
    assert!(said.contains("moved to here[2J and; name"), "{said}");
    fs::write(&mark, vec![0xff; 100_000]).unwrap();
    let said = refused().await;
    assert!(
        said.contains("another database") && said.len() < 400,
        "{said}"
    );
    fs::remove_file(&mark).unwrap();
    symlink("nowhere", &mark).unwrap();
    refused().await;
    fs::remove_file(&mark).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&mark).status();
    assert!(made.unwrap().success());
    refused().await;
    fs::remove_file(&mark).unwrap();
    place.run().await.unwrap();
}
