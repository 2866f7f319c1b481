//! The timeline at size: what a page of it reads does not grow with the number of posts.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use keystile::{Clock, Random, Timestamp};
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, StatementStatus};

use super::read::TIMELINE;
use crate::App;

const LIMIT: i64 = 20;
const SIZES: [u32; 2] = [20_000, 200_000];
const SECRET: &str = "a secret of the tests, 32 bytes or more";
/// 2026-11-22, 12:00 UTC.
const NOW: Timestamp = Timestamp::from_seconds(1_795_348_800);

/// What one page cost.
#[derive(Debug, PartialEq, Eq)]
struct Cost {
    /// Rows of `timeline`, `post` and `person` that were visited.
    rows: [u64; 3],
    /// Steps of SQLite's machine.
    steps: i32,
    plan: Vec<String>,
}

/// A board whose tables count each visit of a row. The names of its temporary views hide the tables, so the very
/// statement that the program runs is what is counted.
struct Counted {
    connection: Connection,
    visits: Arc<[AtomicU64; 3]>,
}

impl Counted {
    fn open(file: &Path) -> Self {
        let connection = Connection::open(file).unwrap();
        let visits: Arc<[AtomicU64; 3]> = Arc::default();
        let counting = Arc::clone(&visits);
        // Not deterministic, so it is called for each row; of a column, so it is called behind the look-up.
        connection
            .create_scalar_function("visit", 2, FunctionFlags::SQLITE_UTF8, move |call| {
                let _: i64 = call.get(1)?;
                counting[usize::from(call.get::<u8>(0)?)].fetch_add(1, Ordering::Relaxed);
                Ok(true)
            })
            .unwrap();
        connection
            .execute_batch(
                "CREATE TEMP VIEW timeline AS SELECT * FROM main.timeline WHERE visit(0, post);
                 CREATE TEMP VIEW post AS SELECT * FROM main.post WHERE visit(1, id);
                 CREATE TEMP VIEW person AS SELECT * FROM main.person WHERE visit(2, id);",
            )
            .unwrap();
        Self { connection, visits }
    }

    /// Runs a statement to its end; answers the posts of its page and what they cost.
    fn page(&self, sql: &str, bounds: (i64, i64, i64)) -> (Vec<i64>, Cost) {
        for visits in &*self.visits {
            visits.store(0, Ordering::Relaxed);
        }
        let (page, steps) = run(&self.connection, sql, bounds);
        let rows = self.visits.each_ref().map(|it| it.load(Ordering::Relaxed));
        let plan = plan(&self.connection, sql, bounds);
        (page, Cost { rows, steps, plan })
    }
}

fn run(connection: &Connection, sql: &str, bounds: (i64, i64, i64)) -> (Vec<i64>, i32) {
    let mut statement = connection.prepare(sql).unwrap();
    let page = statement.query_map(bounds, |row| row.get(0)).unwrap();
    let page = page.map(Result::unwrap).collect();
    let counter = |status| statement.get_status(status);
    assert_eq!(
        counter(StatementStatus::FullscanStep),
        0,
        "a table was scanned"
    );
    assert_eq!(counter(StatementStatus::Sort), 0, "rows were sorted");
    assert_eq!(counter(StatementStatus::AutoIndex), 0, "an index was made");
    (page, counter(StatementStatus::VmStep))
}

fn plan(connection: &Connection, sql: &str, bounds: (i64, i64, i64)) -> Vec<String> {
    let explain = format!("EXPLAIN QUERY PLAN {sql}");
    let mut statement = connection.prepare(&explain).unwrap();
    let lines = statement
        .query_map(bounds, |row| row.get::<_, String>(3))
        .unwrap();
    // Behind a view a table is named with its schema.
    lines
        .map(|line| line.unwrap().replace("main.", ""))
        .collect()
}

/// The first page and one deep down, of a board with so many posts. The people and the follows are those of any size.
fn costs(posts: u32) -> [Cost; 2] {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("microblog.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let started = now();
    runtime.block_on(async {
        let app = App::open(&file, SECRET, Clock::manual(NOW), Random::system());
        let app = app.await.unwrap();
        app.seed(posts, &Random::system(), |_, _, _| {})
            .await
            .unwrap();
        app.accounts().unwrap().close().await;
    });
    say(&format!("{posts} posts, seeded in {} ms", millis(started)));

    let plain = Connection::open(&file).unwrap();
    let counted = Counted::open(&file);
    let last = i64::from(posts);
    assert_seeded(&plain, last);
    [("first", i64::MAX), ("deep", last / 10)].map(|(which, before)| {
        let bounds = (1, before, LIMIT);
        let started = now();
        let (expected, steps) = run(&plain, TIMELINE, bounds);
        let took = millis(started);
        let (page, cost) = counted.page(TIMELINE, bounds);
        assert_eq!(page, expected, "what is counted is what is answered");
        assert_eq!(i64::try_from(page.len()).unwrap(), LIMIT, "a full page");
        assert_eq!(cost.plan, plan(&plain, TIMELINE, bounds), "by the same plan");
        let [timeline, post, person] = cost.rows;
        say(&format!(
            "  {which} page of {LIMIT}: {} rows (timeline {timeline}, post {post}, person {person}), {steps} steps, {took} ms",
            timeline + post + person
        ));
        Cost { steps, ..cost }
    })
}

fn assert_seeded(connection: &Connection, posts: i64) {
    let count = |sql| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(count("SELECT count(*) FROM person"), 200);
    assert_eq!(count("SELECT count(*) FROM follow"), 5_000);
    assert_eq!(count("SELECT count(*) FROM post"), posts);
    let wanted = "SELECT count(*) FROM follow JOIN post ON author = followee";
    assert_eq!(count("SELECT count(*) FROM timeline"), count(wanted));
}

#[test]
fn a_page_reads_at_most_three_rows_a_post_whatever_the_size() {
    let [small, large] = SIZES.map(costs);
    for cost in small.iter().chain(&large) {
        let read: u64 = cost.rows.iter().sum();
        assert!(read <= 3 * LIMIT.cast_unsigned(), "{read} rows: {cost:?}");
        assert!(
            cost.plan.iter().all(|line| line.starts_with("SEARCH ")),
            "{cost:?}"
        );
    }
    for line in &small[0].plan {
        say(&format!("  {line}"));
    }
    assert_eq!(small, large, "the same at both sizes");
}

/// Counting would see a statement that reads more than it answers, and a scan.
#[test]
fn a_statement_that_reads_too_much_is_caught() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("microblog.db");
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch(super::tables::TABLES).unwrap();
    connection
        .execute_batch(
            "INSERT INTO person VALUES (1, 'ada'), (2, 'bob');
             INSERT INTO follow VALUES (2, 1);
             WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 500)
             INSERT INTO post SELECT id, 2, 'x', 0, NULL FROM n;
             INSERT INTO timeline SELECT 1, id FROM post;",
        )
        .unwrap();
    let counted = Counted::open(&file);
    let bounds = (1, i64::MAX, LIMIT);
    assert_eq!(counted.page(TIMELINE, bounds).1.rows, [20, 20, 20]);
    let skipping = TIMELINE.replace("ORDER BY", "AND post.id % 5 = 0 ORDER BY");
    let [timeline, ..] = counted.page(&skipping, bounds).1.rows;
    assert!(timeline > 90, "{timeline} rows");
    let scanning = TIMELINE.replace("WHERE reader = ?1", "WHERE +reader = ?1");
    let plan = plan(&counted.connection, &scanning, bounds);
    assert!(plan.iter().any(|line| line.starts_with("SCAN")), "{plan:?}");
}

/// Nor does anything else that the board does read a whole table.
#[test]
fn no_statement_scans_a_table() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(super::tables::TABLES).unwrap();
    let statements = super::read::ALL.iter().chain(&super::change::ALL);
    for sql in statements {
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let mut plan = statement.raw_query();
        while let Some(line) = plan.next().unwrap() {
            let line: String = line.get(3).unwrap();
            assert!(!line.contains("SCAN"), "{sql}: {line}");
        }
    }
}

/// Past the test harness's capture: the figures are what the reader of a run wants to see.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "a measurement for the reader; nothing is decided by it"
)]
fn now() -> Instant {
    Instant::now()
}

fn millis(since: Instant) -> String {
    format!("{:.1}", since.elapsed().as_secs_f64() * 1_000.0)
}
