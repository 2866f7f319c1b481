//! A round-robin in front of nodes, as small as one can be that deserves the name.
//!
//! It looks at each node's `/readyz` and sends requests to those that are ready, in turn. It sends again elsewhere only what
//! did not leave, and what is safe to repeat; whoever waits for anything else is told by a closed connection.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::client::{Client, Request};

/// How often it looks at each node.
const LOOK: Duration = Duration::from_millis(50);
/// A node that has not answered by then is not ready.
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);

/// A balancer; it ends when it is dropped.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    nodes: Arc<Nodes>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Nodes {
    all: Vec<Node>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Node {
    address: SocketAddr,
    ready: AtomicBool,
}

impl Balancer {
    /// In front of the nodes at these addresses.
    pub async fn start(addresses: &[SocketAddr]) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let node = |address: &SocketAddr| Node {
            address: *address,
            ready: AtomicBool::new(true),
        };
        let nodes = Arc::new(Nodes {
            all: addresses.iter().map(node).collect(),
            next: AtomicUsize::new(0),
        });
        let mut tasks = Vec::new();
        for index in 0..nodes.all.len() {
            tasks.push(tokio::spawn(look(Arc::clone(&nodes), index)));
        }
        let taken = Arc::clone(&nodes);
        tasks.push(tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let nodes = Arc::clone(&taken);
                // However it ends, the client sees it.
                tokio::spawn(async move { serve(&nodes, client).await });
            }
        }));
        Ok(Self {
            address,
            nodes,
            tasks,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it takes that node for ready.
    pub fn is_ready(&self, index: usize) -> bool {
        self.nodes.all[index].ready.load(Ordering::SeqCst)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Nodes {
    /// The next that is ready; any where none is, so that the nodes themselves say what is the matter.
    fn next(&self) -> usize {
        let count = self.all.len();
        let first = self.next.fetch_add(1, Ordering::SeqCst);
        let turns = (first..first + count).map(|turn| turn % count);
        let ready = |index: &usize| self.all[*index].ready.load(Ordering::SeqCst);
        turns.clone().find(ready).unwrap_or(first % count)
    }
}

async fn look(nodes: Arc<Nodes>, index: usize) {
    let node = &nodes.all[index];
    let mut client = Client::new(node.address);
    loop {
        let answer = timeout(ANSWERS_WITHIN, client.send(&Request::get("/readyz"))).await;
        let ready = matches!(&answer, Ok(Ok(answer)) if answer.status == 200);
        node.ready.store(ready, Ordering::SeqCst);
        if !ready {
            client = Client::new(node.address);
        }
        sleep(LOOK).await;
    }
}

/// One client's requests, one after the other.
async fn serve(nodes: &Nodes, client: TcpStream) -> anyhow::Result<()> {
    client.set_nodelay(true)?;
    let mut client = Messages::new(client);
    let mut kept: HashMap<usize, Messages> = HashMap::new();
    while let Some(request) = client.next().await? {
        let safe = request.starts_with(b"GET ");
        let mut left = nodes.all.len() * 2;
        let answer = loop {
            let index = nodes.next();
            left -= 1;
            let Some(mut node) = reach(nodes, &mut kept, index).await else {
                // Nothing was sent.
                nodes.all[index].ready.store(false, Ordering::SeqCst);
                ensure!(left > 0, "no node takes a connection");
                continue;
            };
            match node.ask(&request).await {
                Ok((answer, keeps)) => {
                    if keeps {
                        kept.insert(index, node);
                    }
                    break answer;
                }
                Err(error) => ensure!(safe && left > 0, "not answered: {error}"),
            }
        };
        client.stream.write_all(&answer).await?;
    }
    Ok(())
}

/// A connection to a node: the one that was kept, where the node has not ended it meanwhile, or a new one.
async fn reach(
    nodes: &Nodes,
    kept: &mut HashMap<usize, Messages>,
    index: usize,
) -> Option<Messages> {
    if let Some(node) = kept.remove(&index)
        && !node.is_ended()
    {
        return Some(node);
    }
    let address = nodes.all[index].address;
    let stream = timeout(ANSWERS_WITHIN, TcpStream::connect(address)).await;
    let stream = stream.ok()?.ok()?;
    stream.set_nodelay(true).ok()?;
    Some(Messages::new(stream))
}

/// A connection read message by message.
#[derive(Debug)]
struct Messages {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Messages {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            read: Vec::new(),
        }
    }

    fn is_ended(&self) -> bool {
        let idle = self.stream.try_read(&mut [0; 1]);
        !matches!(idle, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }

    /// The answer, without what was meant for this connection alone, and whether that is kept.
    async fn ask(&mut self, request: &[u8]) -> anyhow::Result<(Vec<u8>, bool)> {
        self.stream.write_all(request).await?;
        let answer = self.next().await?.context("closed unanswered")?;
        let closing = b"connection: close\r\n";
        let at = answer
            .windows(closing.len())
            .position(|part| part == closing);
        Ok(match at {
            None => (answer, true),
            Some(at) => (
                [&answer[..at], &answer[at + closing.len()..]].concat(),
                false,
            ),
        })
    }

    /// The next message; `None` where the other side has ended between two.
    async fn next(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        loop {
            if let Some(length) = whole(&self.read)? {
                let rest = self.read.split_off(length);
                return Ok(Some(std::mem::replace(&mut self.read, rest)));
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                ensure!(self.read.is_empty(), "closed inside a message");
                return Ok(None);
            }
        }
    }
}

/// The length of the first message, once it is there.
fn whole(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..end])?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    });
    let length = end + 4 + length.map_or(Ok(0), str::parse::<usize>)?;
    Ok((bytes.len() >= length).then_some(length))
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn a_message_is_whole_with_its_body() {
        let bytes = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}GET";
        let length = whole(bytes).unwrap().unwrap();
        assert_eq!(&bytes[length..], b"GET");
        assert_eq!(whole(&bytes[..length - 1]).unwrap(), None);
        let bare = b"HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(whole(bare).unwrap(), Some(bare.len()));
    }
}
