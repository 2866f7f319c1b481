//! A node whose way to the database is cut, silenced, or loses an answer.

use std::time::{Duration, Instant};

use keystile_tests_postgres::{Database, Server, Way};
use serde_json::json;

use crate::node::{Node, PATIENCE, credentials, until};

/// By what is revoked, as of a second ago, nobody is let in.
const KNOWN_FOR: Duration = Duration::from_secs(1);
/// A node is back so soon after its way is.
const BACK_WITHIN: Duration = Duration::from_secs(2);

struct Cut {
    database: Database,
    way: Way,
    /// The one whose way is cut.
    one: Node,
    other: Node,
}

fn two_nodes() -> Option<Cut> {
    let database = Server::shared()?.database();
    let way = Way::to_socket(database.socket());
    let one = Node::start(&database.url_over(&way), &PATIENCE);
    let other = Node::start(&database.url(), &PATIENCE);
    Some(Cut {
        database,
        way,
        one,
        other,
    })
}

/// As after a failover for which the old machine's power was cut: it does not refuse, it is silent.
#[test]
fn a_node_whose_first_host_falls_silent_goes_on_at_the_next() {
    let Some(server) = Server::shared() else {
        return;
    };
    let database = server.database();
    let ways = [(); 2].map(|()| Way::to_socket(database.socket()));
    let node = Node::start(&database.url_over_several(&ways), &PATIENCE);
    node.sign_up("ada");
    let tokens = node.sign_in("ada");
    ways[0].silence();
    until(Duration::from_secs(3), "it takes no part", || {
        !node.is_ready()
    });
    // Its other connections were to the silent host too, and are given up one after the other.
    until(Duration::from_secs(8), "it does not go on", || {
        node.is_ready() && node.me(&tokens.access) == 200
    });
}

#[test]
fn a_node_that_is_cut_off_refuses_and_comes_back() {
    let Some(Cut {
        database,
        way,
        one,
        other,
    }) = two_nodes()
    else {
        return;
    };
    one.sign_up("ada");
    for cut in [Way::cut, Way::silence] {
        let tokens = one.sign_in("ada");
        assert_eq!(one.me(&tokens.access), 200);
        cut(&way);
        let since = Instant::now();
        assert_eq!(
            other.post("/v1/logout", &tokens.access, &json!({})).status,
            204
        );
        // What needs no look-up goes on.
        assert_eq!(
            one.ask("GET", "/.well-known/jwks.json", "", None).status,
            200
        );
        assert_eq!(one.ask("GET", "/healthz", "", None).status, 200);
        until(Duration::from_secs(3), "it takes no part", || {
            !one.is_ready()
        });
        std::thread::sleep(KNOWN_FOR.saturating_sub(since.elapsed()));
        let answer = one.ask("GET", "/v1/me", &tokens.access, None);
        assert!(answer.is_honest_refusal(), "{answer:?}");
        assert_eq!(one.me("nonsense"), 401, "about the signature it can tell");
        let asked = Instant::now();
        let answer = one.refresh(&tokens.refresh);
        assert!(answer.is_honest_refusal(), "{answer:?}");
        assert!(
            asked.elapsed() < Duration::from_secs(8),
            "{:?}",
            asked.elapsed()
        );
        // The other one does not suffer.
        let elsewhere = other.sign_in("ada");
        assert_eq!(other.me(&elsewhere.access), 200);
        way.mend();
        until(BACK_WITHIN, "it does not come back", || {
            one.is_ready() && one.me(&elsewhere.access) == 200
        });
        assert_eq!(one.me(&tokens.access), 401);
        assert_eq!(one.refresh(&tokens.refresh).status, 401);
    }
    // What was given up is gone there too: each node has its sixteen at most.
    let connections =
        "SELECT count(*) <= 32 FROM pg_stat_activity WHERE datname = current_database()
        AND application_name = 'keystile'";
    assert_eq!(database.sql(connections), "t");
}

#[test]
fn a_write_whose_answer_was_lost_is_done_or_done_again() {
    let Some(Cut {
        database,
        way,
        one,
        other,
    }) = two_nodes()
    else {
        return;
    };
    // A sign-up.
    way.lose_answer_to("COMMIT");
    let answer = one.post("/v1/signup", "", &credentials("ada"));
    assert!(
        way.has_lost_it() && answer.is_honest_refusal(),
        "{answer:?}"
    );
    assert_eq!(one.post("/v1/signup", "", &credentials("ada")).status, 409);
    // A refresh: the same token gets the successor that was lost, at either node.
    let tokens = one.sign_in("ada");
    way.lose_answer_to(token_hash(&database));
    let answer = one.refresh(&tokens.refresh);
    assert!(
        way.has_lost_it() && answer.is_honest_refusal(),
        "{answer:?}"
    );
    let (here, there) = (
        one.refresh(&tokens.refresh).tokens(),
        other.refresh(&tokens.refresh).tokens(),
    );
    assert_eq!(here.refresh, there.refresh);
    let next = other.refresh(&here.refresh).tokens();
    assert_eq!(one.me(&next.access), 200);
    // A sign-out: done, though it could not be said.
    way.lose_answer_to("COMMIT");
    let answer = one.post("/v1/logout", &next.access, &json!({}));
    assert!(
        way.has_lost_it() && answer.is_honest_refusal(),
        "{answer:?}"
    );
    for node in [&one, &other] {
        until(KNOWN_FOR, "it is not felt", || node.me(&next.access) == 401);
        assert_eq!(node.refresh(&next.refresh).status, 401);
    }
}

/// What the living token is found by, as it goes over the wire.
fn token_hash(database: &Database) -> Vec<u8> {
    let hash = database.sql("SELECT encode(token_hash, 'hex') FROM session WHERE ended_at IS NULL");
    let digit = |at: usize| u8::from_str_radix(&hash[at..at + 2], 16).expect("hexadecimal");
    (0..hash.len()).step_by(2).map(digit).collect()
}
