//! A plain reader of the feed: it believes what it reads, and tells when it read it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A stream without a byte for so long is dead.
const DEAD: Duration = Duration::from_secs(10);

/// What a reader was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Everything is told from the beginning.
    Snapshot,
    /// The session, token, subject or key of this id is revoked.
    Revoked(String),
    /// All has been told; where to go on later.
    Current(String),
}

/// An open stream.
#[derive(Debug)]
pub struct Reader {
    stream: BufReader<TcpStream>,
    text: Vec<u8>,
    /// How many bytes came, of the body and around it.
    pub bytes: u64,
}

impl Reader {
    /// Opens the feed of a node, after this id.
    pub async fn open(
        address: SocketAddr,
        token: &str,
        last: Option<&str>,
    ) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let last = last.map_or(String::new(), |last| format!("last-event-id: {last}\r\n"));
        let request = format!(
            "GET /v1/revocations HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\
             authorization: Bearer {token}\r\n{last}\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut reader = Self {
            stream: BufReader::with_capacity(4 * 1024, stream),
            text: Vec::new(),
            bytes: 0,
        };
        let status = reader.raw_line().await?;
        ensure!(status.starts_with("HTTP/1.1 200"), "the feed: {status}");
        while !reader.raw_line().await?.is_empty() {}
        Ok(reader)
    }

    /// The next of what is told; an error where the stream ended or is dead.
    pub async fn next(&mut self) -> anyhow::Result<Seen> {
        let next = timeout(DEAD, self.read_event()).await;
        next.context("ten seconds without a byte")?
    }

    /// Reads on until all has been told; what was revoked, and where to go on.
    pub async fn up_to_current(&mut self) -> anyhow::Result<(Vec<String>, String)> {
        let mut names = Vec::new();
        loop {
            match self.next().await? {
                Seen::Snapshot => {}
                Seen::Revoked(name) => names.push(name),
                Seen::Current(id) => return Ok((names, id)),
            }
        }
    }

    async fn read_event(&mut self) -> anyhow::Result<Seen> {
        let (mut kind, mut id, mut data) = (String::new(), String::new(), String::new());
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            match line.split_once(": ") {
                Some(("event", value)) => value.clone_into(&mut kind),
                Some(("id", value)) => value.clone_into(&mut id),
                Some(("data", value)) => value.clone_into(&mut data),
                _ => {}
            }
        }
        match kind.as_str() {
            "snapshot" => Ok(Seen::Snapshot),
            "current" => Ok(Seen::Current(id)),
            "revoked" => Ok(Seen::Revoked(revoked(&data)?)),
            other => bail!("an event {other:?}"),
        }
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let rest = self.text.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.text, rest);
                line.truncate(end);
                return Ok(String::from_utf8(line)?);
            }
            let size = usize::from_str_radix(&self.raw_line().await?, 16)?;
            ensure!(size > 0, "the server ended the stream");
            let from = self.text.len();
            self.text.resize(from + size, 0);
            self.stream.read_exact(&mut self.text[from..]).await?;
            self.bytes += size as u64;
            self.raw_line().await?;
        }
    }

    /// A line of HTTP's.
    async fn raw_line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await?;
        ensure!(read > 0, "the server closed the connection");
        self.bytes += read as u64;
        line.truncate(line.trim_end().len());
        Ok(line)
    }
}

/// What a Security Event Token is about.
fn revoked(token: &str) -> anyhow::Result<String> {
    let payload = token.split('.').nth(1).context("not a token")?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?;
    let subject = &claims["sub_id"];
    let found = ["/session/id", "/jti", "/sub", "/id"]
        .iter()
        .find_map(|at| subject.pointer(at)?.as_str());
    Ok(found.context("a token about nothing")?.to_owned())
}
