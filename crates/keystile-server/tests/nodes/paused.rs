//! A node that was paused, and wakes: what it knew is old.

use std::time::Duration;

use keystile_tests_postgres::{Database, Server};
use serde_json::json;

use crate::node::{Connection, Node, PASSWORD, credentials, until};

/// A node that has not heard of revocations for so long must not trust what it knows.
const TOO_LONG: Duration = Duration::from_millis(1_500);

/// Two nodes on one database, which lasts as long as the first of the three.
fn two_nodes() -> Option<(Database, Node, Node)> {
    let database = Server::shared()?.database();
    let [one, other] = [(); 2].map(|()| Node::start(&database.url(), &[]));
    Some((database, one, other))
}

#[test]
fn a_node_that_wakes_passes_no_token_that_was_revoked_meanwhile() {
    let Some((_database, one, other)) = two_nodes() else {
        return;
    };
    one.sign_up("ada");
    for round in 0..2 {
        let tokens = one.sign_in("ada");
        // Remembered at the one that will be paused.
        assert_eq!(one.me(&tokens.access), 200);
        one.pause();
        assert_eq!(
            other.post("/v1/logout", &tokens.access, &json!({})).status,
            204
        );
        // Requests that wait at the door of the paused one, and are the first that it sees.
        let mut waiting: Vec<Connection> = (0..8)
            .map(|_| Connection::open(one.address).expect("a connection"))
            .collect();
        for connection in &mut waiting {
            connection
                .send("GET", "/v1/me", &tokens.access, None)
                .expect("a request");
        }
        std::thread::sleep(TOO_LONG);
        one.wake();
        for connection in &mut waiting {
            let answer = connection.receive().expect("an answer");
            let refused = answer.status == 401 || answer.is_honest_refusal();
            assert!(refused, "round {round}: a stale truth: {answer:?}");
        }
        until(Duration::from_secs(2), "it does not come back", || {
            one.me(&tokens.access) == 401
        });
        assert_eq!(one.me(&one.sign_in("ada").access), 200);
    }
}

#[test]
fn a_node_that_wakes_signs_with_no_key_that_was_withdrawn_meanwhile() {
    let Some((database, one, other)) = two_nodes() else {
        return;
    };
    let url = database.url();
    one.sign_up("ada");
    let mut tokens = one.sign_in("ada");
    for round in 0..2 {
        let keys = other.run(&url, &["key", "list", "--json"], "");
        let keys: serde_json::Value = serde_json::from_str(&keys).expect("JSON");
        let signing = keys
            .as_array()
            .expect("a list")
            .iter()
            .find(|key| key["state"] == "signing");
        let signing = signing.expect("a key that signs")["kid"]
            .as_str()
            .expect("its id")
            .to_owned();
        one.pause();
        other.run(&url, &["key", "withdraw", &signing, "--yes"], "");
        let mut waiting = Connection::open(one.address).expect("a connection");
        let body = json!({ "refresh_token": tokens.refresh });
        waiting
            .send("POST", "/v1/refresh", "", Some(&body))
            .expect("a request");
        std::thread::sleep(TOO_LONG);
        one.wake();
        let answer = waiting.receive().expect("an answer");
        tokens = answer.tokens();
        until(Duration::from_secs(2), "its key is not known", || {
            other.me(&tokens.access) != 503
        });
        let answer = other.ask("GET", "/v1/me", &tokens.access, None);
        assert_eq!(answer.status, 200, "round {round}: {answer:?}");
    }
}

#[test]
fn a_node_that_wakes_refuses_no_token_of_a_key_that_began_to_sign_meanwhile() {
    let Some((database, one, other)) = two_nodes() else {
        return;
    };
    let url = database.url();
    one.sign_up("ada");
    for round in 0..3 {
        one.pause();
        other.run(&url, &["key", "rotate", "--now"], "");
        std::thread::sleep(TOO_LONG);
        let tokens = other.sign_in("ada");
        one.wake();
        until(Duration::from_secs(2), "it does not come back", || {
            let answer = one.ask("GET", "/v1/me", &tokens.access, None);
            let honest = answer.status == 200 || answer.is_honest_refusal();
            assert!(honest, "round {round}: a good token refused: {answer:?}");
            answer.status == 200
        });
    }
}

/// A paused node may hold rows of the database: nobody may wait for it for longer than a request does.
#[test]
fn what_a_paused_node_holds_is_let_go_of_in_time() {
    let Some((database, one, other)) = two_nodes() else {
        return;
    };
    one.sign_up("ada");
    let tokens = one.sign_in("ada");
    // Somebody holds the account's row, so that the sign-out everywhere waits for it inside its transaction.
    let held = database.hold("SELECT 1 FROM account FOR UPDATE");
    let mut leaving = Connection::open(one.address).expect("a connection");
    let all = json!({ "sessions": "all" });
    leaving
        .send("POST", "/v1/logout", &tokens.access, Some(&all))
        .expect("a request");
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'keystile' AND wait_event_type = 'Lock'
        AND datname = current_database()";
    until(Duration::from_secs(10), "it does not wait", || {
        database.sql(waits) == "1"
    });
    one.pause();
    drop(held);
    let idle = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()";
    until(Duration::from_secs(10), "it holds nothing", || {
        database.sql(idle) == "1"
    });
    // The other node does not fail for it.
    let new =
        json!({ "current_password": PASSWORD, "new_password": "another long enough password" });
    let answer = other.post("/v1/me/password", &tokens.access, &new);
    assert_eq!(answer.status, 200, "{answer:?}");
    one.wake();
    // What the paused one was at was not done, and it says so: the new session lives.
    let answer = leaving.receive().expect("an answer");
    assert!(
        answer.is_honest_refusal() || answer.status == 401,
        "{answer:?}"
    );
    let answer = other.post("/v1/login", "", &credentials("ada"));
    assert_eq!(answer.status, 401, "the password was changed");
}
