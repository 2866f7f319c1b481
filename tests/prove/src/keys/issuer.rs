//! An issuer of the proof's own: its document, tokens for the feed, and the feed at one address; its keys at another, by a
//! server that can be made to fail in every way.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keystile::{Algorithm, Claims, Clock, KeySet, Random, SigningKey};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

/// What the key server does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mood {
    #[default]
    Well,
    /// Answers after so long.
    Slow(Duration),
    /// Takes the question and never answers.
    Silent,
    /// Every answer is wrong in another way; none of them has a usable key.
    HalfBroken,
}

/// An issuer. It ends with this.
pub(super) struct Issuer {
    pub(super) url: String,
    pub(super) keys_url: String,
    state: Arc<State>,
    tasks: Vec<AbortHandle>,
    key_server: AbortHandle,
}

struct State {
    mood: Mutex<Mood>,
    keys: Mutex<Vec<SigningKey>>,
    fetches: AtomicUsize,
    /// What the feed has told so far.
    told: watch::Sender<String>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        for task in self.tasks.iter().chain([&self.key_server]) {
            task.abort();
        }
    }
}

impl Issuer {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let front = TcpListener::bind(("127.0.0.1", 0)).await?;
        let keys = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", front.local_addr()?);
        let keys_url = format!("http://{}/jwks", keys.local_addr()?);
        let begin = "event: snapshot\ndata: {\"feed\":\"proof\"}\n\n";
        let state = Arc::new(State {
            mood: Mutex::default(),
            keys: Mutex::default(),
            fetches: AtomicUsize::new(0),
            told: watch::Sender::new(begin.to_owned() + CURRENT),
        });
        let (shared, own) = (Arc::clone(&state), url.clone());
        let answering = tokio::spawn(accept(front, move |stream| {
            front_answer(stream, Arc::clone(&shared), own.clone())
        }));
        let beating = tokio::spawn(beat(Arc::clone(&state)));
        let shared = Arc::clone(&state);
        let key_server = tokio::spawn(accept(keys, move |stream| {
            keys_answer(stream, Arc::clone(&shared))
        }));
        let issuer = Self {
            url,
            keys_url,
            state,
            tasks: vec![answering.abort_handle(), beating.abort_handle()],
            key_server: key_server.abort_handle(),
        };
        issuer.publish_new_key()?;
        Ok(issuer)
    }

    pub(super) fn is(&self, mood: Mood) {
        *lock(&self.state.mood) = mood;
    }

    /// The key server is gone: its port is closed.
    pub(super) fn take_down(&self) {
        self.key_server.abort();
    }

    pub(super) fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }

    /// From now on it signs with a key that nobody has seen, published at this moment.
    pub(super) fn publish_new_key(&self) -> anyhow::Result<SigningKey> {
        let key = SigningKey::generate(Algorithm::EdDsa, &Random::system())?;
        let mut keys = lock(&self.state.keys);
        keys.push(key.clone());
        // As many as tokens may live of.
        let surplus = keys.len().saturating_sub(8);
        keys.drain(..surplus);
        Ok(key)
    }

    /// The key that signs, and how many there are.
    pub(super) fn newest(&self) -> Option<SigningKey> {
        lock(&self.state.keys).last().cloned()
    }

    /// A token for the guarded route, by this key.
    pub(super) fn token(&self, key: &SigningKey) -> anyhow::Result<String> {
        let now = Clock::system().now().as_seconds();
        let claims = Claims {
            iss: Some(self.url.clone()),
            aud: "proof".into(),
            iat: Some(now),
            jti: Some(hex(Random::system().bytes::<8>())),
            ..Claims::new("ada", now + 900)
        };
        Ok(key.issue(&claims)?)
    }

    /// Tells by the feed that a key is withdrawn, signed by another.
    pub(super) fn withdraw(&self, key: &SigningKey, by: &SigningKey) -> anyhow::Result<()> {
        let claims = json!({
            "iss": self.url, "jti": "withdrawal", "iat": Clock::system().now().as_seconds(),
            "sub_id": { "format": "opaque", "id": key.key_id().as_str() },
            "events": { "urn:keystile:event:key-withdrawn": {} },
        });
        let set = by.sign_claims("secevent+jwt", &claims)?;
        let told = format!("event: revoked\ndata: {set}\n\n{CURRENT}");
        self.state.told.send_modify(|all| all.push_str(&told));
        Ok(())
    }
}

const CURRENT: &str = "event: current\nid: proof.1\ndata: {\"at\":0}\n\n";

/// A sign of life each second.
async fn beat(state: Arc<State>) {
    loop {
        sleep(Duration::from_secs(1)).await;
        state.told.send_modify(|told| told.push_str(CURRENT));
    }
}

async fn accept<F>(listener: TcpListener, answer: impl Fn(TcpStream) -> F)
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        open.spawn(answer(stream));
        while open.try_join_next().is_some() {}
    }
}

/// The path of one request, whose body, if any, comes in the same piece.
async fn path(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    let mut piece = [0; 4_096];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = stream.read(&mut piece).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&piece[..read]);
    }
    let head = String::from_utf8_lossy(&head);
    Ok(head.split(' ').nth(1).unwrap_or_default().to_owned())
}

fn json_answer(body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

async fn front_answer(
    mut stream: TcpStream,
    state: Arc<State>,
    url: String,
) -> std::io::Result<()> {
    let body = match &*path(&mut stream).await? {
        "/.well-known/oauth-authorization-server" => json!({
            "issuer": url,
            "jwks_uri": format!("{url}/nowhere"),
            "token_endpoint": format!("{url}/token"),
            "revocation_feed_uri": format!("{url}/feed"),
        }),
        "/token" => json!({ "access_token": "proof", "token_type": "Bearer", "expires_in": 3_600 }),
        "/feed" => return tell(stream, state).await,
        _ => json!({}),
    };
    stream
        .write_all(json_answer(&body.to_string()).as_bytes())
        .await
}

async fn tell(mut stream: TcpStream, state: Arc<State>) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let mut told = state.told.subscribe();
    let mut sent = 0;
    loop {
        let new = told.borrow_and_update()[sent..].to_owned();
        stream.write_all(new.as_bytes()).await?;
        sent += new.len();
        if told.changed().await.is_err() {
            return Ok(());
        }
    }
}

async fn keys_answer(mut stream: TcpStream, state: Arc<State>) -> std::io::Result<()> {
    path(&mut stream).await?;
    let number = state.fetches.fetch_add(1, Ordering::SeqCst);
    let mood = *lock(&state.mood);
    let published = || {
        let keys = lock(&state.keys);
        let set: KeySet = keys.iter().map(|key| key.verifying_key().clone()).collect();
        set.to_jwks_json()
    };
    let answer = match mood {
        Mood::Well => json_answer(&published()),
        Mood::Slow(by) => {
            // What is published when the question comes, not when it is answered: the worst that a slow one does.
            let answer = json_answer(&published());
            sleep(by).await;
            answer
        }
        Mood::Silent => return std::future::pending().await,
        Mood::HalfBroken => half_broken(number, &published()),
    };
    stream.write_all(answer.as_bytes()).await
}

fn half_broken(number: usize, published: &str) -> String {
    let whole = json_answer(published);
    match number % 7 {
        0 => "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
        1 => whole[..whole.len() / 2].to_owned(),
        2 => json_answer("{\"keys\":[]}"),
        3 => json_answer("<html>"),
        4 => json_answer("{\"keys\":[{\"kty\":\"OKP\"},7,null]}"),
        5 => String::new(),
        _ => whole.replace("application/json", "text/html"),
    }
}

fn hex(bytes: [u8; 8]) -> String {
    format!("{:016x}", u64::from_be_bytes(bytes))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An address that a URL of this module's names.
pub(super) fn host(url: &str) -> Option<SocketAddr> {
    let rest = url.strip_prefix("http://")?;
    rest.split('/').next()?.parse().ok()
}
