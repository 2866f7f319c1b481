//! All or nothing, whatever goes wrong, and the next time it works.

use std::sync::atomic::{AtomicU32, Ordering};

use keystile_accounts::{Accounts, Stop};

use crate::place::Place;

/// A target on which a server was started once, with a trigger before each row of a table.
async fn with_trigger(table: &str, does: &str) -> Option<Place> {
    let place = Place::filled().await?;
    place.there().open().await.unwrap().close().await;
    place.target.sql(&format!(
        "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {does} RETURN NEW; END $$;
         CREATE TRIGGER meddle BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION meddle()"
    ));
    Some(place)
}

async fn then_it_works(place: &Place) {
    place.target.sql("DROP FUNCTION meddle() CASCADE");
    let moved = place.run().await.unwrap();
    assert!(!moved.already);
    let accounts = place.there().open().await.unwrap();
    crate::place::sign_in(&accounts, "ada").await;
    accounts.close().await;
}

#[tokio::test]
async fn a_row_that_came_otherwise_is_noticed() {
    let Some(place) = with_trigger("session", "NEW.device := 'another';").await else {
        return;
    };
    let fault = place.refused("move_differs").await;
    assert!(fault.to_string().contains("table session"), "{fault}");
    then_it_works(&place).await;
}

#[tokio::test]
async fn a_row_that_did_not_come_is_noticed() {
    let Some(place) = with_trigger("audit", "IF NEW.id = 2 THEN RETURN NULL; END IF;").await else {
        return;
    };
    let fault = place.refused("move_differs").await;
    assert!(fault.to_string().contains("table audit"), "{fault}");
    then_it_works(&place).await;
}

#[tokio::test]
async fn a_row_that_the_target_refuses_is_named() {
    let Some(place) = with_trigger(
        "session",
        "IF NEW.seq = 2 THEN RAISE check_violation USING MESSAGE = 'not this one'; END IF;",
    )
    .await
    else {
        return;
    };
    let fault = place.refused("row_unfit").await;
    let said = fault.to_string();
    assert!(
        said.contains("table session with seq = 2") && said.contains("not this one"),
        "{said}"
    );
    then_it_works(&place).await;
}

#[tokio::test]
async fn a_full_disk_at_the_target_leaves_nothing() {
    let Some(place) = with_trigger(
        "spent",
        "RAISE disk_full USING MESSAGE = 'could not extend file';",
    )
    .await
    else {
        return;
    };
    let fault = place.refused("store_full").await;
    assert!(
        fault
            .to_string()
            .starts_with("at the target: the disk is full"),
        "{fault}"
    );
    then_it_works(&place).await;
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_nothing() {
    let breaks = "PERFORM pg_terminate_backend(pg_backend_pid());";
    let Some(place) = with_trigger("session", breaks).await else {
        return;
    };
    for table in ["meta", "session", "audit"] {
        place.target.sql(&format!(
            "DROP TRIGGER IF EXISTS meddle ON meta; DROP TRIGGER IF EXISTS meddle ON session;
             CREATE TRIGGER meddle BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION meddle()"
        ));
        let fault = place.refused("store_unreachable").await;
        let said = fault.to_string();
        assert!(said.starts_with("at the target: "), "{said}");
    }
    then_it_works(&place).await;
}

/// The words of the last moment: what is kept then is told by the next call.
#[tokio::test]
async fn a_connection_that_breaks_at_the_commit_is_said_to_be_unknown() {
    let Some(place) = Place::filled().await else {
        return;
    };
    place.there().open().await.unwrap().close().await;
    place.target.sql(
        "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER meddle AFTER INSERT ON attempt DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION meddle()",
    );
    let fault = place.run().await.unwrap_err();
    let said = fault.to_string();
    assert!(matches!(fault.code(), "move_unknown"), "{said}");
    assert!(said.contains("run the same command again"), "{said}");
    then_it_works(&place).await;
}

#[tokio::test]
async fn stopped_at_any_point_both_are_as_they_were() {
    let Some(place) = Place::filled().await else {
        return;
    };
    let (before, source) = (place.state(), place.files());
    for point in 0.. {
        let (from, to, clock) = (place.from(), place.target.url(), place.clock.clone());
        let work = move || {
            let (stop, told) = (Stop::default(), AtomicU32::new(0));
            Accounts::migrate_database(&from, &to, &clock, &stop.clone(), &mut |_| {
                if told.fetch_add(1, Ordering::Relaxed) == point {
                    stop.ask();
                }
            })
        };
        match tokio::task::spawn_blocking(work).await.unwrap() {
            Ok(moved) => {
                assert!(point > 10 && !moved.already, "{point} points");
                return;
            }
            Err(fault) => assert_eq!(fault.code(), "stopped", "{fault}"),
        }
        assert_eq!(place.state(), before, "stopped at {point}");
        assert_eq!(place.files(), source, "stopped at {point}");
    }
}
