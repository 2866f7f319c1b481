//! What refused a refresh is in the log, by the same code as in the answer, and no token is.

use serde_json::{Value, json};

use crate::keystile::{Folder, PASSWORD, Serving};

const JSON: &str = "content-type: application/json\r\n";

fn serving(folder: &Folder, grace: &str) -> Serving {
    let mut command = folder.command("serve --listen 127.0.0.1:0");
    command
        .env("KEYSTILE_LOG__LEVEL", "debug")
        .env("KEYSTILE_LOG__FORMAT", "json")
        .env("KEYSTILE_TOKENS__REPLAY_GRACE", grace);
    Serving::start(command)
}

/// Signs in; the refresh token and the session.
fn signed_in(server: &Serving) -> (String, String) {
    let (status, answer) = server.sign_in("ada");
    assert_eq!(status, 200, "{answer}");
    let text = |member: &str| answer[member].as_str().expect("text").to_owned();
    (text("refresh_token"), text("session_id"))
}

/// The code of the answer; "ok" for a pair of tokens.
fn refresh(server: &Serving, token: &str) -> String {
    let body = json!({ "refresh_token": token }).to_string();
    let (_, answer) = server.ask("POST", "/v1/refresh", JSON, &body);
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    answer["code"].as_str().unwrap_or("ok").to_owned()
}

/// Lines of the log that say this of refreshes: the code, or the outcome of a good one, and the session.
fn told(log: &str) -> Vec<(String, Option<String>)> {
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    lines
        .filter(|fields| {
            let message = fields["message"].as_str().unwrap_or_default();
            ["refreshed", "refresh refused"].contains(&message)
                || message.starts_with("a used refresh token")
        })
        .map(|fields| {
            let text = |name: &str| fields[name].as_str().map(str::to_owned);
            let what = text("code").or_else(|| text("outcome"));
            (what.expect("a code or an outcome"), text("session"))
        })
        .collect()
}

#[test]
fn each_refusal_is_logged_with_its_session_and_without_its_token() {
    let folder = Folder::new();
    let make = "account create --username ada --password-stdin";
    folder.run_with(make, &format!("{PASSWORD}\n")).worked();
    let server = serving(&folder, "0s");
    let (token, session) = signed_in(&server);
    let unknown = format!("ksr_{}", "A".repeat(43));
    for (token, code) in [
        (token.as_str(), "ok"),
        (&token, "refresh_token_reused"),
        (&token, "session_ended"),
        (&unknown, "refresh_token_unknown"),
        ("nonsense", "refresh_token_malformed"),
    ] {
        assert_eq!(refresh(&server, token), code);
    }
    let (mine, _) = signed_in(&server);
    let headers = format!("cookie: keystile_refresh={mine}\r\nx-csrf-token: c2VjcmV0LWNzcmY\r\n");
    let (status, answer) = server.ask("POST", "/v1/refresh", &headers, "");
    assert!(
        status == 403 && answer.contains("csrf_token_wrong"),
        "{answer}"
    );
    let (_, _, log) = server.end();
    let of = |code: &str, session: Option<&String>| (code.to_owned(), session.cloned());
    let expected = [
        of("rotated", Some(&session)),
        of("refresh_token_reused", Some(&session)),
        of("session_ended", Some(&session)),
        of("refresh_token_unknown", None),
        of("refresh_token_malformed", None),
    ];
    assert_eq!(told(&log), expected, "{log}");
    assert!(log.contains("csrf_token_wrong"), "{log}");
    for secret in [&token[4..], &unknown[4..], &mine[4..], "c2VjcmV0LWNzcmY"] {
        assert!(!log.contains(secret), "a token is in the log");
    }
}

#[test]
fn a_repetition_within_the_grace_is_told_apart() {
    let folder = Folder::new();
    let make = "account create --username ada --password-stdin";
    folder.run_with(make, &format!("{PASSWORD}\n")).worked();
    let server = serving(&folder, "5m");
    let (token, session) = signed_in(&server);
    for _ in 0..2 {
        assert_eq!(refresh(&server, &token), "ok");
    }
    let (_, _, log) = server.end();
    let expected = ["rotated", "replayed"].map(|what| (what.to_owned(), Some(session.clone())));
    assert_eq!(told(&log), expected, "{log}");
}
