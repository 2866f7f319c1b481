//! A reader of the feed that hides nothing: HTTP/1.1 in chunks, and the events in them.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Nothing is waited for longer than that.
const PATIENCE: Duration = Duration::from_secs(20);

/// One event, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) kind: String,
    pub(crate) id: Option<String>,
    pub(crate) data: String,
}

impl Event {
    /// What a token says, unverified.
    pub(crate) fn claims(&self) -> Value {
        let payload = self.data.split('.').nth(1).expect("a token");
        let json = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
        serde_json::from_slice(&json).expect("JSON")
    }

    /// The id of the token, session, subject or key that it revokes.
    pub(crate) fn revoked(&self) -> String {
        let claims = self.claims();
        let subject = &claims["sub_id"];
        let pointers = ["/jti", "/session/id", "/sub", "/id"];
        let found = pointers.iter().find_map(|at| subject.pointer(at));
        found.and_then(Value::as_str).expect("an id").to_owned()
    }
}

/// An open stream.
pub(crate) struct Reading {
    stream: BufReader<TcpStream>,
    pub(crate) status: u16,
    pub(crate) head: String,
    /// What came of a line that is not whole yet.
    text: Vec<u8>,
    ended: bool,
}

impl Reading {
    /// Asks, and reads the head of the answer.
    pub(crate) async fn open(address: SocketAddr, token: &str, last: Option<&str>) -> Self {
        let last = last.map_or(String::new(), |last| format!("last-event-id: {last}\r\n"));
        let bearer = format!("authorization: Bearer {token}\r\n");
        Self::ask(address, &format!("{bearer}{last}")).await
    }

    /// Asks with these header lines.
    pub(crate) async fn ask(address: SocketAddr, lines: &str) -> Self {
        Self::ask_in_bytes(address, lines.as_bytes()).await
    }

    pub(crate) async fn ask_in_bytes(address: SocketAddr, lines: &[u8]) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let mut wire =
            b"GET /v1/revocations HTTP/1.1\r\nhost: t\r\naccept: text/event-stream\r\n".to_vec();
        wire.extend_from_slice(lines);
        wire.extend_from_slice(b"\r\n");
        stream.write_all(&wire).await.expect("it is written");
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = timeout(PATIENCE, stream.read_line(&mut head)).await;
            assert_ne!(read.expect("in time").expect("a line"), 0, "{head}");
        }
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        Self {
            stream,
            status: status.expect("a status"),
            head,
            text: Vec::new(),
            ended: false,
        }
    }

    /// The next event; `None` where the server ended the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        timeout(PATIENCE, self.read_event())
            .await
            .expect("an event in time")
    }

    /// The next one, if one comes within that time.
    pub(crate) async fn next_within(&mut self, time: Duration) -> Option<Event> {
        timeout(time, self.read_event()).await.ok().flatten()
    }

    /// Everything up to the next `current`, which is the last.
    pub(crate) async fn up_to_current(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await.expect("no end");
            events.push(event);
            if events.last().is_some_and(|event| event.kind == "current") {
                return events;
            }
        }
    }

    /// What is told until all of these have been; in the order in which it came.
    pub(crate) async fn until_told(&mut self, names: &[&str]) -> Vec<String> {
        let mut told: Vec<String> = Vec::new();
        while !names.iter().all(|name| told.iter().any(|one| one == name)) {
            let event = self.next().await.expect("no end");
            if event.kind == "revoked" {
                told.push(event.revoked());
            }
        }
        told
    }

    async fn read_event(&mut self) -> Option<Event> {
        let mut event = Event::default();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Some(event);
            }
            let (field, value) = line.split_once(": ").expect("a field");
            match field {
                "event" => value.clone_into(&mut event.kind),
                "id" => event.id = Some(value.to_owned()),
                "data" => value.clone_into(&mut event.data),
                other => panic!("{other}"),
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                assert!(line.len() <= 16 * 1024, "a line of {}", line.len());
                return Some(String::from_utf8(line[..end].to_vec()).expect("UTF-8"));
            }
            if self.ended {
                assert!(self.text.is_empty(), "half a line");
                return None;
            }
            self.chunk().await;
        }
    }

    /// A chunk of the body (RFC 9112, section 7.1).
    async fn chunk(&mut self) {
        let mut size = String::new();
        if self.stream.read_line(&mut size).await.unwrap_or(0) == 0 {
            self.ended = true;
            return;
        }
        let size = usize::from_str_radix(size.trim_end(), 16).expect("a size");
        let mut chunk = vec![0; size + 2];
        self.stream.read_exact(&mut chunk).await.expect("a chunk");
        self.text.extend_from_slice(&chunk[..size]);
        self.ended = size == 0;
    }

    /// The code of a refusal.
    pub(crate) async fn problem(mut self) -> String {
        let length = self.header("content-length").expect("a length");
        let mut body = vec![0; length.parse().expect("a number")];
        self.stream.read_exact(&mut body).await.expect("a body");
        let json: Value = serde_json::from_slice(&body).expect("JSON");
        json["code"].as_str().expect("a code").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned())
    }
}

/// The names of what is revoked by these events.
pub(crate) fn names(events: &[Event]) -> Vec<String> {
    let revoked = events.iter().filter(|event| event.kind == "revoked");
    revoked.map(Event::revoked).collect()
}

/// The kinds of these events, one after another.
pub(crate) fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}
