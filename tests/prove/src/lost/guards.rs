//! Two guards in this process that follow a server: one refuses when it does not know, one asks.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use keystile::Guard;
use keystile::remote::FeedStatus;
use tokio::time::sleep;

use crate::feed::Program;
use crate::figures::Stopwatch;
use crate::server::Server;

/// What a guard says of a token that it lets in.
pub(super) const GOOD: &str = "good";
/// What it says where it does not know what is revoked.
pub(super) const UNKNOWN: &str = "revocation_unknown";
/// What it says of a token that is revoked.
pub(super) const REVOKED: &str = "token_revoked";

/// How long a feed that is there again may stay lost: the longest pause between two attempts, and a little.
const BACK_WITHIN: Duration = Duration::from_secs(40);
const LOOK: Duration = Duration::from_millis(5);

/// The same server's tokens, guarded by each policy.
pub(super) struct Guards {
    /// Refuses.
    pub(super) refuses: Guard,
    /// Asks the issuer.
    pub(super) asks: Guard,
}

impl Guards {
    /// Of this server. The feed is read over `way`; the one that refuses has no other way to the issuer, the one that asks
    /// goes directly for all else. What was last heard counts for `stale`.
    pub(super) async fn connect(
        server: &Server,
        program: &Program,
        way: SocketAddr,
        stale: Duration,
    ) -> anyhow::Result<Self> {
        let direct = server.address();
        let at = |address: SocketAddr, path: &str| format!("http://{address}{path}");
        let feed = || {
            let feed = program.feed().serve_stale(stale);
            feed.at(at(way, "/v1/revocations"))
        };
        let cut_off = feed().token_at(at(way, "/oauth/token")).then_refuse();
        let asking = feed()
            .token_at(at(direct, "/oauth/token"))
            .introspect_at(at(direct, "/oauth/introspect"))
            .then_introspect();
        let guard = async |feed, keys| {
            let following = Guard::issuer_at(server.issuer()).audience(server.issuer());
            let following = following.keys_at(at(keys, "/.well-known/jwks.json"));
            let guard = following.revocations(feed).connect().await;
            guard.context("following the server")
        };
        Ok(Self {
            refuses: guard(cut_off, way).await?,
            asks: guard(asking, direct).await?,
        })
    }

    pub(super) fn both(&self) -> [(&'static str, &Guard); 2] {
        [("refusing", &self.refuses), ("asking", &self.asks)]
    }

    /// Waits until each knows again what is revoked, as of after the call; how long the later one took.
    pub(super) async fn are_current(&self) -> anyhow::Result<Duration> {
        let watch = Stopwatch::start();
        for (name, guard) in self.both() {
            loop {
                let stands = status(guard)?;
                let since = stands.stale_for.unwrap_or(Duration::MAX);
                if stands.current && since < watch.elapsed() {
                    break;
                }
                ensure!(
                    watch.elapsed() < BACK_WITHIN,
                    "the {name} guard does not find back: {:?}",
                    stands.fault
                );
                sleep(LOOK).await;
            }
        }
        Ok(watch.elapsed())
    }

    /// The time until each refuses a token that was revoked when this was called.
    pub(super) async fn feel(&self, token: &str, limit: Duration) -> anyhow::Result<Duration> {
        let watch = Stopwatch::start();
        for (name, guard) in self.both() {
            let felt = until_says(guard, token, REVOKED, limit).await;
            felt.with_context(|| format!("the {name} guard"))?;
        }
        Ok(watch.elapsed())
    }
}

/// What a guard says of a token: good, or the code of its refusal.
pub(super) async fn says(guard: &Guard, token: &str) -> &'static str {
    match guard.verify_async(token).await {
        Ok(_) => GOOD,
        Err(refusal) => refusal.code(),
    }
}

/// The time until a guard says this of a token.
pub(super) async fn until_says(
    guard: &Guard,
    token: &str,
    expected: &str,
    limit: Duration,
) -> anyhow::Result<Duration> {
    let watch = Stopwatch::start();
    loop {
        let said = says(guard, token).await;
        if said == expected {
            return Ok(watch.elapsed());
        }
        let in_time = watch.elapsed() < limit;
        ensure!(in_time, "says {said}, not {expected}, after {limit:?}");
        sleep(LOOK).await;
    }
}

/// How its feed stands.
pub(super) fn status(guard: &Guard) -> anyhow::Result<FeedStatus> {
    let issuers = guard.issuers();
    let status = issuers.first().and_then(keystile::Issuer::feed_status);
    status.context("a guard without a feed")
}
