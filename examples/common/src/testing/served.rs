//! An example in the test's own process, so that the test turns its clock.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use tokio::runtime::Runtime;

use super::{Answer, Request, send};
use crate::{Server, Settings};

/// A router that is served on a free port until this is dropped.
#[derive(Debug)]
pub struct Served {
    /// Where it listens.
    pub address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Served {
    /// Serves what `open` gives; it runs on the runtime that serves.
    pub fn start(open: impl Future<Output = Result<Router>>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let opened = runtime.block_on(async {
            let router = open.await?;
            anyhow::Ok((
                Server::listen(&Settings::from([("PORT", "0")])).await?,
                router,
            ))
        });
        let (server, router) = opened.expect("the example opens");
        let address = server.address;
        runtime.spawn(server.serve_until(router, std::future::pending()));
        Self {
            address,
            runtime: Some(runtime),
        }
    }

    /// Sends one request to it.
    pub fn send(&self, request: Request<'_>) -> Answer {
        send(self.address, request)
    }

    /// `GET` of this path.
    pub fn get(&self, path: &str, authorization: Option<&str>) -> Answer {
        super::get(self.address, path, authorization)
    }

    /// `POST` of JSON to this path.
    pub fn post(&self, path: &str, authorization: Option<&str>, json: &str) -> Answer {
        super::post(self.address, path, authorization, json)
    }
}

impl Drop for Served {
    /// Waits until everything in it is dropped, so that its file may be opened again at once.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
    }
}
