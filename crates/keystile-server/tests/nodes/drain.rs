//! A node that is told to end: it says so first, serves on, and ends its connections politely.

use std::time::{Duration, Instant};

use keystile_tests_postgres::Server;
use rustix::process::Signal;
use serde_json::json;

use crate::node::{Connection, Node, until};

const DRAIN: Duration = Duration::from_secs(2);

#[test]
fn a_node_that_drains_serves_on_and_lets_go_of_its_connections() {
    let Some(server) = Server::shared() else {
        return;
    };
    let database = server.database();
    let mut node = Node::start(&database.url(), &[("KEYSTILE_DRAIN", "2s")]);
    node.sign_up("ada");
    let mut tokens = node.sign_in("ada");
    let mut kept = Connection::open(node.address).expect("a connection");
    let mut idle = Connection::open(node.address).expect("a connection");
    for connection in [&mut kept, &mut idle] {
        let answer = connection
            .ask("GET", "/v1/me", &tokens.access, None)
            .expect("an answer");
        assert_eq!((answer.status, answer.header("connection")), (200, None));
    }
    let since = Instant::now();
    node.signal(Signal::TERM);
    until(DRAIN / 2, "it does not say that it ends", || {
        !node.is_ready()
    });
    // Who keeps connections is told to open the next elsewhere, with an answer and not in place of one.
    let answer = kept
        .ask("GET", "/v1/me", &tokens.access, None)
        .expect("an answer");
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close"))
    );
    assert!(kept.is_ended_by_the_server());
    // New connections are served until the time is over.
    while since.elapsed() < DRAIN.mul_f32(0.8) {
        tokens = node.refresh(&tokens.refresh).tokens();
        assert_eq!(node.me(&tokens.access), 200);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(
        idle.is_ended_by_the_server(),
        "ended without a byte that nobody asked for"
    );
    assert!(
        since.elapsed() >= DRAIN,
        "ended after {:?}",
        since.elapsed()
    );
    let (code, _) = node.wait();
    assert_eq!(code, Some(0), "{}", node.log());
    assert!(
        since.elapsed() < Duration::from_secs(10),
        "{:?}",
        since.elapsed()
    );
}

#[test]
fn a_request_that_is_under_way_is_answered() {
    let Some(server) = Server::shared() else {
        return;
    };
    let database = server.database();
    let mut node = Node::start(&database.url(), &[("KEYSTILE_DRAIN", "0s")]);
    node.sign_up("ada");
    let tokens = node.sign_in("ada");
    let mut leaving = Connection::open(node.address).expect("a connection");
    let held = database.hold("SELECT 1 FROM account FOR UPDATE");
    let all = json!({ "sessions": "all" });
    leaving
        .send("POST", "/v1/logout", &tokens.access, Some(&all))
        .expect("a request");
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'keystile' AND wait_event_type = 'Lock'
        AND datname = current_database()";
    until(Duration::from_secs(10), "it does not wait", || {
        database.sql(waits) == "1"
    });
    node.signal(Signal::TERM);
    until(Duration::from_secs(3), "it listens on", || {
        Connection::open(node.address).is_err()
    });
    drop(held);
    let answer = leaving.receive().expect("an answer");
    assert_eq!(
        (answer.status, answer.header("connection")),
        (204, Some("close"))
    );
    assert_eq!(node.wait().0, Some(0), "{}", node.log());
}
