//! Every route, with requests that go to two nodes in turn: nothing is kept in one that the other needs.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use keystile_tests_postgres::Server;
use serde_json::{Value, json};

use crate::node::{Answer, Node, PASSWORD, Tokens, credentials, until};

/// What one node ends, the others refuse within this time.
const FELT: Duration = Duration::from_secs(1);
const NEW_PASSWORD: &str = "another long enough password";

/// Asks two nodes in turn, and notes which routes were asked for.
struct Turns {
    nodes: [Node; 2],
    next: Cell<usize>,
    walked: RefCell<BTreeSet<String>>,
}

impl Turns {
    /// The other node than the last time.
    fn node(&self) -> &Node {
        self.next.set(self.next.get() + 1);
        &self.nodes[self.next.get() % 2]
    }

    fn ask(&self, route: &str, id: &str, bearer: &str, body: Option<&Value>) -> Answer {
        let (method, path) = route.split_once(' ').expect("a method and a path");
        let template = path.split('?').next().expect("a path");
        self.walked
            .borrow_mut()
            .insert(format!("{method} {template}"));
        let path = path.replace("{id}", id).replace("{kid}", id);
        self.node().ask(method, &path, bearer, body)
    }

    fn get(&self, route: &str, bearer: &str) -> Answer {
        self.ask(&format!("GET {route}"), "", bearer, None)
    }

    fn post(&self, route: &str, bearer: &str, body: &Value) -> Answer {
        self.ask(&format!("POST {route}"), "", bearer, Some(body))
    }

    fn submit(&self, path: &str, form: &str) -> Answer {
        self.walked.borrow_mut().insert(format!("POST {path}"));
        self.node().submit(path, form)
    }

    fn sign_in(&self, name: &str, password: &str) -> Tokens {
        let body = json!({ "username": name, "password": password });
        self.post("/v1/login", "", &body).tokens()
    }

    /// Both refuse it, within the time that is promised.
    #[track_caller]
    fn refused(&self, access: &str) {
        for node in &self.nodes {
            until(FELT, "it is not felt", || node.me(access) == 401);
        }
    }

    /// Both let it in.
    #[track_caller]
    fn good(&self, access: &str) {
        for node in &self.nodes {
            assert_eq!(node.me(access), 200);
        }
    }
}

#[test]
fn every_route_is_answered_by_either_node() {
    let Some(server) = Server::shared() else {
        return;
    };
    let database = server.database();
    let url = database.url();
    let settings = [("KEYSTILE_SIGNUP", "open")];
    let turns = Turns {
        nodes: [(); 2].map(|()| Node::start(&url, &settings)),
        next: Cell::new(0),
        walked: RefCell::default(),
    };
    let make = [
        "account",
        "create",
        "--username",
        "root",
        "--role",
        "admin",
        "--password-stdin",
    ];
    turns.node().run(&url, &make, &format!("{PASSWORD}\n"));
    let ada = walk_sessions(&turns);
    walk_own_account(&turns, &ada);
    let root = turns.sign_in("root", PASSWORD);
    walk_accounts(&turns, &root.access);
    walk_lists(&turns, &root.access);
    walk_clients(&turns, &root.access);
    walk_keys(&turns, root);
    for route in [
        "/healthz",
        "/readyz",
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-protected-resource",
    ] {
        assert_eq!(turns.get(route, "").status, 200);
        assert_eq!(turns.get(route, "").status, 200);
    }
    let document = turns.get("/openapi.json", "");
    let mut described = BTreeSet::new();
    for (path, operations) in document.body["paths"].as_object().expect("paths") {
        let methods = operations.as_object().expect("operations").keys();
        described.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    assert_eq!(
        *turns.walked.borrow(),
        described,
        "every route, and no other"
    );
}

/// Made at one node, a program gets its token at the other, and reads the feed of the first.
fn walk_clients(turns: &Turns, root: &str) {
    let new = json!({ "name": "reports", "scopes": ["revocations:read"] });
    let made = turns.post("/v1/admin/clients", root, &new);
    assert_eq!(made.status, 201, "{made:?}");
    let (id, secret) = (made.text("client_id"), made.text("client_secret"));
    let credentials = format!("client_id={id}&client_secret={secret}");
    let token = || {
        let form = format!("{credentials}&grant_type=client_credentials");
        turns.submit("/oauth/token", &form)
    };
    let access = token().text("access_token");
    for _ in 0..2 {
        assert_eq!(turns.get("/v1/revocations", &access).status, 200);
    }
    let about = format!("{credentials}&token={access}");
    assert_eq!(
        turns.submit("/oauth/introspect", &about).body["active"],
        true
    );
    assert_eq!(turns.submit("/oauth/revoke", &about).status, 200);
    for node in &turns.nodes {
        until(FELT, "it is not felt", || {
            node.ask("GET", "/v1/revocations", &access, None).status == 401
        });
    }
    let listed = turns.get("/v1/admin/clients", root);
    assert_eq!(listed.body["data"][0]["client_id"], id.as_str());
    let deleted = turns.ask("DELETE /v1/admin/clients/{id}", &id, root, None);
    assert_eq!(deleted.status, 204, "{deleted:?}");
    assert_eq!(token().status, 401);
}

fn walk_sessions(turns: &Turns) -> Tokens {
    assert_eq!(
        turns.post("/v1/signup", "", &credentials("ada")).status,
        201
    );
    assert_eq!(
        turns.post("/v1/signup", "", &credentials("ADA")).status,
        409
    );
    let mut tokens = turns.sign_in("ada", PASSWORD);
    let first = tokens.clone();
    for _ in 0..3 {
        turns.good(&tokens.access);
        let body = json!({ "refresh_token": tokens.refresh });
        let next = turns.post("/v1/refresh", "", &body).tokens();
        let again = turns.post("/v1/refresh", "", &body).tokens();
        assert_eq!(
            next.refresh, again.refresh,
            "a repetition at the other node"
        );
        tokens = next;
    }
    // One that was used long ago ends the session at both.
    let body = json!({ "refresh_token": first.refresh });
    assert_eq!(turns.post("/v1/refresh", "", &body).status, 401);
    turns.refused(&tokens.access);
    let tokens = turns.sign_in("ada", PASSWORD);
    assert_eq!(
        turns.post("/v1/logout", &tokens.access, &json!({})).status,
        204
    );
    turns.refused(&tokens.access);
    turns.sign_in("ada", PASSWORD)
}

fn walk_own_account(turns: &Turns, ada: &Tokens) {
    let other = turns.sign_in("ada", PASSWORD);
    let sessions = turns.get("/v1/me/sessions", &ada.access);
    let sessions = sessions.body["data"].as_array().expect("a list").clone();
    assert_eq!(sessions.len(), 2);
    let elsewhere = sessions
        .iter()
        .find(|one| one["current"] == false)
        .expect("the other");
    let id = elsewhere["id"].as_str().expect("its id");
    assert_eq!(
        turns
            .ask("DELETE /v1/me/sessions/{id}", id, &ada.access, None)
            .status,
        204
    );
    turns.refused(&other.access);
    let body = json!({ "username": "ada2", "current_password": PASSWORD });
    assert_eq!(
        turns
            .ask("PATCH /v1/me", "", &ada.access, Some(&body))
            .status,
        200
    );
    assert_eq!(turns.get("/v1/me", &ada.access).text("username"), "ada2");
    let body = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    let next = turns.post("/v1/me/password", &ada.access, &body).tokens();
    turns.refused(&ada.access);
    let wrong = json!({ "username": "ada2", "password": PASSWORD });
    assert_eq!(turns.post("/v1/login", "", &wrong).status, 401);
    turns.good(&next.access);
    let body = json!({ "password": NEW_PASSWORD });
    assert_eq!(
        turns
            .ask("DELETE /v1/me", "", &next.access, Some(&body))
            .status,
        204
    );
    turns.refused(&next.access);
}

fn walk_accounts(turns: &Turns, root: &str) {
    let body = json!({ "username": "bob", "password": PASSWORD });
    let bob = turns.post("/v1/admin/accounts", root, &body);
    assert_eq!(bob.status, 201, "{bob:?}");
    let id = &bob.text("id");
    let at = "/v1/admin/accounts/{id}";
    let act = |route: &str, body: Option<&Value>| turns.ask(route, id, root, body).status;
    assert_eq!(act(&format!("GET {at}"), None), 200);
    for (route, body) in [
        (
            format!("PUT {at}/roles"),
            Some(json!({ "roles": ["baker"] })),
        ),
        (format!("POST {at}/disable"), None),
        (format!("POST {at}/enable"), None),
        (format!("DELETE {at}/sessions"), None),
        (
            format!("PATCH {at}"),
            Some(json!({ "password": NEW_PASSWORD })),
        ),
        (format!("PATCH {at}"), Some(json!({ "password": PASSWORD }))),
        (format!("DELETE {at}"), None),
    ] {
        if route.ends_with("/enable") {
            assert!(matches!(act(&route, None), 200 | 204));
            continue;
        }
        let password = if body == Some(json!({ "password": PASSWORD })) {
            NEW_PASSWORD
        } else {
            PASSWORD
        };
        let tokens = turns.sign_in("bob", password);
        turns.good(&tokens.access);
        let status = act(&route, body.as_ref());
        assert!(matches!(status, 200 | 204), "{route}: {status}");
        turns.refused(&tokens.access);
    }
}

/// A cursor that one node wrote is read by the other.
fn walk_lists(turns: &Turns, root: &str) {
    for n in 0..4 {
        let body = json!({ "username": format!("user{n}") });
        assert_eq!(turns.post("/v1/admin/accounts", root, &body).status, 201);
    }
    let mut names = Vec::new();
    let mut route = "/v1/admin/accounts?limit=1".to_owned();
    loop {
        let page = turns.get(&route, root);
        assert_eq!(page.status, 200, "{page:?}");
        let found = page.body["data"].as_array().expect("a list").iter();
        names.extend(found.map(|account| account["username"].as_str().expect("a name").to_owned()));
        let Some(cursor) = page.body["next_cursor"].as_str() else {
            break;
        };
        route = format!("/v1/admin/accounts?limit=1&cursor={cursor}");
    }
    assert_eq!(names, ["root", "user0", "user1", "user2", "user3"]);
}

fn walk_keys(turns: &Turns, mut root: Tokens) {
    let rotate = "/v1/admin/keys/rotate";
    let next = turns.post(rotate, &root.access, &json!({ "algorithm": "EdDSA" }));
    let again = turns.post(rotate, &root.access, &json!({}));
    assert_eq!(
        (next.status, next.text("kid")),
        (200, again.text("kid")),
        "one rotation"
    );
    for node in &turns.nodes {
        until(2 * FELT, "it is not published by each", || {
            let set = node.ask("GET", "/.well-known/jwks.json", "", None);
            set.body["keys"]
                .as_array()
                .is_some_and(|keys| keys.len() == 2)
        });
    }
    let keys = turns.get("/v1/admin/keys", &root.access);
    let keys = keys.body["data"].as_array().expect("a list").clone();
    let signing = keys
        .iter()
        .find(|key| key["state"] == "signing")
        .expect("one");
    let signing = signing["kid"].as_str().expect("its id");
    let withdraw = "POST /v1/admin/keys/{kid}/withdraw";
    assert_eq!(turns.ask(withdraw, signing, &root.access, None).status, 200);
    turns.refused(&root.access);
    // The sessions go on, and what is signed from now on is good at each, as soon as each has looked.
    let body = json!({ "refresh_token": root.refresh });
    root = turns.post("/v1/refresh", "", &body).tokens();
    for node in &turns.nodes {
        until(2 * FELT, "its key is not known", || {
            node.me(&root.access) == 200
        });
    }
}

/// Wrong guesses at one node count at the other.
#[test]
fn a_guess_counts_wherever_it_is_made() {
    let Some(server) = Server::shared() else {
        return;
    };
    let database = server.database();
    let settings = [("KEYSTILE_LIMITS__GUESSING", "true")];
    let nodes = [(); 2].map(|()| Node::start(&database.url(), &settings));
    nodes[0].sign_up("ada");
    let wrong = json!({ "username": "ada", "password": "not the right one at all" });
    let statuses: Vec<u16> = (0..12)
        .map(|at| nodes[at % 2].post("/v1/login", "", &wrong).status)
        .collect();
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[10..], [429; 2]);
    for node in &nodes {
        let refused = node.post("/v1/login", "", &credentials("ada"));
        assert_eq!(refused.status, 429, "also with the right one");
    }
}
