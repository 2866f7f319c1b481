//! A small HTTP/1.1 client: one keep-alive connection, one request in flight, nothing hidden.
//!
//! Writing a request and reading its answer are two steps, so that many requests can be in flight before the
//! first answer is read. Nothing is ever sent twice.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest that anybody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request, as text.
#[derive(Clone, Debug)]
pub struct Request {
    head: String,
    body: String,
}

impl Request {
    /// A request without a body.
    pub fn new(method: &str, path: &str) -> Self {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
        let body = String::new();
        Self { head, body }
    }

    /// A GET.
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A POST.
    pub fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    /// Adds `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(mut self, token: &str) -> Self {
        let _ = write!(self.head, "Authorization: Bearer {token}\r\n");
        self
    }

    /// Adds `Authorization: Basic` (RFC 7617).
    #[must_use]
    pub fn basic(mut self, name: &str, password: &str) -> Self {
        let credentials = STANDARD.encode(format!("{name}:{password}"));
        let _ = write!(self.head, "Authorization: Basic {credentials}\r\n");
        self
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.head += "Content-Type: application/json\r\n";
        self.body = body.to_string();
        self
    }

    /// Sets a body as HTML forms are sent.
    #[must_use]
    pub fn form(mut self, body: &str) -> Self {
        self.head += "Content-Type: application/x-www-form-urlencoded\r\n";
        body.clone_into(&mut self.body);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { head, body } = self;
        let length = body.len();
        format!("{head}Content-Length: {length}\r\n\r\n{body}").into_bytes()
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// A header's first value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A text member of the JSON body.
    pub fn text(&self, member: &str) -> anyhow::Result<String> {
        let found = self
            .json()
            .get(member)
            .and_then(Value::as_str)
            .map(str::to_owned);
        found.with_context(|| format!("an answer ({}) without `{member}`", self.brief()))
    }

    /// The stable code of a problem document; empty where there is none.
    pub fn code(&self) -> String {
        let json = self.json();
        let code = json.get("code").and_then(Value::as_str);
        code.unwrap_or_default().to_owned()
    }

    /// Whether it says that nothing was done for now: 503 with `Retry-After`.
    pub fn is_busy(&self) -> bool {
        self.status == 503 && self.header("retry-after").is_some()
    }

    /// Status and code: what may be printed of any answer, since neither is secret.
    pub fn brief(&self) -> String {
        format!("{} {}", self.status, self.code())
            .trim_end()
            .to_owned()
    }

    /// The answer itself where it has this status, otherwise an error that says what came instead.
    pub fn expect(self, status: u16, doing: &str) -> anyhow::Result<Self> {
        ensure!(
            self.status == status,
            "{doing}: expected {status}, got {}",
            self.brief()
        );
        Ok(self)
    }

    /// The first answer in `bytes` and its length; `None` until it is whole.
    fn parse(bytes: &[u8]) -> anyhow::Result<Option<(Self, usize)>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = std::str::from_utf8(&bytes[..end]).context("a head that is not text")?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.get(9..12));
        let status = status.context("an answer without a status")?.parse()?;
        let mut headers = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':').context("a header without a colon")?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut answer = Self {
            status,
            headers,
            body: Vec::new(),
        };
        ensure!(
            answer.header("transfer-encoding").is_none(),
            "an answer in chunks, which this client does not read"
        );
        let length: usize = answer.header("content-length").map_or(Ok(0), str::parse)?;
        let whole = end + 4 + length;
        let Some(body) = bytes.get(end + 4..whole) else {
            return Ok(None);
        };
        answer.body = body.to_vec();
        Ok(Some((answer, whole)))
    }
}

/// One connection to the server, opened when it is needed.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
    read: Vec<u8>,
}

impl Client {
    /// A client of that server; connects with the first request.
    pub fn new(address: SocketAddr) -> Self {
        let read = Vec::new();
        Self {
            address,
            stream: None,
            read,
        }
    }

    /// As many clients as asked for.
    pub fn several(address: SocketAddr, count: usize) -> Vec<Self> {
        (0..count).map(|_| Self::new(address)).collect()
    }

    /// Sends a request and reads its answer.
    pub async fn send(&mut self, request: &Request) -> anyhow::Result<Answer> {
        self.start(request).await?;
        self.finish().await
    }

    /// Connects where it is not connected, so that the next request leaves at once.
    pub async fn connect(&mut self) -> anyhow::Result<()> {
        let closed = self.stream.as_ref().is_none_or(closed_by_server);
        if closed {
            let stream = TcpStream::connect(self.address).await;
            let stream = stream.context("connecting to the server")?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
            self.read.clear();
        }
        Ok(())
    }

    /// Writes a request; [`Client::finish`] must follow.
    pub async fn start(&mut self, request: &Request) -> anyhow::Result<()> {
        self.connect().await?;
        let Some(stream) = &mut self.stream else {
            bail!("not connected");
        };
        let written = stream.write_all(&request.bytes()).await;
        if written.is_err() {
            self.stream = None;
        }
        written.context("sending a request")
    }

    /// Whether an answer to the request that was started has come, be it not whole; nothing is waited for.
    pub fn is_answered(&mut self) -> anyhow::Result<bool> {
        let stream = self.stream.as_ref().context("no request was started")?;
        match stream.try_read_buf(&mut self.read) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                Ok(!self.read.is_empty())
            }
            Err(error) => Err(error).context("reading an answer"),
        }
    }

    /// Reads the answer of the request that was started.
    pub async fn finish(&mut self) -> anyhow::Result<Answer> {
        let answer = timeout(PATIENCE, self.read_answer()).await;
        let answer = answer.unwrap_or_else(|_| bail!("no answer within {PATIENCE:?}"));
        let closing = |answer: &Answer| answer.header("connection") == Some("close");
        if answer.as_ref().map_or(true, closing) {
            self.stream = None;
        }
        answer
    }

    async fn read_answer(&mut self) -> anyhow::Result<Answer> {
        let stream = self.stream.as_mut().context("no request was started")?;
        loop {
            if let Some((answer, length)) = Answer::parse(&self.read)? {
                self.read.drain(..length);
                return Ok(answer);
            }
            let count = stream.read_buf(&mut self.read).await?;
            ensure!(count > 0, "the server closed the connection unanswered");
        }
    }
}

/// Whether the server closed an idle connection meanwhile: then a new one is opened, and nothing was sent twice.
fn closed_by_server(stream: &TcpStream) -> bool {
    let mut nothing = [0; 1];
    match stream.try_read(&mut nothing) {
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        Ok(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::Answer;

    #[test]
    fn an_answer_without_a_code_is_told_by_its_status() {
        let bytes = b"HTTP/1.1 204 No Content\r\n\r\n";
        let (answer, _) = Answer::parse(bytes).unwrap().unwrap();
        assert_eq!("204", answer.brief());
        assert!(answer.text("id").unwrap_err().to_string().contains("204"));
    }

    #[test]
    fn an_answer_is_whole_with_its_body() {
        let bytes = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 13\r\nX-A: b: c\r\n\r\n{\"code\":\"hm\"}HTTP";
        let (answer, length) = Answer::parse(bytes).unwrap().unwrap();
        assert_eq!(bytes.len() - 4, length);
        assert_eq!("401 hm", answer.brief());
        assert_eq!(Some("b: c"), answer.header("x-a"));
        for short in 0..length {
            assert!(Answer::parse(&bytes[..short]).unwrap().is_none());
        }
    }
}
