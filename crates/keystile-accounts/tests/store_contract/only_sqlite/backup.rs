//! A backup is whole or not there, whatever happens meanwhile, and keeps nobody waiting.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use keystile_accounts::store::{Copied, CopyError, MIGRATIONS, Progress, Stop, Store, Watch};
use rusqlite::Connection;

use crate::fixture::{Database, NOW, account, audited, rotated, signed_in};

pub(super) fn watched(
    run: impl FnOnce(&mut Watch<'_>) -> Result<Copied, CopyError>,
) -> Result<Copied, CopyError> {
    run(&mut Watch {
        stop: Stop::default(),
        told: &mut |_| {},
    })
}

pub(super) fn back_up(database: &Database, file: &Path) -> Result<Copied, CopyError> {
    watched(|watch| Store::backup(&database.url(), file, NOW, watch))
}

pub(super) fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect()
}

/// Rows that make the database some mebibytes long.
pub(super) fn fatten(database: &Database) {
    let connection = Connection::open(database.path()).unwrap();
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        INSERT INTO audit (at, kind, detail) SELECT 0, 'filling', hex(randomblob(100)) FROM n";
    connection.execute_batch(many).unwrap();
}

pub(super) fn ask<T: rusqlite::types::FromSql>(file: &Path, sql: &str) -> T {
    let connection = Connection::open(file).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("copy.db")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_go_on_while_it_is_made_and_it_is_of_the_moment_it_began() {
    let (database, folder) = (Database::sqlite(), Folder::new());
    let store = database.open().await;
    let (_, token) = signed_in(&store, "ada").await;
    rotated(&store, token).await;
    fatten(&database);
    let (mut steps, mut checking) = (0, 0);
    let runtime = tokio::runtime::Handle::current();
    let copied = tokio::task::block_in_place(|| {
        let mut watch = Watch {
            stop: Stop::default(),
            // Between any two steps somebody signs up: answered before the next step begins.
            told: &mut |progress| match progress {
                Progress::Copying { done, total } => {
                    assert!(done > 0 && done <= total, "{done} of {total}");
                    runtime.block_on(account(&store, &format!("later-{steps}")));
                    steps += 1;
                }
                _ => checking += 1,
            },
        };
        Store::backup(&database.url(), &folder.file(), NOW, &mut watch).unwrap()
    });
    assert!(steps > 3 && checking == 1, "{steps} steps");
    assert_eq!((copied.accounts, copied.sessions), (1, 1));
    assert_eq!(copied.schema, MIGRATIONS.last().unwrap().version);
    assert_eq!(
        copied.bytes,
        std::fs::metadata(folder.file()).unwrap().len()
    );
    let mode = std::fs::metadata(folder.file()).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert_eq!(names(folder.0.path()), BTreeSet::from(["copy.db".into()]));
    assert_eq!(
        ask::<i64>(&folder.file(), "SELECT count(*) FROM account"),
        1
    );
    assert_eq!(ask::<i64>(&folder.file(), "SELECT count(*) FROM spent"), 1);
    assert_eq!(
        ask::<String>(&folder.file(), "PRAGMA journal_mode"),
        "delete"
    );
    assert_eq!(audited(&store).await[0], "database.backed_up");
    let taken = "SELECT value FROM meta WHERE name = 'backed_up_at'";
    for file in [folder.file(), database.path()] {
        assert_eq!(ask::<String>(&file, taken), NOW.to_string());
    }
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let (database, folder) = (Database::sqlite(), Folder::new());
    database.open().await.close().await;
    std::fs::write(folder.file(), "mine").unwrap();
    let refused = back_up(&database, &folder.file());
    assert!(matches!(refused, Err(CopyError::FileExists(_))));
    assert_eq!(std::fs::read(folder.file()).unwrap(), b"mine");

    // One that comes while the copy is made is kept as well.
    let late = folder.0.path().join("late.db");
    let mut watch = Watch {
        stop: Stop::default(),
        told: &mut |progress| {
            if progress == Progress::Checking {
                std::fs::write(&late, "mine too").unwrap();
            }
        },
    };
    let refused = Store::backup(&database.url(), &late, NOW, &mut watch);
    assert!(
        matches!(refused, Err(CopyError::FileExists(_))),
        "{refused:?}"
    );
    assert_eq!(std::fs::read(&late).unwrap(), b"mine too");
    let both = BTreeSet::from(["copy.db".into(), "late.db".into()]);
    assert_eq!(names(folder.0.path()), both);
}

#[tokio::test]
async fn whoever_stops_it_finds_nothing_left() {
    let (database, folder) = (Database::sqlite(), Folder::new());
    database.open().await.close().await;
    fatten(&database);
    for last in [
        |progress| matches!(progress, Progress::Copying { .. }),
        |progress| progress == Progress::Checking,
    ] {
        let stop = Stop::default();
        let asked = stop.clone();
        let mut watch = Watch {
            stop,
            told: &mut |progress| {
                if last(progress) {
                    asked.ask();
                }
            },
        };
        let stopped = Store::backup(&database.url(), &folder.file(), NOW, &mut watch);
        assert!(matches!(stopped, Err(CopyError::Stopped)), "{stopped:?}");
        assert!(names(folder.0.path()).is_empty());
    }
}

#[tokio::test]
async fn what_is_no_whole_database_is_not_backed_up() {
    let (database, folder) = (Database::sqlite(), Folder::new());
    let none = back_up(&database, &folder.file());
    assert!(matches!(none, Err(CopyError::NoDatabase(_))), "{none:?}");
    assert!(!database.path().exists());

    database.open().await.close().await;
    let spoil = Connection::open(database.path()).unwrap();
    spoil
        .execute_batch("DROP INDEX one_signing_key; PRAGMA wal_checkpoint(TRUNCATE);")
        .unwrap();
    drop(spoil);
    let spoilt = back_up(&database, &folder.file()).unwrap_err().to_string();
    assert!(
        spoilt.contains("its index one_signing_key is missing"),
        "{spoilt}"
    );

    std::fs::write(database.path(), "no database ".repeat(1000)).unwrap();
    let other = back_up(&database, &folder.file());
    assert!(
        matches!(other, Err(CopyError::NotWhole { .. })),
        "{other:?}"
    );
    assert!(names(folder.0.path()).is_empty());
}

#[test]
fn what_is_no_file_of_ours_is_told_with_its_cure() {
    let folder = Folder::new();
    for (url, cure) in [
        ("postgres://somebody:secret@db.example/keystile", "pg_dump"),
        ("sqlite::memory:", "sqlite://shop.db"),
    ] {
        let refused = watched(|watch| Store::backup(url, &folder.file(), NOW, watch));
        let said = refused.unwrap_err().to_string();
        assert!(said.contains(cure) && !said.contains("secret"), "{said}");
    }
    assert!(names(folder.0.path()).is_empty());
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_told() {
    let database = Database::sqlite();
    database.open().await.close().await;
    let refused = back_up(&database, Path::new("/nowhere/at all/copy.db"));
    let said = refused.unwrap_err().to_string();
    assert!(
        said.starts_with("cannot use /nowhere/at all: No such file"),
        "{said}"
    );
}
