//! The measured servers: one route, one thread, nothing else.

use anyhow::Context;
use axum::Router;
use axum::routing::get;
use keystile::axum::Principal;
use keystile::{Expected, Guard, KeySet, Trust, Verifier};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::child;
use crate::tokens::{ISSUER, KeyText};

/// What the one route, `GET /`, is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Route {
    /// axum alone: what every ratio is against.
    Bare,
    /// The same answer, for a principal.
    Guarded {
        key: KeyText,
        /// Whether verified tokens may be remembered, as they are by default.
        remember: bool,
    },
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
        Route::Guarded { key, remember } => {
            let verifier = Verifier::new(Trust {
                issuer: Expected::from(ISSUER),
                audience: Expected::from(ISSUER),
                token_type: Expected::from("at+jwt"),
                keys: KeySet::new([key.key()?]),
            });
            let guard = Guard::new(verifier);
            let guard = if *remember { guard } else { guard.remember(0) };
            Router::new()
                .route("/", get(hello_principal))
                .with_state(guard)
        }
    })
}

async fn hello() -> &'static str {
    "Hello"
}

async fn hello_principal(_: Principal) -> &'static str {
    "Hello"
}
