//! What the database does under the feed: transactions that are kept late, and a server that stands still.

use std::time::Duration;

use keystile::Clock;
use keystile_tests_postgres::Server;

use crate::node::Node;
use crate::place::Place;
use crate::reading::{kinds, names};

/// Begun first, kept last: it is missed neither by those who read along nor by those who come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_late_is_told_all_the_same() {
    let Some(place) = Place::postgres() else {
        return;
    };
    let node = place.node().await;
    let mut along = node.read(None).await;
    along.up_to_current().await;
    let until = node.now().as_millis() + 900_000;
    let late = format!(
        "INSERT INTO revocation (kind, value, at, until) VALUES ('token', 'late', 0, {until})"
    );
    let held = place.database.as_ref().unwrap().hold(&late);
    for name in ["a", "b"] {
        node.revoke(name).await;
    }
    assert_eq!(along.until_told(&["a", "b"]).await, ["a", "b"]);
    let told = along.up_to_current().await;
    let id = told.last().and_then(|event| event.id.clone()).unwrap();
    let mut back = node.read(Some(&id)).await;
    // What was kept while that one is open is told again, as nobody knows yet on which side of it the reader stands.
    let again = back.up_to_current().await;
    assert_eq!(names(&again), ["a", "b"]);
    held.keep();
    node.revoke("c").await;
    for reading in [&mut along, &mut back] {
        let mut told = reading.until_told(&["late", "c"]).await;
        told.sort();
        assert_eq!(told, ["c", "late"], "each once");
    }
    let mut resumed = node.read(Some(&id)).await;
    let told = resumed.until_told(&["a", "b", "c", "late"]).await;
    assert_eq!(told.len(), 4);
}

/// Nobody is told to be current by a database that does not answer; what was revoked when it does is not missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beats_stop_with_the_database() {
    let Some(server) = Server::own() else {
        return;
    };
    let url = server.url(&server.make_database());
    let node = Node::start(&url, &Clock::system(), 100).await;
    let mut reading = node.read(None).await;
    reading.up_to_current().await;
    server.pause();
    // One may be on its way already.
    reading.next_within(Duration::from_millis(1_500)).await;
    let silent = reading.next_within(Duration::from_secs(3)).await;
    assert_eq!(silent, None, "a beat of what is not known");
    server.resume();
    assert_eq!(
        kinds(&reading.up_to_current().await).last(),
        Some(&"current")
    );
    node.revoke("after").await;
    reading.until_told(&["after"]).await;
}
