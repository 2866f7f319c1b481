//! Any body as a form, as JSON, and as a form with a CSRF token beside a cookie: nothing panics, a good token in it is found exactly where a
//! reader of one's own finds it, and nobody gets in by anything else. In `body` the byte 1 stands for a good token, 2 for its session's CSRF
//! token: nobody guesses those.
#![no_main]

use axum::http::Request;
use keystile::{Claims, Csrf, Guard, Reason, SigningKey, TokenCookie};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::future::Future;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

const FORM: &str = "application/x-www-form-urlencoded";

struct Known {
    bodies: Guard,
    cookie: Guard,
    token: String,
    csrf: String,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let guard = Guard::hs256([7; 32]).expect("32 bytes");
    let claims = Claims { sid: Some("s".into()), ..Claims::new("ada", 1 << 40) };
    let key = SigningKey::hs256([7; 32]).expect("32 bytes");
    let csrf = Csrf::new([9; 32], ["https://app.example"]).form_field("token");
    Known {
        bodies: guard.clone().token_from_form("token").token_from_json("token"),
        cookie: guard.token_from_cookie(TokenCookie::on_loopback("access"), csrf.clone()),
        token: key.issue(&claims).expect("it is small"),
        csrf: csrf.token("s"),
    }
});

/// Whether somebody is let in; else why not, or that there is no token.
fn told(guard: &Guard, kind: &str, cookie: Option<&str>, body: &[u8]) -> Result<bool, Reason> {
    let mut request = Request::post("/").header("content-type", kind);
    if let Some(token) = cookie {
        request = request.header("cookie", format!("access={token}"));
    }
    let (head, ()) = request.body(()).expect("a request").into_parts();
    assert!(guard.reads_body(&head));
    let verdict = pin!(guard.verify_request(&head, Some(body)));
    match verdict.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(verdict) => verdict.map(|found| found.is_some()).map_err(|refusal| refusal.reason()),
        Poll::Pending => panic!("nobody has to be asked"),
    }
}

/// The values of the field, read by other means than the library's.
fn values(form: &[u8]) -> Vec<Vec<u8>> {
    let decoded = |text: &[u8]| {
        let mut text = text.iter().copied().peekable();
        let mut out = Vec::new();
        while let Some(byte) = text.next() {
            let ahead: Vec<u8> = text.clone().take(2).collect();
            let hex = std::str::from_utf8(&ahead).ok().filter(|two| two.len() == 2 && !two.starts_with('+'));
            match (byte, hex.and_then(|two| u8::from_str_radix(two, 16).ok())) {
                (b'%', Some(escaped)) => {
                    out.push(escaped);
                    text.nth(1);
                }
                (b'+', _) => out.push(b' '),
                _ => out.push(byte),
            }
        }
        out
    };
    let pairs = form.split(|byte| *byte == b'&').map(|pair| {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let mut half = || decoded(halves.next().unwrap_or_default());
        (half(), half())
    });
    pairs.filter(|(name, _)| name == b"token").map(|(_, value)| value).collect()
}

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (way, body) = input;
    let known = &*KNOWN;
    let mut whole = Vec::new();
    for byte in body {
        match byte {
            1 => whole.extend_from_slice(known.token.as_bytes()),
            2 => whole.extend_from_slice(known.csrf.as_bytes()),
            _ => whole.push(byte),
        }
    }
    match way % 3 {
        0 => {
            let expected = match &values(&whole)[..] {
                [] => Ok(false),
                [only] if *only == known.token.as_bytes() => Ok(true),
                [_] => Err(None),
                _ => Err(Some(Reason::CredentialsAmbiguous)),
            };
            is(told(&known.bodies, FORM, None, &whole), expected);
        }
        1 => in_json(&whole, known),
        _ => {
            let expected = match &values(&whole)[..] {
                [] => Err(Some(Reason::CsrfTokenMissing)),
                [only] if *only == known.csrf.as_bytes() => Ok(true),
                _ => Err(Some(Reason::CsrfTokenWrong)),
            };
            is(told(&known.cookie, FORM, Some(&known.token), &whole), expected);
        }
    }
});

fn in_json(whole: &[u8], known: &Known) {
    let answer = told(&known.bodies, "application/json", None, whole);
    match serde_json::from_slice::<Value>(whole) {
        Ok(Value::Object(members)) => match members.get("token") {
            None => is(answer, Ok(false)),
            // One that is there twice is refused, whatever the last one is.
            Some(Value::String(text)) if *text == known.token => {
                assert!(matches!(answer, Ok(true) | Err(Reason::CredentialsAmbiguous)));
            }
            Some(_) => is(answer, Err(None)),
        },
        Ok(_) => is(answer, Ok(false)),
        // What stands beside the token is not looked at as closely here: deeper than a reader likes, too great a number.
        Err(_) => {
            let token = known.token.as_bytes();
            assert!(answer != Ok(true) || whole.windows(token.len()).any(|part| part == token));
        }
    }
}

/// `Err(None)` for any reason.
fn is(answer: Result<bool, Reason>, expected: Result<bool, Option<Reason>>) {
    match expected {
        Err(None) => assert!(answer.is_err(), "{answer:?}"),
        Err(Some(reason)) => assert_eq!(answer, Err(reason)),
        Ok(found) => assert_eq!(answer, Ok(found)),
    }
}
