//! Serves a router over TCP or TLS, with the caps that lie below HTTP.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};
use hyper_util::rt::TokioTimer;
use keystile::Random;

use super::connection::PlaceAcceptor;
use super::request_id::RequestIds;
use super::wire::WireAcceptor;

/// How long a client may take to send a request's headers; an idle connection ends after it too.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// Most bytes of a head that is read at all; the router refuses those above its own cap.
const HEAD_BUFFER: usize = 2 * super::HEADER_CAP;

/// Ends a server that [`listen`] runs. Clones end the same one.
#[derive(Debug, Clone, Default)]
pub struct Stop(Handle<SocketAddr>);

impl Stop {
    /// Takes no more connections; requests under way may finish within that time.
    pub fn within(&self, finish: Duration) {
        self.0.graceful_shutdown(Some(finish));
    }
}

/// A certificate chain and its private key, ready to serve TLS with.
#[derive(Debug, Clone)]
pub struct Certificate(RustlsConfig);

impl Certificate {
    /// Reads both from PEM files.
    ///
    /// # Errors
    /// A file cannot be read, is not PEM, or the two do not belong together.
    pub async fn read(cert: &Path, key: &Path) -> io::Result<Self> {
        // It can only be refused when one is installed already, which serves as well.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let read = RustlsConfig::from_pem_file(cert, key).await?;
        let mut config = rustls::ServerConfig::clone(&read.get_inner());
        // Only HTTP/1 is spoken here; a client that was offered h2 would speak it and understand nothing.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(RustlsConfig::from_config(Arc::new(config))))
    }
}

/// Serves `app` until `stop` says so, to at most that many `connections` at a time; the surplus is closed at once.
///
/// Meant for this crate's [`router`](super::router), whose every answer carries `x-request-id`: an empty 400, 414 or 431
/// without it is taken for one of the HTTP machinery's own, and given a body.
///
/// # Errors
/// The listener cannot be used.
pub async fn listen(
    listener: TcpListener,
    app: Router,
    connections: usize,
    tls: Option<Certificate>,
    stop: Stop,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let ids = RequestIds::new(&Random::system());
    let server = axum_server::from_tcp(listener)?.handle(stop.0);
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let plain = PlaceAcceptor::new(NoDelayAcceptor::new(), connections);
    if let Some(Certificate(tls)) = tls {
        let inner = RustlsAcceptor::new(tls).acceptor(plain);
        let server = server.acceptor(WireAcceptor { inner, ids });
        return capped(server).serve(service).await;
    }
    let server = server.acceptor(WireAcceptor { inner: plain, ids });
    capped(server).serve(service).await
}

/// HTTP/1 alone, with the caps. To be called once the acceptor is set: setting it makes axum-server forget that only
/// HTTP/1 is wanted, and what waits to see which version comes waits without a time-out.
fn capped<A>(server: Server<SocketAddr, A>) -> Server<SocketAddr, A> {
    let mut server = server.http1_only();
    let mut http1 = server.http_builder().http1();
    http1
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEAD_BUFFER);
    server
}
