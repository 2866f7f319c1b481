//! Below HTTP: gives a body to the few errors that the HTTP machinery answers by itself.
//!
//! A request that cannot be parsed never reaches the router: hyper answers it with a bare status line
//! and closes the connection. Every answer of the router carries `x-request-id`, so one without it is
//! hyper's own; here it gets the same kind of problem as any other error.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::problem::Problem;
use super::request_id::RequestIds;

/// Wraps the stream of every connection that another acceptor gives.
#[derive(Debug, Clone)]
pub(super) struct WireAcceptor<A> {
    pub(super) inner: A,
    pub(super) ids: RequestIds,
}

impl<A, I, S> Accept<I, S> for WireAcceptor<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
{
    type Stream = Wire<A::Stream>;
    type Service = A::Service;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let accepted = self.inner.accept(stream, service);
        let ids = self.ids.clone();
        Box::pin(async move {
            let (stream, service) = accepted.await?;
            Ok((
                Wire {
                    stream,
                    ids,
                    pending: Vec::new(),
                    sent: 0,
                },
                service,
            ))
        })
    }
}

/// A connection's stream.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    ids: RequestIds,
    /// An answer of ours that is under way, and how much of it has gone.
    pending: Vec<u8>,
    sent: usize,
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.pending.len() {
            let rest = &self.pending[self.sent..];
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
        }
        Poll::Ready(Ok(()))
    }

    /// The answer that takes the place of `head`, if that is one of hyper's own.
    fn replacement(&self, head: &[u8]) -> Option<Vec<u8>> {
        let status = head.strip_prefix(b"HTTP/1.1 4")?.get(..2)?;
        let bare = head.ends_with(b"\r\n\r\n") && !contains(head, b"\r\nx-request-id: ");
        let problem = match (bare, status) {
            (true, b"00") => Problem::unreadable(),
            (true, b"14") => Problem::target_too_long(),
            (true, b"31") => Problem::headers_too_large(),
            _ => return None,
        };
        let id = self.ids.fresh();
        Some(problem.to_wire(id.to_str().unwrap_or("unknown")))
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len())
        .any(|window| window.eq_ignore_ascii_case(part))
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(answer) = self.replacement(buf) {
            self.pending.extend_from_slice(&answer);
            return Poll::Ready(Ok(buf.len()));
        }
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let head = bufs.iter().find(|buf| !buf.is_empty());
        if let Some(head) = head.filter(|head| self.replacement(head).is_some()) {
            return self.poll_write(cx, head);
        }
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
