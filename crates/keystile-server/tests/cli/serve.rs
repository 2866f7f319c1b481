use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::keystile::{Folder, PASSWORD, Serving, ask, finish};

#[test]
fn nothing_configured_runs_and_what_it_prints_can_be_pasted() {
    let folder = Folder::new();
    let server = Serving::start(folder.command("serve --listen 127.0.0.1:0"));
    let data = folder.0.path().join("keystile-data");
    assert_eq!(
        std::fs::metadata(&data).unwrap().permissions().mode() & 0o777,
        0o700
    );
    for entry in std::fs::read_dir(&data).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
    }
    assert!(
        server
            .welcome
            .contains("data     ./keystile-data (made now)"),
        "{}",
        server.welcome
    );
    assert!(
        server
            .welcome
            .contains(&format!("issuer   http://{}", server.address))
    );

    let script = server
        .welcome
        .split_once("Type next, in another terminal:")
        .unwrap()
        .1;
    let script = script.split_once("The API is described").unwrap().0;
    let pasted = Command::new("sh")
        .args(["-ec", script])
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&pasted.stdout).into_owned();
    assert!(pasted.status.success(), "{said}");
    assert_eq!(
        said.matches("\"username\":\"ada\"").count(),
        2,
        "the account, then /v1/me: {said}"
    );
    let (code, _, _) = server.end();
    assert_eq!(code, 0);
}

/// Whoever says it twice does not want to wait.
#[test]
fn told_to_end_once_more_it_does_not_drain() {
    use rustix::process::{Pid, Signal, kill_process};

    for again in [Signal::TERM, Signal::INT] {
        let folder = Folder::new();
        folder.write("keystile.toml", "drain = \"5m\"\n");
        let server = folder.serve("");
        let pid = Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let since = Instant::now();
        while server.ask("GET", "/readyz", "", "").0 != 503 {
            assert!(since.elapsed() < Duration::from_secs(30), "never draining");
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(server.ask("GET", "/healthz", "", "").0, 200, "it serves on");
        if again == Signal::INT {
            kill_process(pid, again).unwrap();
        }
        // Of SIGTERM, `end` sends the second one.
        let (code, took, _) = server.end();
        assert_eq!(code, 0);
        assert!(took < Duration::from_secs(20), "{again:?}: {took:?}");
    }
}

#[test]
fn it_ends_well_when_told_to() {
    let folder = Folder::new();
    let server = folder.serve("");
    let address = server.address;
    let waiting = std::thread::spawn(move || {
        // Within the half second in which the server says that it is about to end.
        for _ in 0..400 {
            let (status, body) = ask(address, "GET", "/readyz", "", "");
            if status == 503 {
                return body;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("never draining");
    });
    let (code, took, _) = server.end();
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(waiting.join().unwrap().contains("\"draining\""));
}

#[test]
fn a_busy_port_a_closed_folder_and_a_second_server_are_told_with_their_cure() {
    let folder = Folder::new();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let line = format!("serve --listen {}", busy.local_addr().unwrap());
    folder.run(&line).failed("is in use").failed("--listen");

    folder.write("file", "");
    folder
        .run("serve --listen 127.0.0.1:0 --data file/inside")
        .failed("cannot be used")
        .failed("--data");

    let first = folder.serve("");
    folder
        .run("serve --listen 127.0.0.1:0")
        .failed("another server")
        .failed("--data");
    let keys = folder.run("key list").worked().out;
    folder.write("eddsa.toml", "[tokens]\nalgorithm = \"EdDSA\"\n");
    folder
        .run("serve --listen 127.0.0.1:0 --config eddsa.toml")
        .failed("another server");
    // It was refused before it could change the key that the first signs with.
    assert_eq!(folder.run("key list").worked().out, keys);
    assert_eq!(first.ask("GET", "/healthz", "", "").0, 200);
}

#[test]
fn beyond_loopback_it_refuses() {
    let folder = Folder::new();
    let said = folder
        .run("serve --listen 0.0.0.0:0")
        .failed("tls.cert")
        .failed("issuer");
    assert!(
        !folder.0.path().join("keystile-data").exists(),
        "{}",
        said.err
    );
    assert_eq!(folder.run("serve --nonsense").code, 2);
}

#[test]
fn it_speaks_tls_itself() {
    let folder = Folder::new();
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .current_dir(folder.0.path())
        .output();
    let Ok(made) = made else {
        panic!("this test makes a certificate with openssl, which is not installed")
    };
    assert!(made.status.success());
    folder.write(
        "keystile.toml",
        "[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n",
    );
    let server = folder.serve("");
    let asked = Command::new("curl")
        .args(["-sk", &format!("https://{}/healthz", server.address)])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&asked.stdout),
        "{\"status\":\"ok\"}"
    );
    folder.write("key.pem", "nonsense");
    folder
        .run("serve --listen 127.0.0.1:0 --data other")
        .failed("cannot use the certificate");
}

#[test]
fn no_secret_is_in_the_log_and_no_line_can_be_forged() {
    let folder = Folder::new();
    for format in ["human", "json"] {
        let mut command = folder.command("serve --listen 127.0.0.1:0");
        command
            .env("KEYSTILE_LOG__LEVEL", "trace")
            .env("KEYSTILE_LOG__FORMAT", format);
        let server = Serving::start(command);
        let name = format!("ada-{format}");
        let body = json!({ "username": name, "password": PASSWORD }).to_string();
        let kind = "content-type: application/json\r\n";
        assert_eq!(server.ask("POST", "/v1/signup", kind, &body).0, 201);
        let (_, tokens) = server.sign_in(&name);
        let text = |member: &str| tokens[member].as_str().unwrap().to_owned();
        let (access, refresh) = (text("access_token"), text("refresh_token"));
        assert_eq!(server.me(&access), 200);
        let wrong = "a wrong password of some length";
        server.ask(
            "POST",
            "/v1/login",
            kind,
            &json!({ "username": name, "password": wrong }).to_string(),
        );
        server.ask(
            "GET",
            "/v1/me?secret-in-query=hunter2",
            "authorization: Basic aHVudGVyMzpodW50ZXIz\r\n",
            "",
        );
        server.ask(
            "GET",
            "/forged%0aline",
            "x-request-id: forged\u{7f}id\r\n",
            "",
        );
        server.ask(
            "POST",
            "/v1/refresh",
            kind,
            &json!({ "refresh_token": refresh }).to_string(),
        );
        let (code, _, log) = server.end();
        assert_eq!(code, 0);
        assert!(log.contains("signed in"), "{log}");
        for secret in [
            PASSWORD,
            wrong,
            &access,
            &refresh,
            &refresh[4..],
            "hunter2",
            "aHVudGVyMzpodW50ZXIz",
        ] {
            assert!(!log.contains(secret), "{format}: the log holds a secret");
        }
        assert!(log.chars().all(|c| c == '\n' || !c.is_control()));
        if format == "json" {
            assert!(
                log.lines()
                    .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
                "{log}"
            );
        }
    }
}

#[test]
fn what_a_command_did_is_felt_within_a_second() {
    let folder = Folder::new();
    let server = folder.serve("");
    let make = "account create --username ada --password-stdin";
    folder.run_with(make, &format!("{PASSWORD}\n")).worked();
    for act in ["disable", "set-roles", "delete --yes"] {
        folder.run("account enable ada").worked();
        let (status, tokens) = server.sign_in("ada");
        assert_eq!(status, 200);
        let access = tokens["access_token"].as_str().unwrap();
        assert_eq!(server.me(access), 200);
        let roles = if act == "set-roles" { " baker" } else { "" };
        folder.run(&format!("account {act} ada{roles}")).worked();
        let felt = (0..50).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            server.me(access) == 401
        });
        assert!(felt, "{act} is not felt within a second");
    }
}

#[test]
fn a_restart_keeps_sessions_and_keys() {
    let folder = Folder::new();
    let issuer = "--config keystile.toml";
    folder.write("keystile.toml", "issuer = \"https://login.example.com\"\n");
    let first = folder.serve(issuer);
    folder
        .run_with("account create --username ada --password-stdin", PASSWORD)
        .worked();
    let (_, tokens) = first.sign_in("ada");
    drop(first);
    let second = folder.serve(issuer);
    assert_eq!(second.me(tokens["access_token"].as_str().unwrap()), 200);
    let body = json!({ "refresh_token": tokens["refresh_token"] }).to_string();
    assert_eq!(
        second
            .ask(
                "POST",
                "/v1/refresh",
                "content-type: application/json\r\n",
                &body
            )
            .0,
        200
    );
    assert!(second.id() > 0);
}

#[test]
fn only_named_proxies_speak_for_others() {
    let folder = Folder::new();
    folder.write("keystile.toml", "trusted_proxies = [\"127.0.0.0/8\"]\n");
    let named = folder.serve("");
    folder
        .run_with("account create --username ada --password-stdin", PASSWORD)
        .worked();
    let login = |server: &Serving| {
        let body = json!({ "username": "ada", "password": PASSWORD }).to_string();
        let headers = "content-type: application/json\r\nx-forwarded-for: 203.0.113.7\r\n";
        let (status, body) = server.ask("POST", "/v1/login", headers, &body);
        assert_eq!(status, 200, "{body}");
        let tokens: serde_json::Value = serde_json::from_str(&body).unwrap();
        let bearer = format!(
            "authorization: Bearer {}\r\n",
            tokens["access_token"].as_str().unwrap()
        );
        server.ask("GET", "/v1/me/sessions", &bearer, "").1
    };
    assert!(login(&named).contains("203.0.113.7"));
    drop(named);
    std::fs::remove_file(folder.0.path().join("keystile.toml")).unwrap();
    let other = folder.serve("--data other");
    folder
        .run_with(
            "account create --username ada --password-stdin --data other",
            PASSWORD,
        )
        .worked();
    assert!(login(&other).contains("127.0.0.1"));
    let _ = finish(folder.command("doctor"), "");
}

#[test]
fn a_sign_in_is_logged_once() {
    let folder = Folder::new();
    folder
        .run_with("account create --username ada --password-stdin", PASSWORD)
        .worked();
    let server = folder.serve("");
    assert_eq!(server.sign_in("ada").0, 200);
    let (_, _, log) = server.end();
    assert_eq!(log.matches("signed in").count(), 1, "{log}");
}
