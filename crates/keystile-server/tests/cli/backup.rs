//! A backup and a restore with the real binary, while people sign up, refresh and sign out.

mod load;
mod page;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::keystile::{Folder, PASSWORD, Said, Serving, finish};
use load::{Crowd, Known};

const PATIENCE: Duration = Duration::from_secs(60);

/// A folder whose servers let people sign in as often as the tests do, and have one issuer whatever port they are given: a
/// token that is refused is refused for what the restore did.
fn folder() -> Folder {
    let folder = Folder::new();
    let issuer = "issuer = \"https://login.example.com\"";
    folder.write(
        "keystile.toml",
        &format!("{issuer}\n[limits]\nguessing = false\n"),
    );
    folder
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
    entries
        .map(|entry| name(entry).into_string().expect("UTF-8"))
        .collect()
}

fn count(file: &Path, sql: &str, value: &str) -> i64 {
    let connection = Connection::open(file).expect("a database");
    connection
        .query_row(sql, [value], |row| row.get(0))
        .expect("a count")
}

/// A pair of tokens: access, refresh, and the session's id.
#[derive(Clone, Debug)]
struct Pair {
    access: String,
    refresh: String,
    session: String,
}

impl Pair {
    fn from(answer: &serde_json::Value) -> Self {
        let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
        Self {
            access: text("access_token"),
            refresh: text("refresh_token"),
            session: text("session_id"),
        }
    }

    fn sign_in(server: &Serving, name: &str) -> Self {
        let (status, answer) = server.sign_in(name);
        assert_eq!(status, 200, "{name}: {answer}");
        Self::from(&answer)
    }
}

/// What a refresh is answered: the status and the code.
fn refresh(server: &Serving, token: &str) -> (u16, String) {
    let body = serde_json::json!({ "refresh_token": token }).to_string();
    let (status, body) = server.ask("POST", "/v1/refresh", load::JSON, &body);
    let answer: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    (
        status,
        answer["code"].as_str().unwrap_or_default().to_owned(),
    )
}

/// Nothing that was acknowledged before is missing, nothing is half, no token from before is good and none proves a theft.
fn check(server: &Serving, database: &Path, before: &Known, after: &Known) {
    let accounts = "SELECT count(*) FROM account WHERE username = ?1";
    for name in &after.signed_up {
        let there = count(database, accounts, name) == 1;
        assert!(there || !before.signed_up.contains(name), "{name} is lost");
        assert_eq!(
            server.sign_in(name).0,
            if there { 200 } else { 401 },
            "{name}"
        );
    }
    let ended = "SELECT count(*) FROM session WHERE id = ?1 AND end_reason = 'signed_out'";
    for pair in &before.left {
        assert_eq!(
            count(database, ended, &pair.session),
            1,
            "a sign-out is lost"
        );
    }
    let spent = "SELECT count(*) FROM spent WHERE session_id = ?1";
    for (earlier, later) in before.chains.iter().zip(&after.chains) {
        let session = &earlier.last().expect("a pair").session;
        let rotations = usize::try_from(count(database, spent, session)).expect("a count");
        assert!(rotations + 1 >= earlier.len(), "a rotation is lost");
        assert!(rotations < later.len() + 1, "a rotation that nobody made");
        for pair in later
            .iter()
            .rev()
            .take(3)
            .chain(earlier.iter().rev().take(3))
        {
            let (status, code) = refresh(server, &pair.refresh);
            assert_eq!(status, 401, "{code}");
            assert_ne!(code, "refresh_token_reused", "nobody is made a thief");
            assert_eq!(server.me(&pair.access), 401);
        }
    }
    let thefts = "SELECT count(*) FROM audit WHERE kind = ?1";
    assert_eq!(count(database, thefts, "session.reuse_detected"), 0);
}

#[test]
fn what_was_acknowledged_before_the_backup_is_there_after_a_restore() {
    let folder = folder();
    let server = folder.serve("--data data");
    let crowd = Crowd::gather(&server);
    crowd.wait_for(8);
    let before = crowd.known();
    let line = "backup copy.db --data data --json";
    let made = folder.run(line).worked().json();
    let during = crowd.known();
    crowd.wait_for(during.acts() + 8);
    let after = crowd.end();
    assert!(after.acts() > during.acts(), "the server goes on");
    let file = folder.0.path().join("copy.db");
    assert_eq!(
        made["bytes"],
        std::fs::metadata(&file).expect("a file").len()
    );
    folder
        .run(line)
        .failed("is there already, and a backup overwrites nothing");
    folder
        .run("backup data/keystile.db --data data")
        .failed("data/keystile.db is the database itself");
    folder
        .run("restore copy.db --data data")
        .failed("a server, a restore or a move is at work on this database");

    // Into another folder, beside the server that goes on.
    let said = folder.run("restore copy.db --data other").worked();
    assert!(said.out.contains("Everybody is signed out"), "{}", said.out);
    let other = folder.serve("--data other");
    check(
        &other,
        &folder.0.path().join("other/keystile.db"),
        &before,
        &after,
    );
    assert_eq!(other.end().0, 0);

    // Into the same, after a stop.
    assert_eq!(server.end().0, 0);
    let restored = folder
        .run("restore copy.db --data data --json")
        .worked()
        .json();
    assert_eq!(restored["keys_withdrawn"], 1);
    assert!(restored["undone"]["created"].as_u64().expect("a count") > 0);
    let kept = folder
        .0
        .path()
        .join(restored["replaced"].as_str().expect("a path"));
    let server = folder.serve("--data data");
    check(
        &server,
        &folder.0.path().join("data/keystile.db"),
        &before,
        &after,
    );
    drop(server);

    // The former database is whole: with it everything is as it was.
    let line = format!("restore {} --data data --keep-sessions", kept.display());
    folder.run(&line).worked();
    let server = folder.serve("--data data");
    for name in &after.signed_up {
        assert_eq!(server.sign_in(name).0, 200, "{name}");
    }
    let latest = after.chains[0].last().expect("a pair");
    assert_eq!(server.me(&latest.access), 200);
    assert_eq!(refresh(&server, &latest.refresh).0, 200);
}

#[test]
fn a_move_signs_nobody_out_and_kept_keys_keep_their_tokens() {
    let folder = folder();
    let make = "account create --username ada --password-stdin --data data";
    folder.run_with(make, PASSWORD).worked();
    let server = folder.serve("--data data");
    let pair = Pair::sign_in(&server, "ada");
    assert_eq!(server.end().0, 0);
    folder.run("backup copy.db --data data").worked();

    let moved = folder
        .run("restore copy.db --data moved --keep-sessions")
        .worked();
    assert!(moved.out.contains("Nobody is signed out"), "{}", moved.out);
    let keys = |data: &str| {
        folder
            .run(&format!("key list --json --data {data}"))
            .worked()
            .json()
    };
    assert_eq!(keys("moved"), keys("data"));
    let server = folder.serve("--data moved");
    assert_eq!(refresh(&server, &pair.refresh).0, 200);
    drop(server);

    let kept = folder
        .run("restore copy.db --data pinned --keep-keys")
        .worked();
    assert!(kept.out.contains("signing keys are kept"), "{}", kept.out);
    assert_eq!(keys("pinned"), keys("data"));
    let server = folder.serve("--data pinned");
    assert_eq!(refresh(&server, &pair.refresh).0, 401);
    assert_eq!(server.me(&pair.access), 200, "until it expires, as said");
    let again = Pair::sign_in(&server, "ada");
    assert_eq!(server.me(&again.access), 200);
    drop(server);

    let both = folder.run("restore copy.db --data both --keep-keys --keep-sessions");
    assert_eq!(both.code, 2, "one or the other");
    assert!(!folder.0.path().join("both").exists());
}

#[test]
fn what_is_undone_is_told_with_its_cure() {
    let folder = folder();
    for name in ["ada", "eve"] {
        let make = format!("account create --username {name} --password-stdin");
        folder.run_with(&make, PASSWORD).worked();
    }
    let none = "note  backup: `keystile backup` has made none yet";
    let said = folder.run("doctor").out;
    assert!(said.contains(none), "{said}");
    folder.run("backup copy.db").worked();
    let id = folder.run("account disable eve --json").worked().json()["id"].clone();
    let id = id.as_str().expect("an id");
    let said = folder.run("restore copy.db").worked();
    let told = format!("`keystile account disable` each: {id}");
    assert!(said.out.contains(&told), "{}", said.out);
    assert!(folder.run("account show eve --json").worked().json()["disabled_at"].is_null());
    assert!(
        folder
            .run("doctor")
            .out
            .contains("ok    backup: the last one was made at 20")
    );
}

#[test]
fn a_file_that_is_no_backup_changes_nothing() {
    let folder = folder();
    folder.write("text", "no database");
    let said = folder.run("restore text --data data");
    said.failed("text is not a whole Keystile database");
    folder
        .run("restore none --data data")
        .failed("there is no file none");
    folder
        .run("backup copy.db --data data")
        .failed("there is no database at data/keystile.db");
    assert!(!folder.0.path().join("data").exists());
}

/// Fills the audit until the database has some tens of mebibytes.
fn fatten(database: &Path) {
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
        INSERT INTO audit (at, kind, detail) SELECT 0, 'filling', hex(randomblob(300)) FROM n";
    let connection = Connection::open(database).expect("a database");
    connection.execute_batch(many).expect("rows");
}

/// Starts a backup, sends it SIGTERM once its unfinished file is there, and tells how it ended.
fn interrupted(folder: &Folder, backups: &Path) -> Said {
    let mut command = folder.command("backup backups/copy.db --data data");
    let mut child = command.spawn().expect("the binary");
    let since = Instant::now();
    let mut ended = false;
    while names(backups).is_empty() && !ended {
        assert!(since.elapsed() < PATIENCE, "it does not begin");
        std::thread::sleep(Duration::from_millis(1));
        ended = child.try_wait().expect("a state").is_some();
    }
    // The number of one that has been waited for may be another's by now.
    if !ended {
        let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("an id"));
        rustix::process::kill_process(pid.expect("an id"), rustix::process::Signal::TERM)
            .expect("a signal");
    }
    let output = child.wait_with_output().expect("its end");
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

#[test]
fn a_signal_leaves_nothing_half_named() {
    let folder = folder();
    folder.run("migrate --data data").worked();
    fatten(&folder.0.path().join("data/keystile.db"));
    let backups = folder.0.path().join("backups");
    std::fs::create_dir(&backups).expect("a folder");
    // On a fast machine the backup may be done before the signal comes: then it is whole, and tried again.
    for _ in 0..20 {
        let said = interrupted(&folder, &backups);
        if said.code == 0 {
            assert_eq!(names(&backups), BTreeSet::from(["copy.db".to_owned()]));
            std::fs::remove_file(backups.join("copy.db")).expect("a file");
            continue;
        }
        said.failed("nothing is left behind");
        assert_eq!(names(&backups), BTreeSet::new());
        return;
    }
    panic!("no signal came before the end");
}

#[test]
fn a_full_disk_leaves_nothing_half_named() {
    let folder = folder();
    folder.run("migrate --data data").worked();
    fatten(&folder.0.path().join("data/keystile.db"));
    let backups = folder.0.path().join("backups");
    std::fs::create_dir(&backups).expect("a folder");
    // No file may grow beyond 8 MiB: what a full disk does at that point.
    let script = "trap '' XFSZ; ulimit -f 16384; exec \"$0\" \"$@\"";
    for line in [
        "backup backups/copy.db --data data",
        "restore data/keystile.db --data backups",
    ] {
        let mut shell = std::process::Command::new("sh");
        let program = env!("CARGO_BIN_EXE_keystile");
        shell.args(["-c", script, program]).args(line.split(' '));
        shell.current_dir(folder.0.path()).env_clear();
        shell.stdin(std::process::Stdio::piped());
        shell.stdout(std::process::Stdio::piped());
        shell.stderr(std::process::Stdio::piped());
        finish(shell, "").failed("the database reports: disk I/O error");
        assert_eq!(names(&backups), BTreeSet::new(), "{line}");
    }
}
