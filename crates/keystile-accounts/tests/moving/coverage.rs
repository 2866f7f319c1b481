//! Nothing is forgotten: every table and column of both engines is moved, or stands in a list of what each has of its own.

use std::collections::BTreeSet;

use keystile_accounts::store::moved_columns;
use rusqlite::Connection;

use crate::place::Place;

/// Tables that each engine has of its own.
const OWN_TABLES: &[&str] = &["keystile_migration", "password_format"];
/// The number of a row's transaction, which PostgreSQL gives.
const OWN_COLUMNS: &[&str] = &["revocation.xid"];

/// Every table gets a row with something in each of its columns.
const FULL: &str = "
UPDATE meta SET value = '1020001' WHERE name = 'longest_token_life';
INSERT INTO shared_secret VALUES ('another', randomblob(32));
INSERT INTO account (seq, id, username, username_key, email, email_key, password_hash, password_format, roles, generation,
        disabled_at, created_at, updated_at, imported, sessions_ended_at)
    VALUES (41, 'id-ada', 'Ädä', 'ädä', 'A@b', 'a@b', '$test$1', '$test', '[\"admin\",\"ü\"]', 7, 1, 2, -3, 1, 4),
        (9000000000000000000, 'id-eve', NULL, NULL, NULL, NULL, NULL, NULL, '[]', 0, NULL, 5, 6, 0, NULL);
UPDATE account_sequence SET last = 17;
INSERT INTO session (seq, id, account_id, client_id, token_hash, previous_hash, previous_expires_at, salt, rotated_at, chain,
        created_at, last_used_at, expires_at, absolute_expires_at, ended_at, end_reason, device, address, auth_time, amr)
    VALUES (3, 's', 'id-ada', 'c', randomblob(32), randomblob(32), 1, randomblob(32), 2, 3, 4, 5, 6, 7, 8, 'reused', 'd', 'a',
        9, '[\"pwd\"]');
INSERT INTO client (seq, id, name, secret_hash, scopes, audiences, generation, created_at)
    VALUES (5, 'c', 'Ön', randomblob(32), '[\"a:b\"]', '[\"https://a\"]', 4294967297, 9);
INSERT INTO spent VALUES (randomblob(32), 's', 1, 2);
INSERT INTO exchanged (issuer, token_id, expires_at) VALUES ('i', 't', 1);
INSERT INTO signing_key (kid, algorithm, public, private, state, created_at, state_since, signed_from, due_at)
    VALUES ('k', 'ES256', '{}', x'00ff', 'retired', 1, 2, 3, 4);
INSERT INTO revocation (id, kind, value, smallest_generation, at, until) VALUES (12, 'subject', 'id-ada', 7, 1, 2);
INSERT INTO attempt (key, count, window_ends_at, held, held_before, period) VALUES (randomblob(32), 2, 3, 4, 5, 6);
INSERT INTO audit (id, at, kind, actor_id, account_id, session_id, origin, detail)
    VALUES (99, 1, 'k', 'a', 'b', 's', 'o', '{}');
";

fn in_sqlite(source: &Connection) -> BTreeSet<String> {
    let sql = "SELECT tables.name || '.' || columns.name
          FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
         WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let mut statement = source.prepare(sql).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    own(names.map(Result::unwrap))
}

/// Without what each engine has of its own.
fn own(names: impl Iterator<Item = String>) -> BTreeSet<String> {
    names
        .filter(|name| {
            let table = name.split('.').next().unwrap();
            !OWN_TABLES.contains(&table) && !OWN_COLUMNS.contains(&name.as_str())
        })
        .collect()
}

#[tokio::test]
async fn every_table_and_column_is_moved() {
    let Some(place) = Place::new() else { return };
    place.source().open().await.unwrap().close().await;
    place.there().open().await.unwrap().close().await;
    let source = Connection::open(place.path()).unwrap();
    let moved: BTreeSet<_> = moved_columns()
        .map(|column| format!("{}.{}", column.table, column.in_sqlite))
        .collect();
    assert_eq!(in_sqlite(&source), moved, "in SQLite");

    let sql = "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'";
    let there = own(place.target.sql(sql).lines().map(str::to_owned));
    let moved: BTreeSet<_> = moved_columns()
        .map(|column| format!("{}.{}", column.table, column.name))
        .collect();
    assert_eq!(there, moved, "in PostgreSQL");

    let sql = format!("{sql} AND is_identity = 'YES'");
    let there = own(place.target.sql(&sql).lines().map(str::to_owned));
    let numbered: BTreeSet<_> = moved_columns()
        .filter(|column| column.numbered)
        .map(|column| format!("{}.{}", column.table, column.name))
        .collect();
    assert_eq!(there, numbered, "what PostgreSQL numbers");
}

/// What both engines answer for a column, in order.
fn shown(column: &str, blob: &str) -> String {
    format!("coalesce({blob}, '-') AS value FROM (SELECT {column} AS it FROM")
}

#[tokio::test]
async fn every_column_arrives_as_it_was() {
    let Some(place) = Place::new() else { return };
    place.source().open().await.unwrap().close().await;
    place.alter(FULL.trim_start());
    place.run().await.unwrap();
    let source = Connection::open(place.path()).unwrap();
    for column in moved_columns() {
        let (table, name) = (column.table, column.in_sqlite);
        let filled = format!("SELECT count({name}) FROM {table}");
        let filled: i64 = source.query_row(&filled, [], |row| row.get(0)).unwrap();
        assert!(
            filled > 0,
            "{table}.{name} is empty: give it something in FULL"
        );
        let only = match table {
            "meta" => "WHERE name NOT IN ('feed_id', 'cluster', 'moved_from')",
            "audit" => "WHERE kind <> 'database.moved'",
            _ => "",
        };
        let here = shown(
            name,
            "CASE typeof(it) WHEN 'blob' THEN lower(hex(it)) ELSE CAST(it AS TEXT) END",
        );
        let here =
            format!("SELECT group_concat(value) FROM (SELECT {here} {table} {only}) ORDER BY 1)");
        let here: String = source.query_row(&here, [], |row| row.get(0)).unwrap();
        let there = shown(
            column.name,
            "CASE pg_typeof(it)::text WHEN 'bytea' THEN substr(it::text, 3) WHEN 'boolean' THEN CASE it::text WHEN 'true' THEN '1' ELSE '0' END ELSE it::text END",
        );
        let there = place.target.sql(&format!(
            "SELECT string_agg(value, ',' ORDER BY value COLLATE \"C\") FROM (SELECT {there} {table} {only}) AS inner_ ) AS outer_"
        ));
        assert_eq!(there, here, "{table}.{name}");
    }
    let formats = place
        .target
        .sql("SELECT format, accounts FROM password_format");
    assert_eq!(formats, "$test|1");
    let next = place
        .target
        .sql("INSERT INTO audit (at, kind) VALUES (1, 'x') RETURNING id");
    assert_eq!(next, "101", "after the move's own");
    let here = place
        .target
        .sql("SELECT count(*) FROM revocation WHERE xid < pg_snapshot_xmax(pg_current_snapshot())");
    assert_eq!(here, "1");
}
