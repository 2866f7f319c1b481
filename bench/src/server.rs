//! The measured servers: one route, one thread, nothing else.

use anyhow::Context;
use axum::Router;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::child;

/// What the one route, `GET /`, is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Route {
    /// axum alone: what every ratio is against.
    Bare,
}

/// Serves until the parent closes standard input.
pub(crate) fn serve(route: &Route) -> anyhow::Result<()> {
    let router = router(route)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        child::say(&listener.local_addr()?.to_string())?;
        child::exit_when_told();
        axum::serve(listener, router).await.context("serving")
    })
}

fn router(route: &Route) -> anyhow::Result<Router> {
    Ok(match route {
        Route::Bare => Router::new().route("/", get(hello)),
    })
}

async fn hello() -> &'static str {
    "Hello"
}
