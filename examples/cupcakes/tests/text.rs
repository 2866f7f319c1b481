//! The text's own curl commands, run by curl against the demonstration.

use examples_common::testing::{Program, Transcript, curl_is_here};

const CUPCAKES: &str = env!("CARGO_BIN_EXE_cupcakes");

const TEXT_TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJlbWFpbCI6InRlc3RAdXNlci5jb20iLCJleHAiOjE3MDQzODA2MzV9.JMUvA3toHf8R0mNz65bQZwUdMTrDkzInHwJ0B7eRdMs";

#[test]
fn the_text_s_commands_answer_as_it_says() {
    if !curl_is_here() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Program::start(CUPCAKES, folder.path(), &["--demo"], &[]);
    let text = Transcript::parse(include_str!("text.curl"));
    let [create, sign_in, without, with] = text.commands() else {
        panic!("four commands: {text:?}")
    };
    let run =
        |command: &str, token: &str| Transcript::run(command, shop.address, &[(TEXT_TOKEN, token)]);
    let me = r#"{"id":1,"email":"test@user.com"}"#;

    assert_eq!(run(create, ""), (201, me.to_owned()));
    let (status, body) = run(sign_in, "");
    let token = body
        .strip_prefix(r#"{"accessToken":""#)
        .and_then(|rest| rest.strip_suffix(r#""}"#));
    let token = token.unwrap_or_else(|| panic!("{status} {body}"));
    assert_ne!(
        run(sign_in, ""),
        (status, body.clone()),
        "a different token each time"
    );
    assert_eq!(
        run(without, ""),
        (401, r#"{"error":"Unauthorized"}"#.to_owned())
    );
    assert!(with.contains(TEXT_TOKEN), "{with}");
    assert_eq!(run(with, token), (200, me.to_owned()));
    assert_eq!(
        run(with, TEXT_TOKEN),
        (401, r#"{"error":"Token is invalid"}"#.to_owned()),
        "not signed here"
    );
}
