//! A test issuer that others can reach: metadata, keys and the feed of revocations on loopback.
//!
//! Threads and blocking sockets: it needs no runtime, so that it serves a test of any kind, also one whose runtime stands
//! still or has its time paused, and the feature costs no crate.

mod answers;
mod feed;
#[cfg(feature = "remote")]
mod follow;
mod request;

use std::fmt;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use self::request::Request;
use super::{TestIssuer, lock};
use crate::{Clock, Timestamp};

/// What goes wrong at the key server. Given to [`ServedIssuer::fail`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Every connection is closed at once.
    Down,
    /// Connections are taken, and nothing is answered.
    Silent,
    /// Each answer takes so long: real time, so keep it short.
    Slow(Duration),
    /// Everything is answered with this status.
    Status(u16),
    /// The key set breaks off in the middle.
    Garbled,
    /// The key set has no key.
    NoKeys,
    /// The metadata names another issuer.
    OtherIssuer,
}

/// A [`TestIssuer`] on loopback, made by [`TestIssuer::serve`]. It ends with the last clone.
#[derive(Clone)]
pub struct ServedIssuer {
    issuer: TestIssuer,
    serving: Arc<Serving>,
}

/// Stops the server when the last handle goes.
struct Serving(Arc<Shared>);

/// What the threads of a server share.
struct Shared {
    address: SocketAddr,
    state: Mutex<State>,
    /// Wakes who waits for a fault to end.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    has_ended: bool,
    requests: Vec<String>,
}

impl TestIssuer {
    /// Publishes this issuer on loopback, at a port of its own: for a guard made by `Guard::issuer_at`, in this process or in
    /// another, in any language.
    ///
    /// `iss` is the address from now on, and everything begins anew, as it does with every setting. Others go by the
    /// machine's time, so the clock is set to that, to the second, and stands there until it is turned; unless
    /// [`with_clock`](Self::with_clock) gave another.
    ///
    #[cfg_attr(feature = "remote", doc = "```")]
    #[cfg_attr(not(feature = "remote"), doc = "```text")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use keystile::{Guard, testing::TestIssuer};
    ///
    /// let issuer = TestIssuer::new().audience("cakes").serve();
    /// let guard = Guard::issuer_at(issuer.url()).audience("cakes").connect().await?;
    /// assert!(guard.verify_async(&issuer.token("ada").build()).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Served are `/.well-known/oauth-authorization-server`, `/.well-known/openid-configuration`, `/.well-known/jwks.json`,
    /// `/v1/revocations`, and for one client, [`CLIENT_ID`](Self::CLIENT_ID) with [`CLIENT_SECRET`](Self::CLIENT_SECRET),
    /// `/oauth/token` and `/oauth/introspect`.
    ///
    /// # Panics
    ///
    /// If loopback has no port to spare, and with HS256, whose keys are never published.
    #[must_use = "it is served for as long as it is held"]
    #[track_caller]
    pub fn serve(self) -> ServedIssuer {
        assert!(
            !self.signing().algorithm().is_symmetric(),
            "keys of HS256 are never published: take another algorithm, or the issuer's own guard"
        );
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = listener.expect("loopback has a port to spare");
        let address = listener.local_addr().expect("what is bound has an address");
        let issuer = self.with(|settings| {
            settings.issuer = format!("http://{address}");
            let seconds = Clock::system().now().as_seconds();
            let machines = || Clock::manual(Timestamp::from_seconds(seconds));
            settings.clock.get_or_insert_with(machines);
        });
        let shared = Arc::new(Shared {
            address,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let (serves, of) = (Arc::clone(&shared), issuer.clone());
        thread::spawn(move || accept(&listener, &serves, &of));
        ServedIssuer {
            issuer,
            serving: Arc::new(Serving(shared)),
        }
    }

    /// The one client that a served issuer knows.
    pub const CLIENT_ID: &'static str = "test-client";
    /// Its secret, which is none.
    pub const CLIENT_SECRET: &'static str = "a-secret-for-tests-only";
}

impl ServedIssuer {
    /// Its address, which is what `iss` says: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        self.issuer.iss()
    }

    /// From now on this goes wrong, until another fault takes its place or it [works again](Self::work). Open feeds are cut
    /// by `Down`, `Silent` and `Status`.
    pub fn fail(&self, fault: Fault) {
        self.set(Some(fault));
    }

    /// Nothing goes wrong any more; who still waits for an answer gets it.
    pub fn work(&self) {
        self.set(None);
    }

    /// How often a path was asked for: `/.well-known/jwks.json`, say.
    pub fn requests(&self, path: &str) -> usize {
        let state = lock(&self.serving.0.state);
        state.requests.iter().filter(|asked| *asked == path).count()
    }

    fn set(&self, fault: Option<Fault>) {
        lock(&self.serving.0.state).fault = fault;
        self.serving.0.changed.notify_all();
    }
}

impl Deref for ServedIssuer {
    type Target = TestIssuer;

    fn deref(&self) -> &TestIssuer {
        &self.issuer
    }
}

impl fmt::Debug for ServedIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedIssuer")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        lock(&self.0.state).has_ended = true;
        self.0.changed.notify_all();
        // Whoever accepts is woken, sees that it has ended, and lets the port go.
        drop(TcpStream::connect(self.0.address));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, issuer: &TestIssuer) {
    while let Ok((stream, _)) = listener.accept() {
        if shared.has_ended() {
            return;
        }
        let (shared, issuer) = (Arc::clone(shared), issuer.clone());
        thread::spawn(move || {
            // Whoever went away does not want the answer.
            let _ = serve_one(stream, &shared, &issuer);
        });
    }
}

/// One request of a connection; each has a connection of its own.
fn serve_one(mut stream: TcpStream, shared: &Shared, issuer: &TestIssuer) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    if shared.fault() == Some(Fault::Down) {
        return Ok(());
    }
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    let Some(request) = Request::read(&mut stream)? else {
        return Ok(());
    };
    lock(&shared.state).requests.push(request.path.clone());
    let fault = shared.wait_out();
    if shared.has_ended() || fault == Some(Fault::Down) {
        return Ok(());
    }
    if request.path == answers::FEED && !matches!(fault, Some(Fault::Status(_))) {
        return feed::serve(&mut stream, &request, shared, issuer);
    }
    let answer = answers::answer(&request, issuer, fault);
    stream.write_all(&answer.encode())
}

impl Shared {
    fn has_ended(&self) -> bool {
        lock(&self.state).has_ended
    }

    fn fault(&self) -> Option<Fault> {
        lock(&self.state).fault
    }

    /// Whether streams that are open go on.
    fn is_streaming(&self) -> bool {
        let state = lock(&self.state);
        let cut = matches!(
            state.fault,
            Some(Fault::Down | Fault::Silent | Fault::Status(_))
        );
        !state.has_ended && !cut
    }

    /// Waits while nothing is answered, or for as long as an answer takes; then what else is wrong.
    fn wait_out(&self) -> Option<Fault> {
        let state = lock(&self.state);
        let waits = |state: &mut State| state.fault == Some(Fault::Silent) && !state.has_ended;
        let woken = self.changed.wait_while(state, waits);
        let state = woken.unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(Fault::Slow(by)) = state.fault {
            let waits =
                |state: &mut State| state.fault == Some(Fault::Slow(by)) && !state.has_ended;
            // However it ended, the answer follows.
            drop(self.changed.wait_timeout_while(state, by, waits));
            return None;
        }
        state.fault
    }
}
