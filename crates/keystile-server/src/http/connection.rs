//! What a connection may take: one of a bounded number of places, and no more time than a client that reads needs.

use std::future::{self, Future};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// How long a client may leave an answer unread before its connection is cut.
const STALL: Duration = Duration::from_secs(30);

/// Gives every connection that another acceptor accepts a place, while there are any; the surplus is closed at once.
///
/// It stands below TLS, so that handshakes count too and each write that the network takes is seen.
#[derive(Debug, Clone)]
pub(super) struct PlaceAcceptor<A> {
    inner: A,
    places: Arc<Places>,
}

#[derive(Debug)]
struct Places {
    most: usize,
    free: Arc<Semaphore>,
    /// Whether it was logged that all are taken, since when half of them were free.
    told: AtomicBool,
}

impl<A> PlaceAcceptor<A> {
    pub(super) fn new(inner: A, most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        let places = Places {
            most,
            free: Arc::new(Semaphore::new(most)),
            told: AtomicBool::new(false),
        };
        Self {
            inner,
            places: Arc::new(places),
        }
    }
}

impl Places {
    fn take(&self) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.free).try_acquire_owned().ok();
        if place.is_none() {
            if !self.told.swap(true, Ordering::Relaxed) {
                let most = self.most;
                tracing::warn!(most, "too many connections: closing new ones");
            }
        } else if self.free.available_permits() >= self.most / 2 {
            self.told.store(false, Ordering::Relaxed);
        }
        place
    }
}

impl<A, I, S> Accept<I, S> for PlaceAcceptor<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
    A::Stream: Send + 'static,
    A::Service: Send + 'static,
{
    type Stream = Connection<A::Stream>;
    type Service = A::Service;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let Some(place) = self.places.take() else {
            let full = io::Error::other("too many connections");
            return Box::pin(future::ready(Err(full)));
        };
        let accepted = self.inner.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepted.await?;
            Ok((Connection::new(stream, place), service))
        })
    }
}

/// A connection's stream, with its place.
#[derive(Debug)]
pub(super) struct Connection<S> {
    stream: S,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl<S> Connection<S> {
    fn new(stream: S, place: OwnedSemaphorePermit) -> Self {
        Self {
            stream,
            stalled: None,
            _place: place,
        }
    }

    /// Fails a write that has waited too long.
    fn in_time(
        &mut self,
        cx: &mut Context<'_>,
        write: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if write.is_ready() {
            self.stalled = None;
            return write;
        }
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(STALL)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

/// Only writes are timed: to flush and to shut down a TCP stream never waits.
impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.in_time(cx, write)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.in_time(cx, write)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::{Instant, sleep};

    use super::*;

    fn connection(stream: DuplexStream) -> Connection<DuplexStream> {
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned();
        Connection::new(stream, place.expect("a place"))
    }

    #[expect(clippy::disallowed_methods, reason = "the test's clock is paused")]
    fn now() -> Instant {
        Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_reads_is_cut() {
        let (_client, server) = duplex(16);
        let mut server = connection(server);
        let since = now();
        let cut = server.write_all(&[0; 64]).await.expect_err("cut");
        assert_eq!(cut.kind(), io::ErrorKind::TimedOut);
        assert_eq!(since.elapsed().as_secs(), STALL.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn so_it_is_where_an_answer_has_several_parts() {
        let (_client, server) = duplex(16);
        let mut server = connection(server);
        server.write_all(&[0; 16]).await.expect("it fits");
        let parts = [IoSlice::new(&[0; 8]), IoSlice::new(&[0; 8])];
        let cut = server.write_vectored(&parts).await.expect_err("cut");
        assert_eq!(cut.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_reads_slowly_is_not() {
        let (mut client, server) = duplex(16);
        let mut server = connection(server);
        let reading = tokio::spawn(async move {
            let mut part = [0; 16];
            for _ in 0..10 {
                sleep(Duration::from_secs(29)).await;
                client.read_exact(&mut part).await.expect("an answer");
            }
        });
        let since = now();
        server.write_all(&[0; 160]).await.expect("all is written");
        server.flush().await.expect("flushed");
        assert!(since.elapsed() > 8 * STALL);
        reading.await.expect("all is read");
    }
}
