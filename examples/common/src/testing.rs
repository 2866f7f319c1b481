//! How the examples' tests call them: over real TCP, the whole answer in the hand.
//!
//! Test code: it panics where something is not as it must be.
#![expect(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "test code"
)]

mod asked;
mod contract;
mod curl;
mod kinds;
mod load;
mod pattern;
mod program;
mod python;
mod served;
mod table;
mod token;

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub use contract::Contract;
pub use curl::{Transcript, curl_is_here};
pub use kinds::{assert_kind, tokens_of_the_others};
pub use load::{fastest, last_of_a_crowd};
pub use program::{Program, run};
pub use python::{Python, decoded_by_pyjwt};
pub use served::Served;
pub use token::{basic, challenge, changed, decoded, unsigned};

/// Says past the test harness's capture what could not be tried for want of a program; in CI that is a failure.
fn absent(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
    #[expect(
        clippy::disallowed_methods,
        reason = "CI must not pass for want of a program"
    )]
    let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!ci, "in CI this must be here: {what}");
}

/// One HTTP/1.1 request: what a row of a contract's table sends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// `GET`, `POST` and so on.
    pub method: &'a str,
    /// Path and query, as they go over the wire.
    pub path: &'a str,
    /// The `Authorization` header's value.
    pub authorization: Option<&'a str>,
    /// Content type and body.
    pub body: Option<(&'a str, &'a [u8])>,
}

/// The answer to it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header lines, as sent.
    pub headers: Vec<(String, String)>,
    /// The whole body, as text.
    pub body: String,
}

impl Answer {
    /// The header's value; it must not come twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} comes twice in {self:?}");
        value
    }

    /// Status, body and `WWW-Authenticate`: what each cell of a contract's table states.
    pub fn cell(&self) -> (u16, &str, Option<&str>) {
        (self.status, &self.body, self.header("WWW-Authenticate"))
    }
}

/// Sends one request on a connection of its own.
pub fn send(address: SocketAddr, request: Request<'_>) -> Answer {
    send_bytes(address, &written(address, request))
}

/// The request as it goes over the wire.
fn written(address: SocketAddr, request: Request<'_>) -> Vec<u8> {
    let mut head = format!(
        "{} {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n",
        request.method, request.path
    );
    if let Some(authorization) = request.authorization {
        let _ = write!(head, "Authorization: {authorization}\r\n");
    }
    let body = request.body.map_or(&[][..], |(content_type, body)| {
        let length = body.len();
        let _ = write!(
            head,
            "Content-Type: {content_type}\r\nContent-Length: {length}\r\n"
        );
        body
    });
    head += "\r\n";
    [head.as_bytes(), body].concat()
}

fn get(address: SocketAddr, path: &str, authorization: Option<&str>) -> Answer {
    let request = Request {
        method: "GET",
        path,
        authorization,
        body: None,
    };
    send(address, request)
}

fn post(address: SocketAddr, path: &str, authorization: Option<&str>, json: &str) -> Answer {
    let request = Request {
        method: "POST",
        path,
        authorization,
        body: Some(("application/json", json.as_bytes())),
    };
    send(address, request)
}

/// Sends bytes that need not be a proper request; they must ask for the connection to be closed.
pub fn send_bytes(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).expect("the example listens");
    // An answer may come, and the connection be closed, before a refused body was taken in.
    let _ = stream.write_all(bytes);
    read(&mut stream)
}

/// The answer, which ends where the connection does.
fn read(stream: &mut TcpStream) -> Answer {
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("a time limit");
    let mut answer = Vec::new();
    // What came before the connection broke counts.
    let _ = stream.read_to_end(&mut answer);
    parse(&answer)
}

fn parse(answer: &[u8]) -> Answer {
    let text = String::from_utf8(answer.to_vec()).expect("an answer in UTF-8");
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no whole answer: {text:?}"));
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok())
        .expect("a status line");
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.into(), value.into()));
    let headers: Vec<(String, String)> = headers.collect();
    assert!(
        !headers.iter().any(|(name, _)| name == "transfer-encoding"),
        "the tests read whole bodies: {head}"
    );
    Answer {
        status,
        headers,
        body: body.to_owned(),
    }
}
