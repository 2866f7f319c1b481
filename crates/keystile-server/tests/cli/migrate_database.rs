//! `keystile migrate-database` with the real binary: what goes on after it, what is refused, and that it may be killed.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Child;
use std::time::{Duration, Instant};

use keystile_tests_postgres::{Database, Server};
use serde_json::{Value, json};

use crate::keystile::{Folder, PASSWORD, Said, Serving, finish};

const JSON: &str = "content-type: application/json\r\n";
const PATIENCE: Duration = Duration::from_secs(60);
const MOVE: &str = "migrate-database --from sqlite://keystile-data/keystile.db";

/// A folder with a SQLite database in which Ada has a session, and a new PostgreSQL database.
struct Place {
    folder: Folder,
    target: Database,
    access: String,
    refresh: String,
}

impl Place {
    /// None where PostgreSQL is not installed.
    fn new() -> Option<Self> {
        let target = Server::shared()?.database();
        let folder = Folder::new();
        folder.write("keystile.toml", "issuer = \"https://login.example.com\"\n");
        let server = folder.serve("");
        let account = json!({ "username": "ada", "password": PASSWORD }).to_string();
        assert_eq!(server.ask("POST", "/v1/signup", JSON, &account).0, 201);
        let (_, signed_in) = server.sign_in("ada");
        let text = |name: &str| signed_in[name].as_str().expect("a text").to_owned();
        let (access, refresh) = (text("access_token"), text("refresh_token"));
        assert_eq!(server.end().0, 0);
        Some(Self {
            folder,
            target,
            access,
            refresh,
        })
    }

    /// The move, to where the environment says.
    fn command(&self, more: &str) -> std::process::Command {
        let mut command = self.folder.command(&format!("{MOVE} {more}"));
        command.env("DATABASE_URL", self.target.url());
        command
    }

    fn moved(&self) -> Said {
        finish(self.command(""), "")
    }

    /// A move that has come as far as a table that another has locked.
    fn moving_and_held(&self) -> (std::process::Child, Held) {
        self.folder
            .run(&format!("migrate --database {}", self.target.url()))
            .worked();
        let held = Held::hold(self, "LOCK TABLE session IN SHARE MODE");
        let mut moving = self.command("").spawn().expect("the binary");
        let since = Instant::now();
        let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
        while self.target.sql(waits) == "0" {
            assert!(since.elapsed() < PATIENCE && moving.try_wait().expect("a state").is_none());
            std::thread::sleep(Duration::from_millis(20));
        }
        (moving, held)
    }

    fn serve_there(&self) -> Serving {
        self.folder
            .serve(&format!("--database {}", self.target.url()))
    }

    fn goes_on_there(&self) {
        let server = self.serve_there();
        assert_eq!(server.me(&self.access), 200, "the token from before");
        let (status, next) = refresh(&server, &self.refresh);
        assert_eq!(status, 200, "{next}");
        let (status, again) = refresh(&server, &self.refresh);
        assert_eq!(
            (status, &again["refresh_token"]),
            (200, &next["refresh_token"])
        );
        assert_eq!(server.sign_in("ada").0, 200);
    }

    /// How many of its own tables the target has.
    fn tables(&self) -> String {
        let sql = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
        self.target.sql(sql)
    }
}

fn refresh(server: &Serving, token: &str) -> (u16, Value) {
    let body = json!({ "refresh_token": token }).to_string();
    let (status, body) = server.ask("POST", "/v1/refresh", JSON, &body);
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

#[test]
fn everything_goes_on_and_the_words_say_what_to_do() {
    let Some(place) = Place::new() else { return };
    let said = place.moved().worked();
    for part in [
        "Moved, read back and compared; ",
        "account 1, ",
        "configure postgres ",
        "keystile.db.moved keeps it from being opened",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    // No terminal: lines in place of a bar.
    let lines: Vec<_> = said.err.lines().collect();
    assert!(lines.len() > 4 && lines.len() < 30, "{}", said.err);
    assert!(
        lines[0].starts_with("moving ") && said.err.contains("comparing audit: "),
        "{}",
        said.err
    );
    place.goes_on_there();

    let refused = "this database was moved to postgres ";
    place.folder.run("account list").failed(refused);
    place
        .folder
        .run("serve --listen 127.0.0.1:0")
        .failed(refused);
    place.folder.run("migrate").failed(refused);
    let doctor = place.folder.run("doctor");
    assert!(
        doctor.code == 1
            && doctor.out.contains(refused)
            && doctor
                .out
                .contains("Name the database that it was moved to"),
        "{}",
        doctor.out
    );
    place.moved().failed(refused);
    let mark = place
        .folder
        .0
        .path()
        .join("keystile-data/keystile.db.moved");
    std::fs::remove_file(&mark).expect("the mark");
    let again = place.moved().worked();
    assert!(
        again.out.contains("Everything was there already"),
        "{}",
        again.out
    );
    std::fs::remove_file(mark).expect("the mark");
    let eve = "account create --username eve --password-stdin";
    place.folder.run_with(eve, PASSWORD).worked();
    let said = place.moved();
    let last = said.err.lines().last().expect("why not");
    assert!(
        said.code == 1 && last.contains("a move overwrites nothing"),
        "{}",
        said.err
    );
}

#[test]
fn a_server_at_either_end_is_refused_and_is_not_disturbed() {
    let Some(place) = Place::new() else { return };
    let server = place.folder.serve("");
    place
        .moved()
        .failed("a server, a restore or a move is at work on this database");
    assert_eq!(server.me(&place.access), 200);
    assert_eq!(server.end().0, 0);
    let node = place.serve_there();
    place
        .moved()
        .failed("a server or a command uses the target");
    assert_eq!(
        node.me(&place.access),
        401,
        "it has its own key, and answers"
    );
    assert_eq!(node.end().0, 0);
    place.moved().worked();
    place.goes_on_there();
}

#[test]
fn json_and_the_command_line_by_itself() {
    let Some(place) = Place::new() else { return };
    let nowhere = place.folder.run(MOVE);
    nowhere.failed("no PostgreSQL database is configured to move to");
    let wrong = format!("{MOVE} --to postgres://ada:s3cret@127.0.0.1:1/x");
    let said = place.folder.run(&wrong);
    let said = said.failed("the target postgres 127.0.0.1:1/x cannot be opened: ");
    assert!(!said.err.contains("s3cret"), "{}", said.err);
    assert!(said.err.contains("`keystile doctor"), "{}", said.err);
    let unknown = "migrate-database --from mysql://ada:s3cret@h/x --to postgres://h/x";
    let said = place.folder.run(unknown).failed("--from");
    assert!(!said.err.contains("s3cret"), "{}", said.err);
    let turned = format!(
        "migrate-database --to sqlite://x.db --from {}",
        place.target.url()
    );
    place
        .folder
        .run(&turned)
        .failed("is moved from SQLite in a file to PostgreSQL");
    let said = finish(place.command("--json"), "").worked().json();
    assert_eq!(
        (&said["tables"]["account"], &said["tables"]["session"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(said["sha256"].as_str().expect("a digest").len(), 64);
    assert_eq!(said["already"], json!(false));
}

/// Kills the move once the database holds it where it shall be killed.
fn killed_while_waiting(place: &Place, mut moving: Child) {
    let since = Instant::now();
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    while place.target.sql(waits) == "0" {
        let ended = moving.try_wait().expect("a state");
        assert!(ended.is_none(), "it was not held back: {ended:?}");
        assert!(since.elapsed() < PATIENCE, "it does not come that far");
        std::thread::sleep(Duration::from_millis(20));
    }
    moving.kill().expect("SIGKILL");
    moving.wait().expect("its end");
}

/// Holds a lock in the target while it lives.
struct Held(Child);

impl Held {
    fn hold(place: &Place, statement: &str) -> Self {
        let mut psql = std::process::Command::new("psql");
        let url = place.target.url();
        let script = format!("BEGIN; {statement}; SELECT pg_sleep(600);");
        psql.args(["--no-psqlrc", "--quiet", "--command", &script, &url]);
        psql.stdout(std::process::Stdio::null());
        let held = Self(psql.spawn().expect("psql runs"));
        let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
        let since = Instant::now();
        while place.target.sql(sleeps) == "0" {
            assert!(since.elapsed() < PATIENCE, "psql does not hold it");
            std::thread::sleep(Duration::from_millis(20));
        }
        held
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn release(place: &Place, held: Held) {
    drop(held);
    place.target.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()",
    );
}

#[test]
fn killed_anywhere_it_leaves_both_as_they_were_and_the_next_works() {
    let Some(place) = Place::new() else { return };
    // Into a database without tables: at the very beginning, when it has everything but its tables.
    let held = Held::hold(
        &place,
        "SELECT pg_advisory_xact_lock(x'6b65797374696c65'::bigint)",
    );
    killed_while_waiting(&place, place.command("").spawn().expect("the binary"));
    assert_eq!(place.tables(), "0");
    release(&place, held);
    // And into one with tables: as it takes the first of them, in the middle, at the last.
    place
        .folder
        .run(&format!("migrate --database {}", place.target.url()))
        .worked();
    let rows = "SELECT (SELECT count(*) FROM account) || ' ' || (SELECT count(*) FROM session) || ' '
        || (SELECT count(*) FROM shared_secret) || ' ' || (SELECT string_agg(kid, ',') FROM signing_key)
        || ' ' || (SELECT string_agg(name || value, ',' ORDER BY name) FROM meta)";
    let before = place.target.sql(rows);
    for table in ["meta", "session", "audit"] {
        let held = Held::hold(&place, &format!("LOCK TABLE {table} IN SHARE MODE"));
        killed_while_waiting(&place, place.command("").spawn().expect("the binary"));
        release(&place, held);
        assert_eq!(place.target.sql(rows), before, "killed at {table}");
        let server = place.folder.serve("");
        assert_eq!(server.me(&place.access), 200, "the source serves");
        assert_eq!(server.end().0, 0);
    }
    place.moved().worked();
    place.goes_on_there();
}

#[test]
fn a_connection_that_is_cut_in_the_middle_is_told_with_what_became_of_both() {
    let Some(place) = Place::new() else { return };
    let (moving, held) = place.moving_and_held();
    // Meanwhile neither is opened by others, and who looks is told why.
    let url = place.target.url();
    for line in [
        &format!("account list --database {url}"),
        &format!("doctor --database {url}"),
    ] {
        let said = place.folder.run(line);
        let all = format!("{}{}", said.out, said.err);
        assert!(
            said.code == 1 && all.contains("`keystile migrate-database` is at work"),
            "{all}"
        );
    }
    let server = place.folder.run("serve --listen 127.0.0.1:0");
    server.failed("a server, a restore or a move");
    place
        .target
        .sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted");
    let said = moving.wait_with_output().expect("its end");
    let err = String::from_utf8(said.stderr).expect("UTF-8");
    let last = err.lines().last().expect("a line");
    assert!(
        last.contains("Both databases are as they were; run the same command again"),
        "{err}"
    );
    release(&place, held);
    place.moved().worked();
    place.goes_on_there();
}

#[test]
fn a_signal_ends_it_at_once_though_the_database_does_not_answer() {
    let Some(place) = Place::new() else { return };
    let (moving, held) = place.moving_and_held();
    let pid = rustix::process::Pid::from_raw(i32::try_from(moving.id()).expect("an id"));
    rustix::process::kill_process(pid.expect("an id"), rustix::process::Signal::INT)
        .expect("a signal");
    let said = moving.wait_with_output().expect("its end");
    let said = Said {
        code: said.status.code().unwrap_or(-1),
        out: String::from_utf8(said.stdout).expect("UTF-8"),
        err: String::from_utf8(said.stderr).expect("UTF-8"),
    };
    let last = said.err.lines().last().expect("a line");
    assert!(
        said.code == 1 && last.contains("both databases are as they were"),
        "{}",
        said.err
    );
    release(&place, held);
    place.moved().worked();
    place.goes_on_there();
}

/// The lines of the shell blocks of the page.
fn lines_of_the_page() -> Vec<&'static str> {
    let page = include_str!("../../../../docs/from-sqlite.md");
    let blocks = page.split("```sh\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split("```").next());
    blocks.flat_map(str::lines).collect()
}

#[test]
fn every_command_of_the_page_works() {
    let Some(place) = Place::new() else { return };
    place.folder.write("database-url", &place.target.url());
    let file = place.folder.0.path().join("database-url");
    std::fs::set_permissions(file, Permissions::from_mode(0o600)).expect("a mode");
    let mut file = None;
    let lines = lines_of_the_page();
    for line in &lines {
        let command = |line: &str| {
            let mut command = place.folder.command(line);
            command.envs(file.map(|file| ("KEYSTILE_DATABASE_FILE", file)));
            command
        };
        match line.split_once(' ').expect("a command and more") {
            ("export", set) => file = Some(set.split_once('=').expect("a value").1),
            ("unset", _) => file = None,
            ("keystile", "serve") => {
                let server = Serving::start(command("serve --listen 127.0.0.1:0"));
                assert_eq!(server.me(&place.access), 200);
                assert_eq!(server.end().0, 0);
            }
            ("keystile", line) => {
                finish(command(line), "").worked();
            }
            ("rm", mark) => {
                place.folder.run("account list").failed("was moved to");
                std::fs::remove_file(place.folder.0.path().join(mark)).expect("the mark");
            }
            other => panic!("{other:?}: how is this tried?"),
        }
    }
    assert_eq!(lines.len(), 7, "{lines:?}");
}
