//! The database stopped, paused and failed over under its nodes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keystile_tests_postgres::Server;

use crate::node::{Answer, Node, PATIENCE, Tokens, until};

/// Service is back so soon after the database is.
const BACK_WITHIN: Duration = Duration::from_secs(2);
/// No request waits for the database for longer than its two seconds, and a little for a busy machine.
const LONGEST: Duration = Duration::from_secs(5);

/// A session that is refreshed at the nodes in turn, by a client that repeats what was not answered.
struct Client<'a> {
    nodes: &'a [Node],
    tokens: Tokens,
    longest: Duration,
    refused: usize,
    served: usize,
}

impl<'a> Client<'a> {
    fn new(nodes: &'a [Node], name: &str) -> Self {
        nodes[0].sign_up(name);
        Self {
            nodes,
            tokens: nodes[0].sign_in(name),
            longest: Duration::ZERO,
            refused: 0,
            served: 0,
        }
    }

    fn once(&mut self, turn: usize) -> Answer {
        let node = &self.nodes[turn % self.nodes.len()];
        let asked = Instant::now();
        let answer = node.refresh(&self.tokens.refresh);
        self.longest = self.longest.max(asked.elapsed());
        if answer.status == 200 {
            self.tokens = answer.tokens();
            self.served += 1;
        } else {
            assert!(answer.is_honest_refusal(), "{answer:?}: {}", node.log());
            self.refused += 1;
            std::thread::sleep(Duration::from_millis(20));
        }
        answer
    }

    /// Goes on until it is told to end.
    fn go_on(mut self, until: &AtomicBool) -> Self {
        for turn in 0.. {
            if until.load(Ordering::SeqCst) {
                break;
            }
            self.once(turn);
        }
        self
    }
}

/// Every node serves again: a refresh, and a guarded route by its token.
fn wait_for_service(nodes: &[Node], client: &mut Client<'_>) -> Duration {
    let since = Instant::now();
    for (turn, node) in nodes.iter().enumerate() {
        until(
            BACK_WITHIN.saturating_sub(since.elapsed()),
            "no service yet",
            || {
                client.once(turn).status == 200
                    && node.me(&client.tokens.access) == 200
                    && node.is_ready()
            },
        );
    }
    since.elapsed()
}

/// Runs clients while something is done to the database, which ends with its return.
fn under_load(server: &Server, act: impl FnOnce(&Server, &[Node])) {
    let name = server.make_database();
    let nodes = [(); 2].map(|()| Node::start(&server.url(&name), &PATIENCE));
    let mut watching = Client::new(&nodes, "watching");
    let ended = AtomicBool::new(false);
    let clients: Vec<Client<'_>> = (0..4)
        .map(|at| Client::new(&nodes, &format!("ada-{at}")))
        .collect();
    let clients: Vec<Client<'_>> = std::thread::scope(|scope| {
        let running: Vec<_> = clients
            .into_iter()
            .map(|client| scope.spawn(|| client.go_on(&ended)))
            .collect();
        act(server, &nodes);
        let back = wait_for_service(&nodes, &mut watching);
        ended.store(true, Ordering::SeqCst);
        let _ = back;
        running
            .into_iter()
            .map(|one| one.join().expect("a client"))
            .collect()
    });
    for mut client in clients {
        assert!(client.longest < LONGEST, "{:?}", client.longest);
        assert!(client.refused > 0 && client.served > 0);
        // Nobody was signed out: the last token is good, at each node.
        assert_eq!(client.once(0).status, 200);
        assert_eq!(client.once(1).status, 200);
    }
}

/// While nothing is known of the database: honest refusals, and what needs no look-up goes on.
fn refuse_honestly(nodes: &[Node], access: &str) {
    for node in nodes {
        until(Duration::from_secs(5), "it trusts what it knew", || {
            let answer = node.ask("GET", "/v1/me", access, None);
            assert!(
                answer.status == 200 || answer.is_honest_refusal(),
                "{answer:?}"
            );
            answer.status == 503
        });
        assert!(node.ask("GET", "/readyz", "", None).is_honest_refusal());
        assert_eq!(node.ask("GET", "/healthz", "", None).status, 200);
        assert_eq!(
            node.ask("GET", "/.well-known/jwks.json", "", None).status,
            200
        );
        assert_eq!(node.me("nonsense"), 401);
        let answer = node.post("/v1/login", "", &crate::node::credentials("watching"));
        assert!(answer.is_honest_refusal(), "{answer:?}");
    }
}

/// The database goes and comes back under load.
fn while_gone(go: fn(&Server), come_back: fn(&Server)) {
    let Some(server) = Server::own() else {
        return;
    };
    under_load(&server, |server, nodes| {
        let access = nodes[0].sign_in("watching").access;
        go(server);
        refuse_honestly(nodes, &access);
        come_back(server);
    });
}

#[test]
fn a_database_that_stops_and_starts_again() {
    while_gone(Server::stop, Server::start_again);
}

#[test]
fn a_database_that_is_paused_and_goes_on() {
    while_gone(Server::pause, Server::resume);
}

/// A standby takes over from a primary that is gone. What it had acknowledged to us was on both.
#[test]
fn a_standby_that_takes_over_has_every_acknowledged_write() {
    let Some(primary) = Server::own() else {
        return;
    };
    let standby = primary.standby();
    primary.sql(
        "postgres",
        "ALTER SYSTEM SET synchronous_standby_names = '*'",
    );
    primary.sql("postgres", "SELECT pg_reload_conf()");
    let synchronous =
        "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')";
    until(
        Duration::from_secs(20),
        "the standby does not follow",
        || primary.sql("postgres", synchronous) == "1",
    );
    let name = primary.make_database();
    let url = Server::url_of_several(&[&primary, &standby], &name);
    let nodes = [(); 2].map(|()| Node::start(&url, &PATIENCE));
    let mut watching = Client::new(&nodes, "watching");
    let ended = AtomicBool::new(false);
    let clients: Vec<Client<'_>> = (0..4)
        .map(|at| Client::new(&nodes, &format!("ada-{at}")))
        .collect();
    let clients: Vec<Client<'_>> = std::thread::scope(|scope| {
        let running: Vec<_> = clients
            .into_iter()
            .map(|client| scope.spawn(|| client.go_on(&ended)))
            .collect();
        std::thread::sleep(Duration::from_millis(300));
        primary.stop();
        refuse_honestly(&nodes, &watching.tokens.access.clone());
        standby.promote();
        wait_for_service(&nodes, &mut watching);
        ended.store(true, Ordering::SeqCst);
        running
            .into_iter()
            .map(|one| one.join().expect("a client"))
            .collect()
    });
    for mut client in clients {
        assert!(client.refused > 0 && client.served > 0);
        assert_eq!(
            client.once(0).status,
            200,
            "an acknowledged rotation is there"
        );
        assert_eq!(client.once(1).status, 200);
    }
}
