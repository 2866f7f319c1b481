//! The text's own calls: the addresses that it opens in a browser, sent by curl to the demonstration.

use examples_common::testing::{Program, Transcript, curl_is_here};

const QUICKSTART: &str = env!("CARGO_BIN_EXE_quickstart");

#[test]
fn the_text_s_calls_answer_as_it_says() {
    if !curl_is_here() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(QUICKSTART, folder.path(), &["--demo"], &[]);
    let text = Transcript::parse(include_str!("text.curl"));
    let [nobody, login, without, in_address, in_header, unprotected] = text.commands() else {
        panic!("six: {text:?}")
    };
    let run =
        |command: &str, token: &str| Transcript::run(command, program.address, &[("TOKEN", token)]);
    let said = |text: &str| format!(r#"{{"message":"{text}"}}"#);
    assert_eq!(run(nobody, ""), (401, "Could not verify!".to_owned()));
    let (status, body) = run(login, "");
    let token = body
        .strip_prefix(r#"{"token":""#)
        .and_then(|rest| rest.strip_suffix(r#""}"#));
    let token = token.unwrap_or_else(|| panic!("{status} {body}"));
    assert_eq!(run(without, ""), (401, said("Token is missing!")));
    let protected = said("This is only available for people with valid tokens.");
    assert_eq!(run(in_address, token), (200, protected.clone()));
    assert_eq!(run(in_header, token), (200, protected));
    assert_eq!(run(unprotected, ""), (200, said("Anyone can view this!")));
}
