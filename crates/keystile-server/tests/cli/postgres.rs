//! The real binary on PostgreSQL.

use std::time::{Duration, Instant};

use keystile_tests_postgres::{Database, Server};
use serde_json::{Value, json};

use crate::keystile::{Folder, PASSWORD, Serving, ask};

/// How soon one node must feel what another did.
const FELT: Duration = Duration::from_secs(1);

/// A database, and a folder whose `keystile.toml` names it. `None` where PostgreSQL is not installed.
fn place() -> Option<(Database, Folder)> {
    let database = Server::shared()?.database();
    let folder = Folder::new();
    let url = database.url();
    // One name for all nodes: none knows another's address.
    let config = format!("database = \"{url}\"\nissuer = \"https://login.example.com\"\n");
    folder.write("keystile.toml", &config);
    Some((database, folder))
}

fn post(node: &Serving, path: &str, bearer: &str, body: &Value) -> (u16, Value) {
    let headers = format!("content-type: application/json\r\nauthorization: Bearer {bearer}\r\n");
    let headers = if bearer.is_empty() {
        "content-type: application/json\r\n"
    } else {
        headers.as_str()
    };
    let (status, body) = node.ask("POST", path, headers, &body.to_string());
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

fn me(node: &Serving, bearer: &str) -> u16 {
    let header = format!("authorization: Bearer {bearer}\r\n");
    ask(node.address, "GET", "/v1/me", &header, "").0
}

fn text(value: &Value, name: &str) -> String {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name}: {value}"))
        .to_owned()
}

#[test]
fn sign_up_sign_in_guarded_refresh_sign_out() {
    let Some((database, folder)) = place() else {
        return;
    };
    let node = folder.serve("");
    assert!(
        node.welcome.contains("database postgres://[redacted]@"),
        "{}",
        node.welcome
    );
    assert!(
        !folder.0.path().join("keystile-data").exists(),
        "no folder for nothing"
    );
    let account = json!({ "username": "ada", "password": PASSWORD });
    assert_eq!(post(&node, "/v1/signup", "", &account).0, 201);
    let (status, signed_in) = node.sign_in("ada");
    assert_eq!(status, 200);
    assert_eq!(me(&node, &text(&signed_in, "access_token")), 200);
    let old = json!({ "refresh_token": text(&signed_in, "refresh_token") });
    let (status, next) = post(&node, "/v1/refresh", "", &old);
    assert_eq!(status, 200);
    let (status, again) = post(&node, "/v1/refresh", "", &old);
    assert_eq!(status, 200, "within the grace");
    assert_eq!(again["refresh_token"], next["refresh_token"]);
    let bearer = text(&next, "access_token");
    assert_eq!(me(&node, &bearer), 200);
    assert_eq!(post(&node, "/v1/logout", &bearer, &json!({})).0, 204);
    assert_eq!(me(&node, &bearer), 401);
    let ended = json!({ "refresh_token": text(&next, "refresh_token") });
    assert_eq!(post(&node, "/v1/refresh", "", &ended).0, 401);
    assert_eq!(node.end().0, 0);
    assert_eq!(database.sql("SELECT end_reason FROM session"), "signed_out");
}

#[test]
fn two_nodes_feel_each_others_sign_outs() {
    let Some((_database, folder)) = place() else {
        return;
    };
    let (one, two) = (folder.serve(""), folder.serve(""));
    let account = json!({ "username": "ada", "password": PASSWORD });
    assert_eq!(post(&one, "/v1/signup", "", &account).0, 201);
    for (here, there) in [(&one, &two), (&two, &one)] {
        let bearer = text(&here.sign_in("ada").1, "access_token");
        assert_eq!(me(there, &bearer), 200, "one key, one issuer");
        assert_eq!(post(here, "/v1/logout", &bearer, &json!({})).0, 204);
        assert_eq!(me(here, &bearer), 401);
        let since = Instant::now();
        while me(there, &bearer) != 401 {
            assert!(since.elapsed() < FELT, "not felt within {FELT:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    // What a command does is felt too.
    let bearer = text(&one.sign_in("ada").1, "access_token");
    folder.run("account disable ada").worked();
    let since = Instant::now();
    while me(&one, &bearer) != 401 || me(&two, &bearer) != 401 {
        assert!(since.elapsed() < FELT, "not felt within {FELT:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_commands_work_on_it_and_say_what_they_find() {
    let Some((database, folder)) = place() else {
        return;
    };
    let behind = folder.run("doctor").worked().out;
    assert!(behind.contains("it has no tables yet"), "{behind}");
    assert!(behind.contains("database server: PostgreSQL "), "{behind}");
    folder.run("migrate").worked();
    folder
        .run_with(
            "account create --username ada --role admin --password-stdin",
            &format!("{PASSWORD}\n"),
        )
        .worked();
    let list = folder.run("account list --json").worked();
    assert!(list.out.contains("\"ada\""), "{}", list.out);
    let healthy = folder.run("doctor").worked().out;
    assert!(healthy.contains("accounts: 1"), "{healthy}");
    folder.run("config check").worked();
    let printed = folder.run("config print").worked().out;
    assert!(!printed.contains(&database.url()), "{printed}");

    let wrong = "config check --database postgres://ada:s3cret@db/x?sslmode=allow";
    let said = folder.run(wrong);
    assert_ne!(said.code, 0);
    let all = format!("{}{}", said.out, said.err);
    assert!(all.contains("sslmode") && !all.contains("s3cret"), "{all}");
    let nowhere = "doctor --database postgres://ada:s3cret@127.0.0.1:1/x";
    let said = folder.run(nowhere);
    assert_eq!(said.code, 1);
    assert!(
        said.out.contains("cannot be reached") && !said.out.contains("s3cret"),
        "{}",
        said.out
    );
}

#[test]
fn whoever_only_looks_makes_nothing_in_an_empty_database() {
    let Some((database, folder)) = place() else {
        return;
    };
    folder.run("doctor").worked();
    let looks = [
        "account list",
        "account list --json",
        "account disable ada",
        "account set-roles ada admin",
        "key list",
        "key rotate",
        "key withdraw nobody --yes",
    ];
    for look in looks {
        let said = folder.run(look);
        assert_eq!(said.code, 1, "{look}: {}", said.out);
        for part in ["is empty", "--database", "`keystile migrate`"] {
            assert!(said.err.contains(part), "{look}: {}", said.err);
        }
    }
    let tables = database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
    assert_eq!(tables, "0");
    folder.run("migrate").worked();
    folder.run("account list").worked();
    folder.run("key list").worked();
}

/// What each `sslmode` holds, as `docs/postgresql.md` says it.
#[test]
fn the_way_is_protected_as_the_url_says() {
    let Some(server) = Server::with_tls() else {
        return;
    };
    let database = server.database();
    let authority = format!("sslrootcert={}", database.authority());
    let verified = format!("sslmode=verify-full&{authority}");
    let folder = Folder::new();
    let look = |host: &str, query: &str| {
        let url = database.url_by(host, query);
        folder.run(&format!("doctor --database {url}")).out
    };
    for (query, found) in [
        (verified.as_str(), ", over TLS"),
        (authority.as_str(), ", over TLS"),
        ("sslmode=require", ", over TLS"),
        ("sslmode=prefer", ", over TLS"),
        ("", ", over TLS"),
        ("sslmode=disable", ", without TLS"),
        ("sslmode=verify-full", "invalid peer certificate"),
    ] {
        let said = look("localhost", query);
        assert!(said.contains(found), "{query}: {said}");
    }
    let said = look("127.0.0.1", &verified);
    assert!(said.contains("not valid for name"), "another name: {said}");
}
