//! A key server to be had in every state: real TCP, in the test's own process, byte by byte what the test says.
#![expect(clippy::needless_pass_by_value, reason = "calls read better")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use keystile::{KeySet, SigningKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;

/// What the server says to one request.
#[derive(Clone)]
pub(crate) enum Reply {
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// This answer, once a permit is had.
    Held(Arc<Semaphore>, Box<Reply>),
    /// Nothing, ever.
    Silence,
    /// A stream in chunks, as the test sends them.
    Stream(Arc<Mutex<Option<UnboundedReceiver<Step>>>>),
    /// These bytes, then others again and again, each after so many milliseconds.
    Raw(&'static str, &'static str, u64),
}

/// What becomes of a stream next. It ends in good order when its sender is dropped.
pub(crate) enum Step {
    Text(String),
    /// The connection breaks off.
    Cut,
}

impl Reply {
    pub(crate) fn stream() -> (UnboundedSender<Step>, Self) {
        let (steps, to_come) = tokio::sync::mpsc::unbounded_channel();
        (steps, Self::Stream(Arc::new(Mutex::new(Some(to_come)))))
    }

    pub(crate) fn json(body: impl ToString) -> Self {
        let kind = ("content-type", "application/json".to_owned());
        Self::Answer(200, vec![kind], body.to_string().into_bytes())
    }

    pub(crate) fn keys(keys: &[&SigningKey]) -> Self {
        let set: KeySet = keys.iter().map(|key| key.verifying_key().clone()).collect();
        Self::json(set.to_jwks_json())
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), Vec::new())
    }

    pub(crate) fn redirect(to: impl ToString) -> Self {
        Self::status(302).with("location", to)
    }

    pub(crate) fn with(self, name: &'static str, value: impl ToString) -> Self {
        match self {
            Self::Answer(status, mut headers, body) => {
                headers.retain(|(other, _)| *other != name);
                headers.push((name, value.to_string()));
                Self::Answer(status, headers, body)
            }
            other => other,
        }
    }
}

/// A request: its path, its head as it came, in lower case, and as it came.
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) raw: String,
    pub(crate) body: String,
}

impl Asked {
    /// The value of a header, whose name is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let line = self.raw.lines().find(|line| {
            let found = line.split(':').next().unwrap_or_default();
            found.eq_ignore_ascii_case(name)
        })?;
        Some(line.split_once(':')?.1.trim().to_owned())
    }
}

type Script = dyn FnMut(&Asked) -> Reply + Send;

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    script: Arc<Mutex<Box<Script>>>,
    asked: watch::Sender<BTreeMap<String, usize>>,
    accepting: AbortHandle,
}

impl Server {
    /// Listens; answers 404 until it is told otherwise.
    pub(crate) async fn start() -> Self {
        Self::at(([127, 0, 0, 1], 0).into()).await
    }

    pub(crate) async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let script: Arc<Mutex<Box<Script>>> =
            Arc::new(Mutex::new(Box::new(|_| Reply::status(404))));
        let asked = watch::Sender::default();
        let (replying, counting) = (Arc::clone(&script), asked.clone());
        let accepting = tokio::spawn(async move {
            // What was accepted ends with this task.
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(serve(stream, Arc::clone(&replying), counting.clone()));
            }
        })
        .abort_handle();
        Self {
            address,
            script,
            asked,
            accepting,
        }
    }

    /// Closes the port and every connection.
    pub(crate) async fn stop(&self) {
        self.accepting.abort();
        while TcpStream::connect(self.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it answers so.
    pub(crate) fn replies(&self, script: impl FnMut(&Asked) -> Reply + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// An issuer at this server's address with these keys.
    pub(crate) fn publishes(&self, keys: &[&SigningKey]) {
        self.says(Reply::keys(keys));
    }

    /// An issuer at this server's address whose keys are answered so.
    pub(crate) fn says(&self, reply: Reply) {
        self.says_each(move |_| reply.clone());
    }

    /// An issuer at this server's address; each request for its keys is answered so.
    pub(crate) fn says_each(&self, mut keys: impl FnMut(&Asked) -> Reply + Send + 'static) {
        let document = self.document(format!("{}/jwks", self.url()));
        self.replies(move |asked| match &*asked.path {
            "/.well-known/oauth-authorization-server" => document.clone(),
            "/jwks" => keys(asked),
            _ => Reply::status(404),
        });
    }

    pub(crate) fn document(&self, keys: impl ToString) -> Reply {
        let keys = keys.to_string();
        Reply::json(serde_json::json!({ "issuer": self.url(), "jwks_uri": keys }))
    }

    /// How often the path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.asked.borrow().get(path).copied().unwrap_or(0)
    }

    /// How often anything was asked for.
    pub(crate) fn asked_at_all(&self) -> usize {
        self.asked.borrow().values().sum()
    }

    /// How often the keys were asked for.
    pub(crate) fn fetches(&self) -> usize {
        self.asked("/jwks")
    }

    /// Waits until the keys were asked for so often.
    pub(crate) async fn fetched(&self, times: usize) {
        let mut asked = self.asked.subscribe();
        let enough =
            |asked: &BTreeMap<String, usize>| asked.get("/jwks").is_some_and(|n| *n >= times);
        let waiting = asked.wait_for(enough);
        let found = tokio::time::timeout(crate::DEADLINE, waiting).await;
        assert!(found.is_ok(), "asked {} times, not {times}", self.fetches());
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<Mutex<Box<Script>>>,
    counting: watch::Sender<BTreeMap<String, usize>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let mut asked = Asked {
        path: path.clone(),
        head: head.to_ascii_lowercase(),
        raw: head,
        body: String::new(),
    };
    if let Some(length) = asked.header("content-length") {
        let mut body = vec![0; length.parse().unwrap()];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        asked.body = String::from_utf8(body).unwrap();
    }
    let mut reply = script.lock().unwrap()(&asked);
    counting.send_modify(|asked| *asked.entry(path).or_default() += 1);
    if let Reply::Held(gate, then) = reply {
        gate.acquire().await.unwrap().forget();
        reply = *then;
    }
    let _ = match reply {
        Reply::Answer(status, headers, body) => {
            let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
            for (name, value) in headers {
                write!(head, "{name}: {value}\r\n").unwrap();
            }
            if status != 304 {
                write!(head, "content-length: {}\r\n", body.len()).unwrap();
            }
            head.push_str("\r\n");
            let bytes = [head.as_bytes(), &body].concat();
            stream.write_all(&bytes).await
        }
        Reply::Silence | Reply::Held(..) => std::future::pending().await,
        Reply::Stream(steps) => {
            let steps = steps.lock().unwrap().take().expect("a stream is read once");
            write_steps(&mut stream, steps).await
        }
        Reply::Raw(first, again, pause) => write_on(&mut stream, first, again, pause).await,
    };
    let _ = stream.shutdown().await;
}

async fn write_steps(
    stream: &mut TcpStream,
    mut steps: UnboundedReceiver<Step>,
) -> std::io::Result<()> {
    let head =
        "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    loop {
        let step = tokio::select! {
            step = steps.recv() => step,
            // The reader is gone.
            _ = stream.read_u8() => return Ok(()),
        };
        match step {
            Some(Step::Text(text)) => {
                let chunk = format!("{:x}\r\n{text}\r\n", text.len());
                stream.write_all(chunk.as_bytes()).await?;
            }
            Some(Step::Cut) => return Ok(()),
            None => return stream.write_all(b"0\r\n\r\n").await,
        }
    }
}

async fn write_on(
    stream: &mut TcpStream,
    first: &str,
    again: &str,
    pause: u64,
) -> std::io::Result<()> {
    stream.write_all(first.as_bytes()).await?;
    if again.is_empty() {
        return Ok(());
    }
    loop {
        stream.write_all(again.as_bytes()).await?;
        if pause > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
        }
    }
}
