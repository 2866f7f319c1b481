//! When nothing is moved: something runs at either end, the target was used, the source is not what it must be.

use keystile_accounts::store::{MIGRATIONS, Options, Store, migrate};
use keystile_accounts::{Accounts, Restore, Stop};
use rusqlite::Connection;

use crate::place::{PASSWORD, Place, run, sign_in, sign_up, until};

#[tokio::test]
async fn a_server_on_the_source_is_noticed() {
    let Some(place) = Place::filled().await else {
        return;
    };
    let server = place.source().claim_server_lock().unwrap();
    let fault = place.refused("server_running").await;
    assert!(
        fault
            .to_string()
            .contains("end it, or wait until it is done"),
        "{fault}"
    );
    drop(server);
    place.run().await.unwrap();
}

#[tokio::test]
async fn a_program_that_has_the_source_open_is_noticed() {
    let Some(place) = Place::filled().await else {
        return;
    };
    let embedding = place.source().open().await.unwrap();
    let fault = place.run().await.unwrap_err();
    assert_eq!(fault.code(), "database_in_use", "{fault}");
    sign_in(&embedding, "ada").await;
    embedding.close().await;
    assert_eq!(place.state(), "");
    place.run().await.unwrap();
}

#[tokio::test]
async fn a_node_on_the_target_is_noticed_wherever_it_runs() {
    let Some(place) = Place::filled().await else {
        return;
    };
    let node = place.there().open().await.unwrap();
    let fault = place.refused("target_in_use").await;
    assert!(fault.to_string().contains("on every node"), "{fault}");
    node.close().await;
    // What its first start made is no hindrance.
    place.run().await.unwrap();
}

#[tokio::test]
async fn whoever_comes_during_the_move_is_refused() {
    let Some(place) = Place::filled().await else {
        return;
    };
    place.there().open().await.unwrap().close().await;
    let mut other = connect(&place.target.url()).await;
    let held = other.transaction().await.unwrap();
    held.execute("LOCK TABLE audit", &[]).await.unwrap();
    let moving = tokio::spawn(run(
        place.from(),
        place.target.url(),
        place.clock.clone(),
        Stop::default(),
    ));
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'audit'::regclass";
    until(|| place.target.sql(waits) == "1").await;

    let server = place.source().claim_server_lock().unwrap_err();
    assert_eq!(server.code(), "server_running");
    let options = Options {
        patience: std::time::Duration::from_millis(100),
        ..Options::default()
    };
    let beside = Store::open(&place.from(), options).await.unwrap_err();
    assert_eq!(beside.code(), "store_locked", "{beside}");
    let node = place.there().open().await.unwrap_err().to_string();
    assert!(
        node.contains("`keystile migrate-database` is at work"),
        "{node}"
    );
    assert!(Accounts::inspect(&place.target.url()).await.is_err());
    let second = run(
        place.from(),
        place.target.url(),
        place.clock.clone(),
        Stop::default(),
    )
    .await;
    assert_eq!(
        second.unwrap_err().code(),
        "server_running",
        "the first holds it"
    );

    // Whoever is patient enough to see its end does not go on with what was moved away.
    let patient = Options {
        patience: std::time::Duration::from_secs(60),
        ..Options::default()
    };
    let from = place.from();
    let waiting = tokio::spawn(async move { Store::open(&from, patient).await });
    held.rollback().await.unwrap();
    moving.await.unwrap().unwrap();
    assert_eq!(waiting.await.unwrap().unwrap_err().code(), "database_moved");
    place.there().open().await.unwrap().close().await;
}

#[tokio::test]
async fn a_target_that_was_used_is_left_alone() {
    let Some(place) = Place::filled().await else {
        return;
    };
    place.there().open().await.unwrap().close().await;
    for (table, row) in [
        (
            "account",
            "(id, roles, generation, created_at, updated_at, imported) VALUES ('x', '[]', 0, 0, 0, false)",
        ),
        ("audit", "(at, kind) VALUES (0, 'key.imported')"),
        (
            "session",
            "(id, account_id, token_hash, created_at, last_used_at, expires_at, auth_time, amr)
                VALUES ('x', 'y', decode(repeat('00', 32), 'hex'), 0, 0, 0, 0, '[]')",
        ),
        (
            "revocation",
            "(kind, value, at, until) VALUES ('key', 'x', 0, 0)",
        ),
        (
            "spent",
            "VALUES (decode(repeat('00', 32), 'hex'), 'x', 0, 0)",
        ),
        ("exchanged", "VALUES ('x', 'y', 0)"),
        (
            "signing_key",
            "SELECT 'x', algorithm, public, private, 'retired', 0, 0 FROM signing_key",
        ),
    ] {
        place.target.sql(&format!("INSERT INTO {table} {row}"));
        let fault = place.refused("target_not_empty").await;
        let said = fault.to_string();
        assert!(
            said.contains(&format!("its table {table} has rows")),
            "{said}"
        );
        assert!(said.contains("createdb"), "{said}");
        let but_the_first = "ctid <> (SELECT min(ctid) FROM signing_key)";
        let gone = if table == "signing_key" {
            but_the_first
        } else {
            "true"
        };
        place
            .target
            .sql(&format!("DELETE FROM {table} WHERE {gone}"));
    }
    place.run().await.unwrap();
}

#[tokio::test]
async fn the_source_is_not_served_by_mistake_and_one_can_go_back() {
    let Some(place) = Place::filled().await else {
        return;
    };
    let before = place.files();
    let moved = place.run().await.unwrap();
    let mut after = place.files();
    after.remove("shop.db.moved").expect("the mark");
    assert_eq!(after, before, "the source itself is as it was");
    let mark = std::fs::read_to_string(&moved.mark).unwrap();
    assert!(
        mark.starts_with("postgres ") && mark.contains(&moved.digest),
        "{mark}"
    );

    let opening = place.source().open().await.unwrap_err();
    assert_eq!(opening.code(), "database_moved");
    let said = opening.to_string();
    assert!(
        said.contains(&moved.target) && said.contains("shop.db.moved"),
        "{said}"
    );
    let (copy, stop) = (place.folder.path().join("copy.db"), Stop::default());
    let backup = Accounts::backup(&place.from(), &copy, &place.clock, &stop, &mut |_| {});
    assert_eq!(backup.unwrap_err().code(), "database_moved");
    let how = Restore::default();
    let restore = Accounts::restore(&place.from(), &copy, &how, &stop, &mut |_| {});
    assert_eq!(restore.unwrap_err().code(), "database_moved");
    assert!(Accounts::inspect(&place.from()).await.is_err());
    assert_eq!(place.run().await.unwrap_err().code(), "database_moved");

    std::fs::remove_file(&moved.mark).unwrap();
    let accounts = place.source().open().await.unwrap();
    sign_in(&accounts, "ada").await;
    accounts.close().await;
    // It was used, and so the target is not what it would become.
    place.refused("target_not_empty").await;
}

#[tokio::test]
async fn a_move_that_was_killed_after_it_was_kept_is_ended_by_the_next() {
    let Some(place) = Place::filled().await else {
        return;
    };
    let first = place.run().await.unwrap();
    std::fs::remove_file(&first.mark).unwrap();
    let state = place.state();
    let second = place.run().await.unwrap();
    assert!(second.already);
    assert_eq!(
        (&second.digest, &second.tables),
        (&first.digest, &first.tables)
    );
    assert!(second.mark.exists());
    assert_eq!(place.state(), state, "nothing came twice");
}

#[tokio::test]
async fn only_from_sqlite_in_a_file_to_postgres() {
    let Some(place) = Place::filled().await else {
        return;
    };
    let file = format!(
        "sqlite://{}",
        place.folder.path().join("other.db").display()
    );
    for (from, to) in [
        (place.from(), file),
        (place.from(), place.from()),
        (place.target.url(), place.target.url()),
        (place.target.url(), place.from()),
        ("sqlite::memory:".to_owned(), place.target.url()),
    ] {
        let fault = run(from, to, place.clock.clone(), Stop::default())
            .await
            .unwrap_err();
        assert_eq!(fault.code(), "other_engine");
        assert!(fault.to_string().contains("pg_dump"), "{fault}");
    }
}

#[tokio::test]
async fn an_older_schema_is_told_what_to_do() {
    let Some(place) = Place::new() else { return };
    let mut old = Connection::open(place.path()).unwrap();
    migrate(&mut old, &MIGRATIONS[..MIGRATIONS.len() - 1]).unwrap();
    old.close().unwrap();
    let fault = place.refused("schema_behind").await;
    assert!(fault.to_string().contains("keystile migrate"), "{fault}");
    place.alter(
        "INSERT INTO keystile_migration SELECT max(version) + 1, x'00' FROM keystile_migration",
    );
    place.refused("not_whole").await;
}

#[tokio::test]
async fn a_password_is_never_shown() {
    let Some(place) = Place::filled().await else {
        return;
    };
    let socket = place.target.url();
    let wrong_name = socket.replace("keystile@", "nobody:s3cret@");
    for url in [
        "postgres://ada:s3cret@127.0.0.1:1/x",
        "postgres://ada:s3cret@h:port/x",
        "postgres://ada:s3?cret@h/x",
        &wrong_name,
    ] {
        let fault = place.run_to(url, Stop::default()).await.unwrap_err();
        let said = format!("{fault} {fault:?}");
        assert!(
            !said.contains("s3cret") && !said.contains(PASSWORD),
            "{said}"
        );
    }
    let accounts = place.source().open().await.unwrap();
    sign_up(&accounts, "zoe").await;
    accounts.close().await;
}

pub(crate) async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}
