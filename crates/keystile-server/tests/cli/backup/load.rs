//! People who sign up, refresh and sign out until they are told to end, and remember what was acknowledged.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{PATIENCE, Pair};
use crate::keystile::{PASSWORD, Serving, ask};

pub(super) const JSON: &str = "content-type: application/json\r\n";
const CHAINS: usize = 2;

/// What was acknowledged.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Names.
    pub(super) signed_up: Vec<String>,
    /// Sessions that were signed out.
    pub(super) left: Vec<Pair>,
    /// Chains of refreshes, each pair in its order.
    pub(super) chains: Vec<Vec<Pair>>,
}

impl Known {
    pub(super) fn acts(&self) -> usize {
        let refreshes: usize = self.chains.iter().map(Vec::len).sum();
        self.signed_up.len() + self.left.len() + refreshes
    }

    fn least(&self) -> usize {
        let chains = self.chains.iter().map(Vec::len).min().unwrap_or(0);
        self.signed_up.len().min(self.left.len()).min(chains)
    }
}

pub(super) struct Crowd {
    known: Arc<Mutex<Known>>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Crowd {
    pub(super) fn gather(server: &Serving) -> Self {
        let mut crowd = Self {
            known: Arc::default(),
            over: Arc::default(),
            threads: Vec::new(),
        };
        let address = server.address;
        let known = Known {
            chains: vec![Vec::new(); CHAINS],
            ..Known::default()
        };
        *crowd.known.lock().expect("what is known") = known;
        crowd.act(move |_, number| {
            let name = format!("new-{number}");
            sign_up(address, &name);
            move |known: &mut Known| known.signed_up.push(name)
        });
        sign_up(address, "leaver");
        crowd.act(move |_, _| {
            let pair = sign_in(address, "leaver");
            let bearer = format!("authorization: Bearer {}\r\n", pair.access);
            assert_eq!(ask(address, "POST", "/v1/logout", &bearer, "").0, 204);
            move |known: &mut Known| known.left.push(pair)
        });
        for chain in 0..CHAINS {
            let name = format!("chain-{chain}");
            sign_up(address, &name);
            let first = sign_in(address, &name);
            crowd.act(move |known, _| {
                let last = known.chains[chain].last().cloned();
                let pair = match last {
                    None => first.clone(),
                    Some(last) => {
                        // Many refreshes would only make the test long.
                        sleep(Duration::from_millis(5));
                        let body = json!({ "refresh_token": last.refresh });
                        Pair::from(&post(address, "/v1/refresh", &body, 200))
                    }
                };
                move |known: &mut Known| known.chains[chain].push(pair)
            });
        }
        crowd
    }

    /// Does one act after the other on a thread of its own; each is noted once it is acknowledged.
    fn act<N: FnOnce(&mut Known)>(
        &mut self,
        mut one: impl FnMut(Known, usize) -> N + Send + 'static,
    ) {
        let (known, over) = (Arc::clone(&self.known), Arc::clone(&self.over));
        self.threads.push(std::thread::spawn(move || {
            for number in 0.. {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let so_far = known.lock().expect("what is known").clone();
                let note = one(so_far, number);
                note(&mut known.lock().expect("what is known"));
            }
        }));
    }

    pub(super) fn known(&self) -> Known {
        self.known.lock().expect("what is known").clone()
    }

    /// Waits until everybody has done so many, or all together twice as many.
    pub(super) fn wait_for(&self, acts: usize) {
        let since = Instant::now();
        loop {
            let known = self.known();
            if known.least() >= acts || known.acts() >= acts && known.least() > 0 {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "the load does not go on");
            sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn end(self) -> Known {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("nobody was refused");
        }
        let known = self.known.lock().expect("what is known");
        known.clone()
    }
}

fn post(address: SocketAddr, path: &str, body: &Value, expected: u16) -> Value {
    let (status, body) = ask(address, "POST", path, JSON, &body.to_string());
    assert_eq!(status, expected, "{path}: {body}");
    serde_json::from_str(&body).expect("JSON")
}

fn sign_up(address: SocketAddr, name: &str) {
    let body = json!({ "username": name, "password": PASSWORD });
    post(address, "/v1/signup", &body, 201);
}

fn sign_in(address: SocketAddr, name: &str) -> Pair {
    let body = json!({ "username": name, "password": PASSWORD });
    Pair::from(&post(address, "/v1/login", &body, 200))
}
