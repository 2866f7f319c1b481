//! What `keystile doctor` finds on a real PostgreSQL server, each fault by itself.

use keystile_tests_postgres::{Database, Server};
use serde_json::Value;

use crate::keystile::Folder;

/// A database, and a role of no rights that is named as it. `None` where PostgreSQL is not installed.
fn place() -> Option<(Database, String, Folder)> {
    let database = Server::shared()?.database();
    let role = format!("role_of_{}", database.sql("SELECT current_database()"));
    database.sql(&format!("CREATE ROLE {role} LOGIN"));
    Some((database, role, Folder::new()))
}

fn by(database: &Database, role: &str) -> String {
    database.url().replacen("keystile@", &format!("{role}@"), 1)
}

/// The findings of a doctor on this database, as `state subject: finding`, and how it ended.
fn doctor(folder: &Folder, url: &str, settings: &str) -> (i32, String) {
    folder.write("keystile.toml", settings);
    let said = folder.run(&format!("doctor --json --database {url}"));
    let mut lines = String::new();
    for check in said.json().as_array().expect("a list") {
        let text = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
        let line = [text("state"), text("subject"), text("finding")].join(" ");
        assert!(
            check["state"] == "right" || check["cure"] != Value::Null,
            "{check}"
        );
        lines.push_str(&line);
        lines.push('\n');
    }
    (said.code, lines)
}

#[track_caller]
fn says(found: &(i32, String), code: i32, part: &str) {
    assert!(found.1.contains(part), "{part}: {}", found.1);
    assert_eq!(found.0, code, "{}", found.1);
}

/// What `docs/postgresql.md` promises of a role that owns nothing.
#[test]
fn rights_that_a_role_lacks_are_named_and_those_of_the_book_are_enough() {
    let Some((database, role, folder)) = place() else {
        return;
    };
    let url = by(&database, &role);
    // As it is by itself from PostgreSQL 15 on.
    database.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    says(
        &doctor(&folder, &url, ""),
        1,
        "wrong database rights this role lacks CREATE on schema public",
    );
    let refused = folder.run(&format!("migrate --database {url}"));
    assert!(refused.code == 1 && refused.err.contains("permission denied"));
    let own = format!("migrate --database {}", database.url());
    folder.run(&own).worked();
    let found = doctor(&folder, &url, "");
    says(&found, 1, "SELECT on keystile_migration");
    let tables = database.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    for table in tables.lines().filter(|name| *name != "keystile_migration") {
        says(&found, 1, &format!("DELETE on {table}"));
    }
    database.sql(&format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
    ));
    let found = doctor(&folder, &url, "");
    says(&found, 0, "right database rights all that are needed");
    says(&found, 0, "right database schema ");
    let node = folder.serve(&format!("--database {url}"));
    assert_eq!(node.end().0, 0);
    says(
        &doctor(&folder, &database.url(), ""),
        0,
        "notice database rights this role is a superuser",
    );
    database.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn a_database_without_tables_is_said_to_have_none() {
    let Some((database, role, folder)) = place() else {
        return;
    };
    let found = doctor(&folder, &database.url(), "");
    says(&found, 0, "notice database it has no tables yet");
    assert!(!found.1.contains("older"), "{}", found.1);
    database.sql(&format!("DROP ROLE {role}"));
}

#[test]
fn hosts_that_are_away_refuse_or_are_read_only_are_told_by_name() {
    let Some((database, role, folder)) = place() else {
        return;
    };
    let url = database.url();
    let (head, tail) = url.split_once('@').expect("a user");
    let found = doctor(&folder, &format!("{head}@%2Fnowhere,{tail}"), "");
    says(
        &found,
        0,
        "notice database host /nowhere:5432 cannot be reached",
    );
    says(&found, 0, "takes writes");
    let found = doctor(&folder, &format!("{head}@%2Fnowhere,127.0.0.1:1/x"), "");
    says(
        &found,
        1,
        "wrong database host /nowhere:5432 cannot be reached",
    );
    says(
        &found,
        1,
        "wrong database host 127.0.0.1:1 cannot be reached",
    );
    let stranger = format!("postgres://nobody@{tail}");
    says(
        &doctor(&folder, &stranger, ""),
        1,
        "cannot be reached: role \"nobody\" does not exist",
    );
    database.sql(&format!(
        "ALTER ROLE {role} SET default_transaction_read_only = on"
    ));
    says(
        &doctor(&folder, &by(&database, &role), ""),
        1,
        "refuses to write (default_transaction_read_only is on)",
    );
    database.sql(&format!("DROP ROLE {role}"));
}

#[test]
fn a_pool_that_the_server_does_not_let_in_is_told() {
    let Some((database, role, folder)) = place() else {
        return;
    };
    database.sql(&format!(
        "ALTER ROLE {role} CONNECTION LIMIT 20; GRANT ALL ON SCHEMA public TO {role}"
    ));
    let url = by(&database, &role);
    let found = doctor(&folder, &url, "");
    says(&found, 0, "notice database connections 20 are allowed");
    says(&found, 0, "nodes that fit: 1");
    let pool = |most: u32| format!("[postgres]\nconnections = {most}\n");
    says(&doctor(&folder, &url, &pool(5)), 0, "nodes that fit: 4");
    says(
        &doctor(&folder, &url, &pool(21)),
        1,
        "20 are allowed, and one node may want 21",
    );
    database.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn a_database_that_is_not_in_utf8_is_refused_with_its_cure() {
    let Some((database, role, folder)) = place() else {
        return;
    };
    let name = format!("{role}_latin1");
    database.sql(&format!(
        "CREATE DATABASE {name} ENCODING LATIN1 TEMPLATE template0"
    ));
    let url = database.url();
    let url = format!("{}/{name}", url.rsplit_once('/').expect("a database").0);
    says(
        &doctor(&folder, &url, ""),
        1,
        "wrong encoding the database is in LATIN1, not in UTF8",
    );
    let refused = folder.run(&format!("migrate --database {url}"));
    assert!(
        refused.code == 1
            && refused
                .err
                .contains("createdb --owner ROLE --encoding UTF8")
    );
    database.sql(&format!("DROP DATABASE {name} WITH (FORCE)"));
    database.sql(&format!("DROP ROLE {role}"));
}
