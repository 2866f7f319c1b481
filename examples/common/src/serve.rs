//! Starting and stopping, and a route at `/path` and `/path/`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::MethodRouter;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::Settings;

/// How long requests under way may take to finish once the program is told to stop.
const PATIENCE: Duration = Duration::from_secs(3);

/// A socket that listens already, so that its address is known before it serves.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    /// Where it listens; the port is the real one, also where `PORT` was 0.
    pub address: SocketAddr,
}

impl Server {
    /// Listens at `HOST` and `PORT`.
    pub async fn listen(settings: &Settings) -> Result<Self> {
        let (host, port) = settings.address()?;
        let listener = TcpListener::bind((host.as_str(), port))
            .await
            .with_context(|| {
                format!("cannot listen on {host}:{port}; set HOST and PORT to another address")
            })?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Says where it listens, and serves until Ctrl-C or SIGTERM; requests under way have some seconds to finish.
    pub async fn serve(self, router: Router) -> Result<()> {
        println!("Listening on http://{}", self.address);
        let asked = Arc::new(Notify::new());
        let noticed = Arc::clone(&asked);
        let patience = async {
            asked.notified().await;
            tokio::time::sleep(PATIENCE).await;
        };
        let stop = async move {
            stop_asked().await;
            noticed.notify_one();
        };
        tokio::select! {
            served = self.serve_until(router, stop) => served,
            () = patience => Ok(()),
        }
    }

    /// Serves, without a word, until `stop` ends.
    pub(crate) async fn serve_until(
        self,
        router: Router,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<()> {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(self.listener, service)
            .with_graceful_shutdown(stop)
            .await?;
        Ok(())
    }
}

/// Waits for Ctrl-C or SIGTERM. Where no signal can be had, it waits for ever.
async fn stop_asked() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! { () = interrupt => {}, () = terminate => {} }
}

/// Serves a path with and without its trailing slash: some clients add one.
pub trait EitherPath<S> {
    /// As axum's `route`, for `path` and `path/`.
    #[must_use]
    fn either(self, path: &str, methods: MethodRouter<S>) -> Self;
}

impl<S: Clone + Send + Sync + 'static> EitherPath<S> for Router<S> {
    fn either(self, path: &str, methods: MethodRouter<S>) -> Self {
        self.route(path, methods.clone())
            .route(&format!("{path}/"), methods)
    }
}
