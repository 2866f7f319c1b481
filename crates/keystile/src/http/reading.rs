//! Reads a request's body where a token may stand in it, and gives it on unchanged.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{Extensions, HeaderMap, Method, Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::answering::{Answering, InBytes};
use super::layer::{GuardLayer, GuardService, Nothing, ResponseFuture};
use super::read_body::ReadBody;
use crate::{Guard, Reason, Refusal, Requirement};

/// How much of a body is read, unless said otherwise.
const DEFAULT_LIMIT: usize = 64 * 1024;

/// After so many pieces others have their turn: one who sends empty ones without end keeps nobody from it.
const FRAMES_AT_ONCE: usize = 64;

type Deadline = dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// What was read of a request's body, for the guard.
#[derive(Clone)]
struct BodyRead(Bytes);

impl Guard {
    /// What was read of this request's body, where this guard may look into bodies at all.
    pub(crate) fn body_of<'r>(&self, extensions: &'r Extensions) -> Option<&'r [u8]> {
        let may = self.settings().places.may_read_bodies();
        let read = may.then(|| extensions.get::<BodyRead>()).flatten()?;
        Some(&read.0)
    }
}

impl<R, A> GuardLayer<R, A> {
    /// Reads the bodies in which a token may stand, where `Guard::token_from_form` or `token_from_json` say so: only of those methods and
    /// of that very content type, and every one of them, for a second token is refused wherever it stands. The
    /// service inside gets the same body, as a [`ReadBody`]. Any other body is passed on unread.
    ///
    /// Of a body at most 64 KiB are read, until [`limit`](ReadingLayer::limit) says otherwise; a longer one is refused with 413. So
    /// switch these places on in a guard of their own for the routes that need them, and not for those that uploads go to.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use std::time::Duration;
    /// use axum::{Router, routing::post};
    /// use keystile::{Guard, Principal};
    ///
    /// async fn play(caller: Principal, form: String) -> String {
    ///     format!("{} sent {} bytes", caller.sub, form.len())
    /// }
    ///
    /// let guard = Guard::hs256([7; 32])?.token_from_form("access_token");
    /// let bodies = guard.layer().reading_bodies().give_up_after(|| tokio::time::sleep(Duration::from_secs(10)));
    /// let app: Router = Router::new().route("/play", post(play)).layer(bodies).with_state(guard);
    /// # }
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    #[must_use]
    pub fn reading_bodies(self) -> ReadingLayer<R, A> {
        ReadingLayer {
            guarded: self,
            limit: DEFAULT_LIMIT,
            deadline: None,
        }
    }
}

/// A [`GuardLayer`] that looks into bodies too. Made by [`GuardLayer::reading_bodies`].
pub struct ReadingLayer<R = Nothing, A = InBytes> {
    guarded: GuardLayer<R, A>,
    limit: usize,
    deadline: Option<Arc<Deadline>>,
}

impl<R, A> ReadingLayer<R, A> {
    /// How many bytes of a body are read at most: 64 KiB unless said otherwise. A longer one is refused with 413 `body_too_large`.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Refuses with 408 `body_too_slow` a body that is not there when this future is: a timer of the runtime, for the library has
    /// none. Unless this is said, a body may take as long as the server lets it.
    #[must_use]
    pub fn give_up_after<F>(mut self, timer: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.deadline = Some(Arc::new(move || Box::pin(timer())));
        self
    }
}

impl<R, A: Clone> Clone for ReadingLayer<R, A> {
    fn clone(&self) -> Self {
        Self {
            guarded: self.guarded.clone(),
            limit: self.limit,
            deadline: self.deadline.clone(),
        }
    }
}

impl<R, A> fmt::Debug for ReadingLayer<R, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadingLayer")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<R, A: Clone, S> Layer<S> for ReadingLayer<R, A> {
    type Service = ReadingService<S, R, A>;

    fn layer(&self, inner: S) -> Self::Service {
        ReadingService {
            guarded: self.guarded.layer(inner),
            limit: self.limit,
            deadline: self.deadline.clone(),
        }
    }
}

/// A service behind a [`ReadingLayer`].
pub struct ReadingService<S, R = Nothing, A = InBytes> {
    guarded: GuardService<S, R, A>,
    limit: usize,
    deadline: Option<Arc<Deadline>>,
}

impl<S: Clone, R, A: Clone> Clone for ReadingService<S, R, A> {
    fn clone(&self) -> Self {
        Self {
            guarded: self.guarded.clone(),
            limit: self.limit,
            deadline: self.deadline.clone(),
        }
    }
}

impl<S, R, A> fmt::Debug for ReadingService<S, R, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadingService").finish_non_exhaustive()
    }
}

impl<S, R, A, B, Out> Service<Request<B>> for ReadingService<S, R, A>
where
    S: Service<Request<ReadBody<B>>, Response = Response<Out>> + Clone,
    R: Requirement,
    A: Answering<Out> + Clone,
    B: Body<Data = Bytes>,
{
    type Response = Response<Out>;
    type Error = S::Error;
    type Future = ReadingFuture<S, R, A, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.guarded.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let guard = self.guarded.guard();
        let reads = request.method() != Method::OPTIONS && guard.looks_in_body((&request).into());
        if !reads {
            let request = request.map(ReadBody::unread);
            return ReadingFuture::guarded(self.guarded.call(request));
        }
        // What the head alone is refused for needs no body.
        let head = guard.find((&request).into(), None).map(drop);
        let (parts, body) = request.into_parts();
        let fits = head.and_then(|()| fits(&parts.headers, &body, self.limit));
        if let Err(refusal) = fits {
            return ReadingFuture::guarded(self.guarded.refuse(&refusal, &parts));
        }
        let clone = self.guarded.clone();
        let service = std::mem::replace(&mut self.guarded, clone);
        ReadingFuture {
            state: State::Reading {
                reading: Box::pin(Reading {
                    body,
                    limit: self.limit,
                    bytes: BytesMut::new(),
                    trailers: None,
                    deadline: self.deadline.as_ref().map(|timer| timer()),
                }),
                held: Some(Box::new((service, parts))),
            },
        }
    }
}

/// Refuses a body that says itself that it is too long, before anything of it is read.
fn fits(headers: &HeaderMap, body: &impl Body, limit: usize) -> Result<(), Refusal> {
    let told = headers.get(CONTENT_LENGTH).and_then(|n| n.to_str().ok());
    let told = told.and_then(|n| n.parse().ok()).unwrap_or(0);
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    if body.size_hint().lower().max(told) > limit {
        return Err(Reason::BodyTooLarge.into());
    }
    Ok(())
}

pin_project! {
    /// The answer of the service inside, or of the guard, once the body was read.
    pub struct ReadingFuture<S, R, A, B>
    where
        S: Service<Request<ReadBody<B>>>,
    {
        #[pin]
        state: State<S, R, A, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, R, A, B>
    where
        S: Service<Request<ReadBody<B>>>,
    {
        Reading { reading: Pin<Box<Reading<B>>>, held: Option<Box<(GuardService<S, R, A>, Parts)>> },
        Guarded { #[pin] future: ResponseFuture<S, R, A, ReadBody<B>> },
    }
}

impl<S: Service<Request<ReadBody<B>>>, R, A, B> ReadingFuture<S, R, A, B> {
    const fn guarded(future: ResponseFuture<S, R, A, ReadBody<B>>) -> Self {
        Self {
            state: State::Guarded { future },
        }
    }
}

impl<S: Service<Request<ReadBody<B>>>, R, A, B> fmt::Debug for ReadingFuture<S, R, A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadingFuture").finish_non_exhaustive()
    }
}

impl<S, R, A, B, Out> Future for ReadingFuture<S, R, A, B>
where
    S: Service<Request<ReadBody<B>>, Response = Response<Out>> + Clone,
    R: Requirement,
    A: Answering<Out> + Clone,
    B: Body<Data = Bytes>,
{
    type Output = Result<Response<Out>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let future = match state.as_mut().project() {
                StateProjection::Guarded { future } => return future.poll(context),
                StateProjection::Reading { reading, held } => {
                    let read = ready!(reading.as_mut().poll(context));
                    // A finished future is not polled again; if one is, it never answers.
                    let Some(held) = held.take() else {
                        return Poll::Pending;
                    };
                    go_on(*held, read)
                }
            };
            state.set(State::Guarded { future });
        }
    }
}

/// After the body was read: on to the guard, or refused.
fn go_on<S, R, A, B, Out>(
    (mut service, mut parts): (GuardService<S, R, A>, Parts),
    read: Result<(Bytes, Option<HeaderMap>), Refusal>,
) -> ResponseFuture<S, R, A, ReadBody<B>>
where
    S: Service<Request<ReadBody<B>>, Response = Response<Out>> + Clone,
    R: Requirement,
    A: Answering<Out> + Clone,
{
    match read {
        Ok((bytes, trailers)) => {
            parts.extensions.insert(BodyRead(bytes.clone()));
            let body = ReadBody::read(bytes, trailers);
            service.call(Request::from_parts(parts, body))
        }
        Err(refusal) => service.refuse(&refusal, &parts),
    }
}

pin_project! {
    /// A body on its way in.
    struct Reading<B> {
        #[pin]
        body: B,
        limit: usize,
        bytes: BytesMut,
        trailers: Option<HeaderMap>,
        deadline: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    }
}

impl<B: Body<Data = Bytes>> Future for Reading<B> {
    type Output = Result<(Bytes, Option<HeaderMap>), Refusal>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // Asked first: a sender that never pauses is no reason not to.
        if let Some(deadline) = this.deadline
            && deadline.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Err(Reason::BodyTooSlow.into()));
        }
        for _ in 0..FRAMES_AT_ONCE {
            let frame = match ready!(this.body.as_mut().poll_frame(context)) {
                None => {
                    let bytes = std::mem::take(this.bytes).freeze();
                    return Poll::Ready(Ok((bytes, this.trailers.take())));
                }
                Some(Err(_)) => return Poll::Ready(Err(Reason::BodyUnreadable.into())),
                Some(Ok(frame)) => frame,
            };
            match frame.into_data() {
                Ok(next) if next.len() > *this.limit - this.bytes.len() => {
                    return Poll::Ready(Err(Reason::BodyTooLarge.into()));
                }
                Ok(next) => this.bytes.extend_from_slice(&next),
                Err(frame) => *this.trailers = frame.into_trailers().ok(),
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
