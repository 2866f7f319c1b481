//! Following an issuer, against key servers in every state.
#![cfg(feature = "remote")]

#[path = "../common/mod.rs"]
mod common;
mod server;

mod discovery;
mod feed;
mod fetching;
#[cfg(feature = "axum")]
mod in_axum;
mod introspection;
mod introspection_attacks;
mod lookup;
mod lookup_attacks;
mod lookup_floods;
mod mixed;
#[cfg(feature = "axum")]
mod over_tls;
mod trouble;
mod unknown_key;
#[cfg(all(feature = "axum", feature = "testing"))]
mod waiting_cookie;

use std::time::Duration;

use keystile::remote::Follow;
use keystile::{Algorithm, Claims, Clock, Guard, Random, Refusal, SigningKey, Timestamp};

use common::{NOW, clock, key};
use server::Server;

/// What really takes place does so within this time, or the test fails.
const DEADLINE: Duration = Duration::from_secs(20);
/// The time-out of those tests that wait for one.
const SHORT: Duration = Duration::from_millis(400);

/// A key of this name.
fn named(name: &str) -> SigningKey {
    let seed = name.bytes().map(u64::from).sum();
    key(Algorithm::EdDsa, seed).with_key_id(name)
}

/// A token of the server's, from an issuer that is at `issuer`.
fn token_of(issuer: &str, key: &SigningKey) -> String {
    key.issue(&Claims {
        iss: Some(issuer.to_owned()),
        aud: "cakes".into(),
        ..Claims::new("ada", NOW + 365 * 24 * 3_600)
    })
    .unwrap()
}

fn token(server: &Server, key: &SigningKey) -> String {
    token_of(&server.url(), key)
}

fn follow(server: &Server, clock: &Clock) -> Follow<Guard> {
    Guard::issuer_at(server.url())
        .audience("cakes")
        .clock(clock.clone())
        .random(Random::seeded(7))
        .timeout(DEADLINE)
}

/// A server with these keys, a clock, and a guard that follows it.
async fn connected(keys: &[&SigningKey]) -> (Server, Clock, Guard) {
    let server = Server::start().await;
    server.publishes(keys);
    let clock = clock();
    let guard = follow(&server, &clock).connect().await.unwrap();
    (server, clock, guard)
}

fn code(verdict: &Result<std::sync::Arc<keystile::Verified>, Refusal>) -> &'static str {
    verdict.as_ref().map_or_else(Refusal::code, |_| "ok")
}

fn verdict(guard: &Guard, token: &str) -> &'static str {
    code(&guard.verify(token))
}

async fn verdict_async(guard: &Guard, token: &str) -> &'static str {
    code(&guard.verify_async(token).await)
}

/// Lets every task of this runtime do what it can do now. The tests run on one thread, and a task that was woken is run
/// before one that yields so often.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Polls until it holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let polling = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let held = tokio::time::timeout(DEADLINE, polling).await;
    assert!(held.is_ok(), "{what}: not within {DEADLINE:?}");
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The moment that is so many seconds after the tests' beginning.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(NOW + seconds)
}
