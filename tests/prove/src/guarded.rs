//! A program that guards a route: it trusts an issuer's tokens by its published keys, and hears of what it revokes. What a
//! reader's own service would be.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use keystile::remote::FeedState;
use keystile::{Feed, Guard, Principal};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// The guarded route.
pub const GUARDED: &str = "/guarded";

/// Whom it trusts, and as which client of the issuer's it hears of revocations.
#[derive(Clone, Debug, clap::Args)]
pub struct Trusting {
    /// The issuer: a Keystile server's URL.
    #[arg(long)]
    issuer: String,
    /// What `aud` must contain; the issuer unless said.
    #[arg(long)]
    audience: Option<String>,
    /// The client's id.
    #[arg(long, env = "KEYSTILE_CLIENT_ID")]
    client_id: String,
    /// The client's secret.
    #[arg(long, env = "KEYSTILE_CLIENT_SECRET", hide_env_values = true)]
    client_secret: String,
    /// Where the revocation feed is; what the issuer's metadata says unless said: one of its nodes, say.
    #[arg(long)]
    feed: Option<String>,
    /// For how many seconds what was last heard counts.
    #[arg(long, default_value_t = 60)]
    serve_stale: u64,
    /// After that asks the issuer about each token, and does not refuse it.
    #[arg(long)]
    introspect: bool,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// Serves until it is killed. Prints where it listens once it knows all that is revoked.
pub async fn run(trusting: Trusting) -> anyhow::Result<()> {
    let feed = Feed::client(trusting.client_id, trusting.client_secret)
        .serve_stale(Duration::from_secs(trusting.serve_stale));
    let feed = match trusting.feed {
        Some(url) => feed.at(url),
        None => feed,
    };
    let feed = if trusting.introspect {
        feed.then_introspect()
    } else {
        feed.then_refuse()
    };
    let audience = trusting.audience.unwrap_or_else(|| trusting.issuer.clone());
    let following = Guard::issuer_at(trusting.issuer).audience(audience);
    let guard = following.revocations(feed).connect().await?;
    let listener = TcpListener::bind(trusting.listen).await?;
    println!("Listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router(guard))
        .await
        .context("serving ended")
}

/// A guarded service in this process. It ends with this.
#[derive(Debug)]
pub struct Guarded {
    /// Where it listens.
    pub address: SocketAddr,
    serving: AbortHandle,
}

impl Guarded {
    /// Serves behind this guard, on a free port.
    pub async fn start(guard: Guard) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(async move { axum::serve(listener, router(guard)).await });
        Ok(Self {
            address,
            serving: serving.abort_handle(),
        })
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn router(guard: Guard) -> Router {
    Router::new()
        .route(GUARDED, get(guarded))
        .route("/status", get(status))
        .with_state(guard)
}

async fn guarded(caller: Principal) -> Json<Value> {
    Json(json!({ "sub": caller.sub }))
}

/// How hearing of revocations stands.
async fn status(State(guard): State<Guard>) -> Json<Value> {
    let issuers = guard.issuers();
    let feed = issuers.first().and_then(keystile::Issuer::feed_status);
    let feed = feed.unwrap_or_default();
    Json(json!({
        "live": feed.state == FeedState::Live,
        "current": feed.current,
        "stale_for_ms": feed.stale_for.map(|stale| u64::try_from(stale.as_millis()).unwrap_or(u64::MAX)),
        "entries": feed.entries,
        "told": feed.told,
        "snapshots": feed.snapshots,
        "connections": feed.connections,
        "introspections": feed.introspections,
        "fault": feed.fault.map(|fault| fault.to_string()),
    }))
}
