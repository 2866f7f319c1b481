//! A way to a server that a test can cut, silence and mend.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::USER;

/// A port of loopback whose connections lead to a server, for as long as the test wants. It ends when it is dropped.
#[derive(Debug)]
pub struct Way {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Clone, Debug)]
enum Target {
    Socket(PathBuf),
    Address(SocketAddr),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Open,
    /// Connections are taken, and no byte passes.
    Silent,
    /// Connections end at once.
    Cut,
}

#[derive(Debug, Default)]
struct State {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    mode: Mode,
    /// What to look out for in what is sent: its answer never arrives.
    lost: Option<Vec<u8>>,
    open: Vec<Arc<Passage>>,
    ended: bool,
}

/// One connection.
#[derive(Debug)]
struct Passage {
    client: TcpStream,
    server: Stream,
    /// The next answer is swallowed, and the connection ends.
    doomed: AtomicBool,
}

#[derive(Debug)]
enum Stream {
    Socket(UnixStream),
    Address(TcpStream),
}

impl Way {
    /// A way to PostgreSQL's socket.
    pub fn to_socket(socket: PathBuf) -> Self {
        Self::to(Target::Socket(socket))
    }

    /// A way to any address.
    pub fn to_address(address: SocketAddr) -> Self {
        Self::to(Target::Address(address))
    }

    fn to(target: Target) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let way = Self {
            address: listener.local_addr().expect("its address"),
            state: Arc::default(),
        };
        let state = Arc::clone(&way.state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if state.lock().ended {
                    return;
                }
                // One that cannot be made ends, as the client sees.
                let _ = state.open(&target, client);
            }
        });
        way
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a database at its other end.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@{}/{database}", self.address)
    }

    /// Ends all connections, and every new one.
    pub fn cut(&self) {
        self.state.turn(Mode::Cut);
    }

    /// Lets no byte pass, in either direction, and ends nothing: as where a cable is pulled.
    pub fn silence(&self) {
        self.state.turn(Mode::Silent);
    }

    /// Lets everything pass, also what waited.
    pub fn mend(&self) {
        self.state.turn(Mode::Open);
    }

    /// The first message that holds these bytes arrives; its answer does not, and its connection ends.
    pub fn lose_answer_to(&self, bytes: impl Into<Vec<u8>>) {
        self.state.lock().lost = Some(bytes.into());
    }

    /// Whether an answer that was to be lost has been.
    pub fn has_lost_it(&self) -> bool {
        self.state.lock().lost.is_none()
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.cut();
        self.state.lock().ended = true;
        // Wakes the listener, which sees it.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, mode: Mode) {
        let mut inner = self.lock();
        inner.mode = mode;
        if mode == Mode::Cut {
            for passage in inner.open.drain(..) {
                passage.end();
            }
        }
        self.changed.notify_all();
    }

    fn open(self: &Arc<Self>, target: &Target, client: TcpStream) -> std::io::Result<()> {
        let server = target.connect()?;
        client.set_nodelay(true)?;
        let passage = Arc::new(Passage {
            client,
            server,
            doomed: AtomicBool::new(false),
        });
        {
            let mut inner = self.lock();
            if inner.mode == Mode::Cut {
                passage.end();
                return Ok(());
            }
            inner.open.push(Arc::clone(&passage));
        }
        for direction in [Self::send as fn(&Self, &Passage) -> _, Self::receive] {
            let (state, passage) = (Arc::clone(self), Arc::clone(&passage));
            std::thread::spawn(move || {
                let _ = direction(&state, &passage);
                passage.end();
                state.lock().open.retain(|one| !Arc::ptr_eq(one, &passage));
            });
        }
        Ok(())
    }

    /// From the client to the server.
    fn send(&self, passage: &Passage) -> std::io::Result<()> {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let length = (&passage.client).read(&mut bytes)?;
            // An end does not pass either while nothing does.
            let mut inner = self.pass()?;
            if length == 0 {
                return Ok(());
            }
            let found = inner.lost.as_ref().is_some_and(|lost| {
                bytes[..length]
                    .windows(lost.len())
                    .any(|part| part == &lost[..])
            });
            if found {
                inner.lost = None;
                passage.doomed.store(true, Ordering::SeqCst);
            }
            drop(inner);
            passage.server.write_all(&bytes[..length])?;
        }
    }

    /// From the server to the client.
    fn receive(&self, passage: &Passage) -> std::io::Result<()> {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let length = passage.server.read(&mut bytes)?;
            drop(self.pass()?);
            if length == 0 || passage.doomed.load(Ordering::SeqCst) {
                return Ok(());
            }
            (&passage.client).write_all(&bytes[..length])?;
        }
    }

    /// Waits until bytes may pass.
    fn pass(&self) -> std::io::Result<MutexGuard<'_, Inner>> {
        let mut inner = self.lock();
        while inner.mode == Mode::Silent {
            inner = self
                .changed
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if inner.mode == Mode::Cut {
            return Err(std::io::ErrorKind::ConnectionAborted.into());
        }
        Ok(inner)
    }
}

impl Passage {
    fn end(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = match &self.server {
            Stream::Socket(stream) => stream.shutdown(Shutdown::Both),
            Stream::Address(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Target {
    fn connect(&self) -> std::io::Result<Stream> {
        match self {
            Self::Socket(path) => UnixStream::connect(path).map(Stream::Socket),
            Self::Address(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                Ok(Stream::Address(stream))
            }
        }
    }
}

impl Stream {
    fn read(&self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Socket(stream) => (&*stream).read(bytes),
            Self::Address(stream) => (&*stream).read(bytes),
        }
    }

    fn write_all(&self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Socket(stream) => (&*stream).write_all(bytes),
            Self::Address(stream) => (&*stream).write_all(bytes),
        }
    }
}
