//! The load: an HTTP/1.1 client over keep-alive connections that does nothing but send and count.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::stopwatch::Stopwatch;

/// A GET as a small client sends it, with a bearer token or without.
pub(crate) fn get(path: &str, token: Option<&str>) -> Vec<u8> {
    let authorization = token.map_or_else(String::new, |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n{authorization}\r\n")
        .into_bytes()
}

/// A POST of a JSON body.
pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// One connection, kept open.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .context("connecting to the measured server")?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; 16 * 1024],
        })
    }

    /// Sends one request and reads its whole answer; gives the status.
    pub(crate) async fn send(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            ensure!(
                filled < self.buffer.len(),
                "the answer is longer than 16 KiB"
            );
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            ensure!(read > 0, "the measured server closed the connection");
            filled += read;
            if let Some(answer) = Answer::parse(&self.buffer[..filled])?
                && filled >= answer.length
            {
                return Ok(answer.status);
            }
        }
    }
}

struct Answer {
    status: u16,
    /// Of head and body together.
    length: usize,
}

impl Answer {
    /// `None` until the head is whole.
    fn parse(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head =
            std::str::from_utf8(&bytes[..end]).context("an answer's head that is not text")?;
        let status = head
            .get(9..12)
            .context("an answer without a status")?
            .parse()?;
        let mut body = 0;
        for line in head.lines().skip(1) {
            let Some((name, value)) = line.split_once(':') else {
                bail!("a header without a colon");
            };
            if name.eq_ignore_ascii_case("content-length") {
                body = value.trim().parse()?;
            }
        }
        Ok(Some(Self {
            status,
            length: end + 4 + body,
        }))
    }
}

/// Sends `total` requests over `connections`, each connection one at a time, every answer a 200.
/// The n-th request is `requests[n % len]`: give as many as `total` for requests that never repeat.
pub(crate) async fn send_all(
    address: SocketAddr,
    requests: &Arc<Vec<Vec<u8>>>,
    connections: usize,
    total: usize,
) -> anyhow::Result<Duration> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::open(address).await?);
    }
    let watch = Stopwatch::start();
    let mut tasks = JoinSet::new();
    for (first, mut connection) in open.into_iter().enumerate() {
        let requests = Arc::clone(requests);
        tasks.spawn(async move {
            for index in (first..total).step_by(connections) {
                let status = connection.send(&requests[index % requests.len()]).await?;
                ensure!(status == 200, "the measured server answered {status}");
            }
            Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(watch.elapsed())
}

#[cfg(test)]
mod tests {
    use super::Answer;

    #[test]
    fn an_answer_is_whole_with_its_body() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        let answer = Answer::parse(bytes).unwrap().unwrap();
        assert_eq!((200, bytes.len()), (answer.status, answer.length));
    }

    #[test]
    fn half_a_head_is_no_answer_yet() {
        assert!(
            Answer::parse(b"HTTP/1.1 200 OK\r\nContent-Le")
                .unwrap()
                .is_none()
        );
    }
}
