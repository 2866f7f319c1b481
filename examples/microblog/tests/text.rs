//! The text's own payloads, sent by curl to the demonstration, and its answer beside ours.

mod support;

use examples_common::testing::{Program, Transcript, challenge, curl_is_here, decoded};
use keystile::Timestamp;
use serde_json::{Value, json};
use support::{Blog, NOW, SECRET, folder};

const MICROBLOG: &str = env!("CARGO_BIN_EXE_microblog");

/// The two payloads with their routes, and the answer to the second.
fn text() -> ([(String, String); 2], Value) {
    let text = Transcript::parse(include_str!("text.txt"));
    let [sign_up, sign_in, answer] = text.commands() else {
        panic!("two payloads and an answer: {text:?}")
    };
    let payload = |block: &String| {
        let (route, json) = block.split_once('\n').expect("a route and a payload");
        (route.to_owned(), json.to_owned())
    };
    let answer = serde_json::from_str(answer).expect("JSON");
    ([payload(sign_up), payload(sign_in)], answer)
}

#[test]
fn the_text_s_payloads_are_answered_as_it_says() {
    if !curl_is_here() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(MICROBLOG, folder.path(), &["--demo"], &[]);
    let (payloads, printed) = text();
    let [sign_up, sign_in] = payloads.map(|(route, json)| {
        let command = format!(
            "curl -v -X POST -H 'Content-Type: application/json' -d '{json}' 'http://localhost:5000{route}'"
        );
        let (status, body) = Transcript::run(&command, program.address, &[]);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).expect("JSON")
    });
    assert_eq!(sign_up, json!({ "status": 200, "message": "Created user" }));
    // Every member that the text prints, and the refresh token, which its diagram asks for.
    assert_eq!(sign_in["status"], printed["status"]);
    let members: Vec<_> = sign_in.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["refresh_token", "status", "token"]);

    let [ours, theirs] = [&sign_in, &printed].map(|it| it["token"].as_str().expect("a token"));
    assert_eq!(decoded(ours, 0)["alg"], decoded(theirs, 0)["alg"]);
    assert_eq!(decoded(ours, 0)["typ"], decoded(theirs, 0)["typ"]);
    let [ours_says, theirs_says] = [ours, theirs].map(|token| decoded(token, 1));
    assert_eq!(
        (&ours_says["sub"], &theirs_says["sub"]),
        (&json!("1"), &json!(7))
    );
    for claims in [&ours_says, &theirs_says] {
        let (issued, expires) = (claims["iat"].as_i64(), claims["exp"].as_i64());
        assert_eq!(expires.zip(issued).map(|(exp, iat)| exp - iat), Some(3_600));
    }
    let answer = program.get("/timeline", Some(&format!("Bearer {ours}")));
    assert_eq!(answer.status, 200, "used with every subsequent request");
}

/// Nobody but its author has its secret, and its subject is an integer: it is not good here even in its own hour.
#[test]
fn the_text_s_token_is_none_of_ours() {
    let (_, printed) = text();
    let token = printed["token"].as_str().expect("a token");
    let (_folder, file) = folder();
    let issued = Timestamp::from_seconds(decoded(token, 1)["iat"].as_i64().expect("iat"));
    for now in [issued, NOW] {
        let blog = Blog::open(&file, SECRET, now);
        let answer = blog.get("/timeline", Some(&format!("Bearer {token}")));
        let invalid = r#"{"status":401,"message":"Invalid token"}"#;
        let expected = challenge("token_signature_invalid");
        assert_eq!(answer.cell(), (401, invalid, Some(expected.as_str())));
    }
}
