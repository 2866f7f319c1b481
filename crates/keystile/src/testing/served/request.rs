//! As much of HTTP/1.1 as a test's key server needs (RFC 9112): one request a connection.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;

/// Most bytes of a request's head, and of its body.
const MOST: u64 = 64 * 1024;

/// A request, read whole.
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Request {
    /// `None` where what came is no request.
    pub(super) fn read(stream: &mut TcpStream) -> std::io::Result<Option<Self>> {
        let mut reader = BufReader::new(stream.take(2 * MOST));
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Ok(None);
        };
        let mut request = Self {
            method: method.to_owned(),
            path: target.split('?').next().unwrap_or_default().to_owned(),
            headers: Vec::new(),
            body: String::new(),
        };
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                let name = name.to_ascii_lowercase();
                request.headers.push((name, value.trim().to_owned()));
            }
        }
        let length = request.header("content-length").unwrap_or("0");
        let length = length.parse::<u64>().unwrap_or(0).min(MOST);
        reader.take(length).read_to_string(&mut request.body)?;
        Ok(Some(request))
    }

    /// The value of a header, whose name is in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(found, _)| found == name)?;
        Some(value)
    }

    /// The token behind `Authorization: Bearer`.
    pub(super) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// A field of a form. What is written with `%` stays as it is: no token and no grant has any.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.body.split('&').filter_map(|pair| pair.split_once('='));
        fields
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }
}

/// An answer, whole.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: Vec<u8>,
    /// Of the body, if not all of it is sent.
    pub(super) sent: Option<usize>,
}

impl Answer {
    pub(super) fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            sent: None,
        }
    }

    pub(super) fn json(body: &impl ToString) -> Self {
        Self {
            headers: vec![("content-type", "application/json")],
            body: body.to_string().into_bytes(),
            ..Self::status(200)
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut text = format!(
            "HTTP/1.1 {} .\r\ncontent-length: {}\r\nconnection: close\r\n",
            self.status,
            self.body.len()
        );
        for (name, value) in &self.headers {
            text.extend([*name, ": ", *value, "\r\n"]);
        }
        text.push_str("\r\n");
        let sent = self.sent.unwrap_or(self.body.len());
        [text.as_bytes(), &self.body[..sent]].concat()
    }
}
