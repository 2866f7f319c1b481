//! Following a feed, against one that the test writes line by line.

mod client;
mod hostile;
mod policy;
mod reading;
mod resuming;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::Ed25519KeyPair;
use keystile::remote::{FeedState, FeedStatus, Follow};
use keystile::{Claims, Clock, Feed, Guard, Issuer, Random, SigningKey};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::common::{clock, encode};
use crate::server::{Asked, Reply, Server, Step};
use crate::{DEADLINE, NOW, code, settle};

const SESSION: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const SECRET: &str = "the client's secret";
/// Later than every token of these tests.
const LATER: i64 = NOW + 3_600;

/// An issuer with a feed, and a guard that follows both.
struct World {
    server: Server,
    clock: Clock,
    opened: UnboundedReceiver<Opened>,
    opening: UnboundedSender<Opened>,
    /// What the feed answers before it opens streams.
    refusals: Arc<Mutex<VecDeque<Reply>>>,
    keys: Arc<Mutex<Reply>>,
    /// Requests for tokens, and about them.
    posted: Arc<Mutex<Vec<Posted>>>,
    answers: Arc<Mutex<VecDeque<Reply>>>,
}

/// A request with a form.
#[derive(Clone, Debug)]
struct Posted {
    path: String,
    credentials: String,
    form: String,
}

/// A connection to the feed.
struct Opened {
    last_id: Option<String>,
    bearer: String,
    to: UnboundedSender<Step>,
}

impl World {
    /// With these keys; the document names everything.
    async fn start(keys: &[&SigningKey]) -> Self {
        let server = Server::start().await;
        let (opening, opened) = unbounded_channel();
        let world = Self {
            clock: clock(),
            opened,
            opening,
            refusals: Arc::default(),
            keys: Arc::new(Mutex::new(Reply::keys(keys))),
            posted: Arc::default(),
            answers: Arc::default(),
            server,
        };
        world.says(&json!({}));
        world
    }

    /// A document with these members instead of the usual ones.
    fn says(&self, members: &Value) {
        let at = |path: &str| format!("{}{path}", self.server.url());
        let mut document = json!({
            "issuer": self.server.url(),
            "jwks_uri": at("/jwks"),
            "token_endpoint": at("/token"),
            "introspection_endpoint": at("/introspect"),
            "revocation_feed_uri": at("/feed"),
        });
        for (name, value) in members.as_object().unwrap() {
            document[name] = value.clone();
        }
        let (refusals, keys) = (Arc::clone(&self.refusals), Arc::clone(&self.keys));
        let (posted, answers) = (Arc::clone(&self.posted), Arc::clone(&self.answers));
        let opening = self.opening.clone();
        let mut tokens = 0;
        self.server.replies(move |asked| match &*asked.path {
            "/.well-known/oauth-authorization-server" => Reply::json(&document),
            "/jwks" => keys.lock().unwrap().clone(),
            "/token" | "/introspect" => {
                posted.lock().unwrap().push(Posted {
                    path: asked.path.clone(),
                    credentials: asked.header("authorization").unwrap_or_default(),
                    form: asked.body.clone(),
                });
                tokens += 1;
                let usual = || {
                    Reply::json(json!({
                        "access_token": format!("token-{tokens}"),
                        "token_type": "bearer",
                        "expires_in": 900,
                        "active": true,
                    }))
                };
                answers.lock().unwrap().pop_front().unwrap_or_else(usual)
            }
            "/feed" => {
                let refusal = refusals.lock().unwrap().pop_front();
                refusal.unwrap_or_else(|| open(asked, &opening))
            }
            _ => Reply::status(404),
        });
    }

    fn feed() -> Feed {
        Feed::client("cakes-api", SECRET)
    }

    fn follow(&self, feed: Feed) -> Follow<Issuer> {
        Issuer::at(self.server.url())
            .audience("cakes")
            .clock(self.clock.clone())
            .random(Random::seeded(7))
            .timeout(DEADLINE)
            .revocations(feed)
    }

    /// A guard whose feed has told nothing yet.
    fn lazy(&self, feed: Feed) -> (Guard, Issuer) {
        let issuer = self.follow(feed).connect_lazy().unwrap();
        (Guard::from(issuer.clone()), issuer)
    }

    /// A guard that was told that nothing is revoked, and the stream that told it so.
    async fn live(&mut self, feed: Feed) -> (Guard, Issuer, Opened) {
        let (guard, issuer) = self.lazy(feed);
        let stream = self.next().await;
        stream.snapshot("f1");
        stream.current("f1.1");
        reached(&issuer, FeedState::Live).await;
        (guard, issuer, stream)
    }

    /// The next connection to the feed. The clock is turned until it comes.
    async fn next(&mut self) -> Opened {
        for _ in 0..40 {
            let waiting = tokio::time::timeout(crate::seconds(0), self.opened.recv());
            if let Ok(opened) = waiting.await {
                return opened.expect("the server is there");
            }
            for _ in 0..20 {
                settle().await;
                if let Ok(opened) = self.opened.try_recv() {
                    return opened;
                }
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
            self.clock.advance(crate::seconds(1));
        }
        panic!("nobody connects to the feed");
    }

    /// The next connection, which comes without the clock being turned.
    async fn next_at_once(&mut self) -> Opened {
        let opened = tokio::time::timeout(DEADLINE, self.opened.recv()).await;
        opened
            .expect("within the deadline")
            .expect("the server is there")
    }

    fn publishes(&self, keys: &[&SigningKey]) {
        *self.keys.lock().unwrap() = Reply::keys(keys);
    }

    fn refuses(&self, reply: Reply) {
        self.refusals.lock().unwrap().push_back(reply);
    }

    fn answers(&self, reply: Reply) {
        self.answers.lock().unwrap().push_back(reply);
    }

    fn posted(&self, path: &str) -> Vec<Posted> {
        let posted = self.posted.lock().unwrap();
        posted
            .iter()
            .filter(|posted| posted.path == path)
            .cloned()
            .collect()
    }

    fn token(&self, key: &SigningKey, sid: &str) -> String {
        token_of(&self.server.url(), key, sid)
    }

    fn session(&self, key: &str, sid: &str) -> String {
        let session = json!({ "format": "opaque", "id": sid });
        let sub_id = json!({ "format": "complex", "session": session });
        self.set(key, &sub_id, SESSION, &json!({ "until": LATER }))
    }

    fn set(&self, key: &str, sub_id: &Value, kind: &str, details: &Value) -> String {
        let claims = json!({
            "iss": self.server.url(), "jti": "1", "iat": NOW,
            "sub_id": sub_id, "events": { kind: details },
        });
        signed(key, "secevent+jwt", &claims)
    }
}

fn open(asked: &Asked, opening: &UnboundedSender<Opened>) -> Reply {
    let (to, reply) = Reply::stream();
    let opened = Opened {
        last_id: asked.header("last-event-id"),
        bearer: asked.header("authorization").unwrap_or_default(),
        to,
    };
    assert_eq!(asked.header("accept").as_deref(), Some("text/event-stream"));
    let _ = opening.send(opened);
    reply
}

impl Opened {
    fn send(&self, text: impl Into<String>) {
        self.to
            .send(Step::Text(text.into()))
            .expect("the guard reads on");
    }

    fn event(&self, kind: &str, data: &str) {
        self.send(format!("event: {kind}\ndata: {data}\n\n"));
    }

    fn snapshot(&self, feed: &str) {
        self.event("snapshot", &json!({ "feed": feed }).to_string());
    }

    fn revoked(&self, set: &str) {
        self.event("revoked", set);
    }

    fn current(&self, id: &str) {
        let at = NOW * 1_000 + 123;
        self.send(format!(
            "event: current\nid: {id}\ndata: {{\"at\":{at}}}\n\n"
        ));
    }

    /// Whether the guard has gone away from it.
    async fn is_left(&self) {
        let left = tokio::time::timeout(DEADLINE, self.to.closed()).await;
        assert!(left.is_ok(), "the stream is read on");
    }
}

fn token_of(issuer: &str, key: &SigningKey, sid: &str) -> String {
    key.issue(&Claims {
        iss: Some(issuer.to_owned()),
        aud: "cakes".into(),
        sid: Some(sid.to_owned()),
        jti: Some(format!("jti-{sid}")),
        iat: Some(NOW),
        generation: Some(5),
        ..Claims::new(format!("sub-{sid}"), LATER)
    })
    .unwrap()
}

/// Any claims, signed by the key of this name.
fn signed(key: &str, typ: &str, claims: &Value) -> String {
    signed_by(key, key, typ, claims)
}

/// Any claims, signed by one key in the name of another.
fn signed_by(signer: &str, key: &str, typ: &str, claims: &Value) -> String {
    let header = json!({ "alg": "EdDSA", "kid": key, "typ": typ });
    let text = format!(
        "{}.{}",
        encode(header.to_string()),
        encode(claims.to_string())
    );
    let seed = signer.bytes().map(u64::from).sum();
    let bytes = Random::seeded(seed).bytes::<32>();
    let pair = Ed25519KeyPair::from_seed_unchecked(&bytes).unwrap();
    let signature = pair.sign(text.as_bytes());
    format!("{text}.{}", encode(signature))
}

async fn status_is(issuer: &Issuer, what: &str, mut holds: impl FnMut(&FeedStatus) -> bool) {
    crate::until(what, || holds(&issuer.feed_status().unwrap())).await;
}

async fn reached(issuer: &Issuer, state: FeedState) {
    status_is(issuer, &format!("{state:?}"), |status| {
        status.state == state
    })
    .await;
}

async fn felt(guard: &Guard, token: &str, expected: &str) {
    let verdict = || code(&guard.verify(token));
    crate::until(expected, || verdict() == expected).await;
}

/// The fault that ended the last stream.
fn fault(issuer: &Issuer) -> String {
    let fault = issuer.feed_status().unwrap().fault;
    fault.map(|fault| fault.to_string()).unwrap_or_default()
}
