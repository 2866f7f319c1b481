//! A layer for whole routers: it verifies once, and the extractors inside reuse it.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum_core::response::Response;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, Method, Request};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::credentials;
use crate::{Guard, Reason, Refusal, Requirement, Timestamp, Verified};

/// What the layer found, for the extractors inside.
#[derive(Clone)]
pub(super) struct Passed {
    pub(super) guard: Guard,
    pub(super) verified: Option<Arc<Verified>>,
}

/// Nothing beyond a valid token.
#[derive(Debug)]
pub struct Nothing;

impl Requirement for Nothing {
    fn check(_: &Verified, _: Timestamp) -> Result<(), Refusal> {
        Ok(())
    }
}

impl Guard {
    /// A layer that lets only valid tokens through, for a whole router. OPTIONS passes, since a browser's preflight
    /// never carries a token.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use axum::{Router, routing::get};
    /// use keystile::Guard;
    ///
    /// let guard = Guard::hs256([7; 32])?;
    /// let app: Router = Router::new()
    ///     .route("/report", get(|| async { "for callers only" }))
    ///     .layer(guard.layer());
    /// # }
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    pub fn layer(&self) -> GuardLayer {
        GuardLayer {
            guard: self.clone(),
            optional: false,
            requirement: PhantomData,
        }
    }
}

/// Guards a whole router. Made by [`Guard::layer`].
pub struct GuardLayer<R = Nothing> {
    guard: Guard,
    optional: bool,
    requirement: PhantomData<fn() -> R>,
}

impl<R> Clone for GuardLayer<R> {
    fn clone(&self) -> Self {
        Self {
            guard: self.guard.clone(),
            optional: self.optional,
            requirement: PhantomData,
        }
    }
}

impl<R> std::fmt::Debug for GuardLayer<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuardLayer")
            .field("optional", &self.optional)
            .finish_non_exhaustive()
    }
}

impl GuardLayer {
    /// Lets requests without a token through; a token that does not hold is still refused. Extractors inside decide.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Requires more than a valid token: `guard.layer().require::<Admin>()`.
    #[must_use]
    pub fn require<R: Requirement>(self) -> GuardLayer<R> {
        GuardLayer {
            guard: self.guard,
            optional: false,
            requirement: PhantomData,
        }
    }
}

impl<R, S> Layer<S> for GuardLayer<R> {
    type Service = GuardService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        GuardService {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service behind a [`GuardLayer`].
pub struct GuardService<S, R = Nothing> {
    inner: S,
    layer: GuardLayer<R>,
}

impl<S: Clone, R> Clone for GuardService<S, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            layer: self.layer.clone(),
        }
    }
}

impl<S, R> std::fmt::Debug for GuardService<S, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuardService").finish_non_exhaustive()
    }
}

impl<R: Requirement> GuardLayer<R> {
    /// Whether the token came in the query; the claims go into the request's extensions.
    fn pass<B>(&self, request: &mut Request<B>) -> Result<bool, Refusal> {
        let query = self.guard.settings().query.as_deref();
        let found = credentials::find(request.method(), request.uri(), request.headers(), query)?;
        let (verified, in_query) = match found {
            Some(found) => (Some(self.guard.verify(&found.token)?), found.in_query),
            None if self.optional => (None, false),
            None => return Err(Reason::TokenMissing.into()),
        };
        if let Some(verified) = &verified {
            R::check(verified, self.guard.now())?;
        }
        let guard = self.guard.clone();
        request.extensions_mut().insert(Passed { guard, verified });
        Ok(in_query)
    }
}

impl<S, R, B> Service<Request<B>> for GuardService<S, R>
where
    S: Service<Request<B>, Response = Response>,
    R: Requirement,
{
    type Response = Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if request.method() == Method::OPTIONS {
            return ResponseFuture::inner(self.inner.call(request), false);
        }
        match self.layer.pass(&mut request) {
            Ok(in_query) => ResponseFuture::inner(self.inner.call(request), in_query),
            Err(refusal) => {
                let (parts, _) = request.into_parts();
                ResponseFuture::refused(self.layer.guard.answer(&refusal, &parts))
            }
        }
    }
}

pin_project! {
    /// The answer of the service inside, or of the guard.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    #[derive(Debug)]
    enum State<F> {
        Inner { #[pin] future: F, no_store: bool },
        Refused { response: Option<Response> },
    }
}

impl<F> ResponseFuture<F> {
    const fn inner(future: F, no_store: bool) -> Self {
        let state = State::Inner { future, no_store };
        Self { state }
    }

    const fn refused(response: Response) -> Self {
        let response = Some(response);
        Self {
            state: State::Refused { response },
        }
    }
}

impl<F, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Inner { future, no_store } => {
                let mut answer = ready!(future.poll(context));
                if let (true, Ok(response)) = (*no_store, &mut answer) {
                    let headers = response.headers_mut();
                    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                }
                Poll::Ready(answer)
            }
            // A finished future is not polled again; if one is, it never answers.
            StateProjection::Refused { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                None => Poll::Pending,
            },
        }
    }
}
