//! A restore is all or nothing, keeps what it replaces, and trusts nothing that the lost time may have ended.

use std::path::{Path, PathBuf};

use keystile_accounts::store::{
    CopyError, KeyState, MIGRATIONS, NewAccount, NewAccountId, Options, Restoration, Restored,
    Revoked, Rotation, Stop, Store, Trusted, Undone, Watch, migrate,
};
use rusqlite::Connection;

use super::backup::{ask, back_up, fatten, names};
use crate::fixture::{
    DAY, Database, MINUTE, NOW, account, act, lives, new_account, rotate, rotated, session,
    signed_in,
};
use crate::key::key;

const LATER: i64 = NOW + DAY;

pub(super) fn restore(
    database: &Database,
    file: &Path,
    trusted: Trusted,
) -> Result<Restored, CopyError> {
    restore_watched(database, file, trusted, |_| {})
}

fn restore_watched(
    database: &Database,
    file: &Path,
    trusted: Trusted,
    at_each: impl Fn(&Stop),
) -> Result<Restored, CopyError> {
    let how = Restoration {
        trusted,
        now: LATER,
        revoked_until: LATER + 15 * MINUTE,
    };
    let stop = Stop::default();
    let mut watch = Watch {
        stop: stop.clone(),
        told: &mut |_| at_each(&stop),
    };
    Store::restore(&database.url(), file, how, &mut watch)
}

/// A database and a backup of it beside it.
pub(super) fn backed_up(database: &Database) -> PathBuf {
    let file = database.path().with_file_name("backup.db");
    back_up(database, &file).unwrap();
    file
}

async fn feed_id(database: &Database) -> String {
    let store = database.open().await;
    let feed_id = store.revocation_snapshot(0).await.unwrap().feed_id;
    store.close().await;
    feed_id
}

#[tokio::test]
async fn nothing_that_was_handed_out_is_good_any_more() {
    let database = Database::sqlite();
    let store = database.open().await;
    let signing = key("signs", KeyState::Signing);
    store.signing_key_or_insert(signing).await.unwrap();
    let (live, first) = signed_in(&store, "ada").await;
    let second = rotated(&store, first).await;
    let file = backed_up(&database);
    // What the backup does not know: the chain went on, and ended.
    let third = rotated(&store, second).await;
    store
        .end_session(act(), "id-ada", &live.session.id)
        .await
        .unwrap();
    store.close().await;
    let before = feed_id(&database).await;

    let restored = restore(&database, &file, Trusted::Nothing).unwrap();
    assert_eq!(
        (
            restored.accounts,
            restored.sessions,
            restored.keys_withdrawn
        ),
        (1, 1, 1)
    );
    assert_eq!(restored.taken_at, Some(NOW));
    assert_ne!(feed_id(&database).await, before);
    let store = database.open().await;
    assert!(!lives(&store, &live).await);
    // Never `Reused`: nobody is made a thief.
    for (token, answer) in [(first, "ended"), (second, "ended"), (third, "unknown")] {
        assert_eq!(rotate(&store, token).await.outcome(), answer);
    }
    let keys = store.keys().await.unwrap();
    assert_eq!(keys[0].state, KeyState::Withdrawn);
    assert!(keys[0].private.is_empty());
    let poll = store.revocation_snapshot(LATER).await.unwrap();
    let kid = "signs".to_owned();
    assert_eq!(poll.rows.last().unwrap().revoked, Revoked::Key { kid });
    assert!(poll.rows.last().unwrap().until >= LATER + 15 * MINUTE);
    let ada = store.account("id-ada").await.unwrap().unwrap();
    assert!(
        ada.generation >= 1 << 32,
        "above all that a guard can remember"
    );
    assert_eq!(ada.sessions_ended_at, Some(LATER));
    let (again, _) = session(&store, &ada).await;
    assert!(lives(&store, &again).await, "and she signs in again");
    let audit = store.audit(None, None, 10).await.unwrap();
    let row = audit
        .items
        .iter()
        .find(|row| row.kind == "database.restored")
        .unwrap();
    assert!(row.detail.as_ref().unwrap().contains("nothing"));
}

#[tokio::test]
async fn what_is_trusted_goes_on() {
    let database = Database::sqlite();
    let store = database.open().await;
    let first = key("lost", KeyState::Signing);
    store.signing_key_or_insert(first).await.unwrap();
    let second = key("kept", KeyState::Signing);
    store.sign_with(act(), second, "lost", 0).await.unwrap();
    let (live, token) = signed_in(&store, "ada").await;
    let file = backed_up(&database);
    assert!(store.withdraw_key(act(), "lost", None).await.unwrap());
    store.close().await;
    let before = feed_id(&database).await;

    let restored = restore(&database, &file, Trusted::Everything).unwrap();
    assert_eq!((restored.sessions, restored.keys_withdrawn), (1, 1));
    assert_ne!(feed_id(&database).await, before);
    let store = database.open().await;
    assert!(lives(&store, &live).await);
    let again = rotated(&store, token).await;
    assert_eq!(
        store.account("id-ada").await.unwrap().unwrap().generation,
        0
    );
    let states: Vec<KeyState> = store
        .keys()
        .await
        .unwrap()
        .iter()
        .map(|key| key.state)
        .collect();
    assert!(states.contains(&KeyState::Signing) && states.contains(&KeyState::Withdrawn));
    store.close().await;

    let restored = restore(&database, &file, Trusted::Keys).unwrap();
    assert_eq!(restored.keys_withdrawn, 1, "what was withdrawn stays so");
    let store = database.open().await;
    assert_eq!(rotate(&store, again).await, Rotation::Unknown);
    assert!(matches!(rotate(&store, token).await, Rotation::Ended(_)));
    let keys = store.keys().await.unwrap();
    let state = |kid: &str| keys.iter().find(|key| key.kid == kid).unwrap().state;
    assert_eq!(
        (state("kept"), state("lost")),
        (KeyState::Signing, KeyState::Withdrawn)
    );
}

#[tokio::test]
async fn the_former_database_is_kept_and_asked_what_it_knew() {
    let database = Database::sqlite();
    let store = database.open().await;
    for name in ["ada", "ben", "cy", "dora"] {
        account(&store, name).await;
    }
    let file = backed_up(&database);
    store.disable_account(act(), "id-ada").await.unwrap();
    for id in ["id-ben", "id-dora"] {
        store.disable_account(act(), id).await.unwrap();
    }
    store.enable_account(act(), "id-dora").await.unwrap();
    store.delete_account(act(), "id-cy", None).await.unwrap();
    store.set_password(act(), "id-ada", None).await.unwrap();
    let roles = vec!["admin".to_owned()];
    store.set_roles(act(), "id-ben", roles).await.unwrap();
    account(&store, "eve").await;
    store.disable_account(act(), "id-eve").await.unwrap();
    let numbered = NewAccount {
        id: NewAccountId::Sequence,
        ..new_account("one")
    };
    store.create_account(act(), numbered).await.unwrap();
    store.close().await;

    let restored = restore(&database, &file, Trusted::Nothing).unwrap();
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    let expected = Undone {
        created: 2,
        disabled: ids(&["id-ada", "id-ben"]),
        deleted: ids(&["id-cy"]),
        passwords: ids(&["id-ada"]),
        roles: ids(&["id-ben"]),
    };
    assert_eq!(restored.undone, Some(expected));
    let kept = restored.replaced.unwrap();
    let name = kept.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(name, "accounts.db.replaced-20270116T080000Z");
    assert_eq!(ask::<i64>(&kept, "SELECT count(*) FROM account"), 5);
    assert_eq!(
        ask::<i64>(&database.path(), "SELECT count(*) FROM account"),
        4
    );

    // A number that was given away in the lost time is not given again.
    let store = database.open().await;
    let numbered = NewAccount {
        id: NewAccountId::Sequence,
        ..new_account("two")
    };
    let two = store.create_account(act(), numbered).await.unwrap();
    assert_eq!(two.id, "2");
    store.close().await;

    // And back: the one that was kept is a backup like any other. In the same second it gets a name of its own.
    let back = restore(&database, &kept, Trusted::Everything).unwrap();
    assert_eq!(back.undone, None, "it is not of that one's past");
    assert_eq!(
        ask::<i64>(&database.path(), "SELECT count(*) FROM account"),
        5
    );
    let second = back.replaced.unwrap();
    assert!(second.to_str().unwrap().ends_with("Z-2"), "{second:?}");
}

#[tokio::test]
async fn it_goes_where_there_is_none_too() {
    let (database, elsewhere) = (Database::sqlite(), Database::sqlite());
    let store = database.open().await;
    signed_in(&store, "ada").await;
    let file = backed_up(&database);
    let restored = restore(&elsewhere, &file, Trusted::Nothing).unwrap();
    assert_eq!((restored.replaced, restored.undone), (None, None));
    let folder = elsewhere.path();
    let found = names(folder.parent().unwrap());
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(found, ["accounts.db"]);
    let store = elsewhere.open().await;
    assert!(store.account("id-ada").await.unwrap().is_some());
}

#[tokio::test]
async fn a_database_that_somebody_has_open_is_not_replaced() {
    let database = Database::sqlite();
    let store = database.open().await;
    let file = backed_up(&database);
    let claim = Store::claim_server_lock(&database.url()).unwrap();
    let refused = restore(&database, &file, Trusted::Nothing).unwrap_err();
    assert_eq!(refused.code(), "server_running", "{refused}");
    drop(claim);
    // A program that embeds the engine holds no server's lock.
    let refused = restore(&database, &file, Trusted::Nothing).unwrap_err();
    assert!(matches!(refused, CopyError::InUse(_)), "{refused}");
    account(&store, "ada").await;
    let same = restore(&database, &database.path(), Trusted::Nothing).unwrap_err();
    assert!(matches!(same, CopyError::SameFile(_)), "{same}");
    store.close().await;
    restore(&database, &file, Trusted::Nothing).unwrap();
}

#[tokio::test]
async fn what_is_no_whole_database_changes_nothing() {
    let database = Database::sqlite();
    let store = database.open().await;
    account(&store, "ada").await;
    let good = backed_up(&database);
    fatten(&database);
    store.close().await;
    let folder = tempfile::tempdir().unwrap();
    let spoilt = |name: &str, spoil: &dyn Fn(&Path)| {
        let file = folder.path().join(name);
        std::fs::copy(&good, &file).unwrap();
        spoil(&file);
        file
    };
    let sql = |sql: &'static str| {
        move |file: &Path| Connection::open(file).unwrap().execute_batch(sql).unwrap()
    };
    let cut = |file: &Path| {
        let length = std::fs::metadata(file).unwrap().len();
        let file = std::fs::File::options().write(true).open(file).unwrap();
        file.set_len(length / 2 / 4096 * 4096).unwrap();
    };
    let thief = sql("CREATE TRIGGER thief AFTER INSERT ON session BEGIN
        INSERT INTO meta VALUES (hex(NEW.token_hash), ''); END");
    let newer = sql("INSERT INTO keystile_migration VALUES (99, x'00')");
    let foreign = sql("UPDATE keystile_migration SET checksum = x'00' WHERE version = 1");
    let cases = [
        (spoilt("cut", &cut), "not_whole"),
        (spoilt("thief", &thief), "not_whole"),
        (spoilt("table", &sql("DROP TABLE spent")), "not_whole"),
        (spoilt("newer", &newer), "too_new"),
        (spoilt("foreign", &foreign), "foreign_migration"),
        (
            spoilt("text", &|file| std::fs::write(file, "text").unwrap()),
            "not_whole",
        ),
        (
            spoilt("empty", &|file| std::fs::write(file, "").unwrap()),
            "not_whole",
        ),
        (folder.path().join("none"), "no_backup"),
        (folder.path().to_owned(), "not_whole"),
    ];
    let before = names(database.path().parent().unwrap());
    for (file, code) in cases {
        let refused = restore(&database, &file, Trusted::Nothing).unwrap_err();
        assert_eq!(refused.code(), code, "{}: {refused}", file.display());
    }
    let stopped = restore_watched(&database, &good, Trusted::Nothing, Stop::ask);
    assert!(matches!(stopped, Err(CopyError::Stopped)), "{stopped:?}");
    let after = names(database.path().parent().unwrap());
    let beyond: Vec<&String> = after.difference(&before).collect();
    assert!(beyond.is_empty(), "{beyond:?}");
    let store = database.open().await;
    assert!(store.account("id-ada").await.unwrap().is_some());
}

#[tokio::test]
async fn an_older_schema_is_brought_to_this_version() {
    let database = Database::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("old.db");
    let mut old = Connection::open(&file).unwrap();
    migrate(&mut old, &MIGRATIONS[..1]).unwrap();
    drop(old);
    let before = std::fs::read(&file).unwrap();
    let restored = restore(&database, &file, Trusted::Nothing).unwrap();
    assert_eq!(restored.taken_at, None, "nobody marked it");
    Store::open(&database.url(), Options::default())
        .await
        .unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn a_broken_database_is_replaced_and_kept_with_its_log() {
    let database = Database::sqlite();
    let store = database.open().await;
    account(&store, "ada").await;
    let file = backed_up(&database);
    store.close().await;
    let beside = |end: &str| PathBuf::from(format!("{}{end}", database.path().display()));
    let rubbish = "no database ".repeat(1000);
    std::fs::write(database.path(), &rubbish).unwrap();
    std::fs::write(beside("-wal"), "a log").unwrap();
    let restored = restore(&database, &file, Trusted::Nothing).unwrap();
    let kept = restored.replaced.unwrap();
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), rubbish);
    let log = format!("{}-wal", kept.display());
    assert_eq!(std::fs::read_to_string(log).unwrap(), "a log");
    assert!(!beside("-wal").exists());
    let store = database.open().await;
    assert!(store.account("id-ada").await.unwrap().is_some());
}
