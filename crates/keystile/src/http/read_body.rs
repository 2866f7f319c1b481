//! A request's body as it goes on to the service, whether the guard read it or not.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// A request's body behind [`GuardLayer::reading_bodies`](super::GuardLayer::reading_bodies): byte for byte the one that came, and its
    /// trailers.
    pub struct ReadBody<B> {
        #[pin]
        kept: Kept<B>,
    }
}

pin_project! {
    #[project = KeptProjection]
    enum Kept<B> {
        Unread { #[pin] body: B },
        Read { bytes: Bytes, trailers: Option<HeaderMap> },
    }
}

impl<B> ReadBody<B> {
    pub(super) const fn unread(body: B) -> Self {
        Self {
            kept: Kept::Unread { body },
        }
    }

    pub(super) const fn read(bytes: Bytes, trailers: Option<HeaderMap>) -> Self {
        Self {
            kept: Kept::Read { bytes, trailers },
        }
    }
}

/// What it says is a caller's; it is not shown.
impl<B> fmt::Debug for ReadBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadBody").finish_non_exhaustive()
    }
}

impl<B: Body<Data = Bytes>> Body for ReadBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kept.project() {
            KeptProjection::Unread { body } => body.poll_frame(context),
            KeptProjection::Read { bytes, trailers } => {
                let next = if bytes.is_empty() {
                    trailers.take().map(Frame::trailers)
                } else {
                    Some(Frame::data(std::mem::take(bytes)))
                };
                Poll::Ready(next.map(Ok))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kept {
            Kept::Unread { body } => body.is_end_stream(),
            Kept::Read { bytes, trailers } => bytes.is_empty() && trailers.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kept {
            Kept::Unread { body } => body.size_hint(),
            Kept::Read { bytes, .. } => SizeHint::with_exact(bytes.len() as u64),
        }
    }
}
