//! The real binary on PostgreSQL.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use keystile_tests_postgres::{Database, Server};
use serde_json::{Value, json};

use crate::keystile::{Folder, PASSWORD, Serving, ask, finish};

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

/// Without an issuer in the configuration each node would have its own address: the second one does not start.
#[test]
fn nodes_that_would_refuse_each_others_tokens_do_not_start_together() {
    let Some((_database, folder)) = place() else {
        return;
    };
    let toml = std::fs::read_to_string(folder.0.path().join("keystile.toml")).unwrap();
    let without: String = toml
        .lines()
        .filter(|line| !line.starts_with("issuer"))
        .collect();
    folder.write("without.toml", &without);

    let said = folder.run("doctor --config without.toml").worked();
    assert!(
        said.out.contains("note  issuer: none is configured"),
        "{}",
        said.out
    );
    let first = folder.serve("--config without.toml");
    let own = format!("http://{}", first.address);
    let second = folder.run("serve --config without.toml --listen 127.0.0.1:0");
    let second = second.failed("each would refuse the other's");
    let cure = format!("KEYSTILE_ISSUER={own}");
    assert!(second.err.contains(&cure), "{}", second.err);
    let said = folder.run("doctor --config without.toml").worked();
    assert!(
        said.out.contains(&format!(
            "note  issuer: none is configured: the servers on this database have {own}"
        )),
        "{}",
        said.out
    );
    let (code, _, log) = first.end();
    assert!(
        code == 0 && log.contains("no issuer is configured"),
        "{log}"
    );

    // A configured one is meant, and remembered.
    let changed = folder.serve("");
    assert!(
        folder
            .run("doctor")
            .worked()
            .out
            .contains("ok    issuer: https://login.example.com")
    );
    let (_, _, log) = changed.end();
    assert!(
        log.contains("the issuer was changed") && log.contains(&own),
        "{log}"
    );
    folder
        .run("serve --config without.toml --listen 127.0.0.1:0")
        .failed("KEYSTILE_ISSUER=https://login.example.com");
}

/// A write that the database ended for another's sake is not an outage: it may be tried again at once.
#[test]
fn a_write_that_gave_way_is_told_as_busy() {
    let Some((database, folder)) = place() else {
        return;
    };
    let node = folder.serve("");
    let account = json!({ "username": "ada", "password": PASSWORD });
    assert_eq!(post(&node, "/v1/signup", "", &account).0, 201);
    let old = json!({ "refresh_token": text(&node.sign_in("ada").1, "refresh_token") });
    database.sql(
        "CREATE FUNCTION give_way() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '40001'; END $$",
    );
    database.sql(
        "CREATE TRIGGER gives_way BEFORE UPDATE ON session FOR EACH ROW EXECUTE FUNCTION give_way()",
    );
    let (status, said) = post(&node, "/v1/refresh", "", &old);
    assert_eq!(
        (status, &said["code"]),
        (503, &json!("store_busy")),
        "{said}"
    );
    database.sql("DROP TRIGGER gives_way ON session");
    assert_eq!(
        post(&node, "/v1/refresh", "", &old).0,
        200,
        "nothing of it was kept"
    );
}

#[test]
fn a_url_that_is_torn_and_a_file_that_all_may_read_are_found() {
    let folder = Folder::new();
    let torn = "postgres://keystile:an@s3cret@db.example.com/keystile";
    for url in [torn, "postgres://keystile:s3cret@db.example.com/key\nstile"] {
        folder.write("database-url", url);
        let mut check = folder.command("config check");
        check.env("KEYSTILE_DATABASE_FILE", "database-url");
        let said = finish(check, "").failed("cannot be used");
        assert!(
            said.err.contains("%40 for @") && !said.err.contains("s3cret"),
            "{}",
            said.err
        );
        let cures = said.err.matches("postgres://USER").count();
        assert_eq!(cures, 1, "one cure: {}", said.err);
    }
    let path = folder.0.path().join("database-url");
    folder.write("database-url", "sqlite://x.db");
    for (mode, code) in [(0o644, 1), (0o640, 0), (0o400, 0)] {
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let mut doctor = folder.command("doctor");
        doctor.env("KEYSTILE_DATABASE_FILE", "database-url");
        let said = finish(doctor, "");
        assert_eq!(said.code, code, "{mode:o}: {}", said.out);
        let found = said
            .out
            .contains("WRONG secret file: everybody here may read database-url");
        assert_eq!(found, code == 1, "{mode:o}: {}", said.out);
    }
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
