//! `keystile restore --in-place`, beside a server that runs: on both engines.

use std::time::{Duration, Instant};

use keystile_tests_postgres::Server;
use serde_json::json;

use crate::keystile::{Folder, PASSWORD, Serving};

const JSON: &str = "content-type: application/json\r\n";
const FELT: Duration = Duration::from_secs(5);

fn refresh(server: &Serving, token: &str) -> u16 {
    let body = json!({ "refresh_token": token }).to_string();
    server.ask("POST", "/v1/refresh", JSON, &body).0
}

/// Signs somebody in, begins anew, and looks what is left of it.
fn begins_anew(folder: &Folder) {
    let server = folder.serve("");
    let account = json!({ "username": "ada", "password": PASSWORD }).to_string();
    assert_eq!(server.ask("POST", "/v1/signup", JSON, &account).0, 201);
    let (_, signed_in) = server.sign_in("ada");
    let text = |name: &str| signed_in[name].as_str().expect("a text").to_owned();
    let (access, token) = (text("access_token"), text("refresh_token"));
    assert_eq!(server.me(&access), 200);

    folder
        .run("restore --in-place")
        .failed("every signing key is withdrawn. There is no terminal to ask on; say --yes");
    assert_eq!(server.me(&access), 200, "nothing was done unasked");
    let said = folder.run("restore --in-place --yes").worked().out;
    for part in [
        "is taken as it is; accounts: 1.",
        "Everybody is signed out (sessions: 1)",
        "signing keys withdrawn: 1. A new one signs.",
        "Do it again where you know of it.",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let since = Instant::now();
    while server.me(&access) != 401 {
        assert!(since.elapsed() < FELT, "the old token is still good");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(refresh(&server, &token), 401);
    let since = Instant::now();
    loop {
        let (status, again) = server.sign_in("ada");
        let bearer = again["access_token"].as_str().unwrap_or_default();
        if status == 200 && server.me(bearer) == 200 {
            break;
        }
        assert!(since.elapsed() < FELT, "nobody can sign in: {status}");
        std::thread::sleep(Duration::from_millis(10));
    }
    let done = folder.run("restore --in-place --keep-sessions --yes --json");
    let done = done.worked().json();
    assert_eq!(done["sessions_ended"], 0);
    assert_eq!(done["file"], serde_json::Value::Null);
    let both = folder.run("restore backup.db --in-place");
    assert_eq!(both.code, 2, "{}", both.err);
    assert_eq!(folder.run("restore").code, 2, "a backup, or in place");
    assert_eq!(server.end().0, 0);
}

#[test]
fn on_sqlite_it_is_felt_by_the_server_that_runs() {
    let folder = Folder::new();
    folder.write(
        "keystile.toml",
        "issuer = \"https://login.example.com\"\n[limits]\nguessing = false\n",
    );
    let nothing = folder.run("restore --in-place --yes");
    nothing.failed("there is no database");
    begins_anew(&folder);
}

#[test]
fn on_postgresql_it_is_felt_by_the_server_that_runs() {
    let Some(server) = Server::shared() else {
        return;
    };
    let database = server.database();
    let folder = Folder::new();
    let url = database.url();
    folder.write(
        "keystile.toml",
        &format!(
            "database = \"{url}\"\nissuer = \"https://login.example.com\"\n[limits]\nguessing = false\n"
        ),
    );
    begins_anew(&folder);
}
