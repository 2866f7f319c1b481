//! A layer for whole routers: it verifies once, and the extractors inside reuse it.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum_core::response::Response;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, Method, Request};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::credentials::{self, Place};
use crate::guard::{Later, Verdict};
use crate::{Guard, Reason, Refusal, Requirement, Timestamp, Verified};

/// What the layer found, for the extractors inside.
#[derive(Clone)]
pub(crate) struct Passed {
    pub(crate) guard: Guard,
    pub(crate) verified: Option<Arc<Verified>>,
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

/// What the layer makes of a request.
enum Passage {
    /// The token, or that there is none; and where it stood.
    Found(Option<Arc<Verified>>, Place),
    /// Its issuer is asked for the key.
    Later(Later, Place),
}

impl<R: Requirement> GuardLayer<R> {
    fn look<B>(&self, request: &Request<B>) -> Result<Passage, Refusal> {
        let Some(found) = credentials::find(request.into(), self.guard.places())? else {
            return if self.optional {
                Ok(Passage::Found(None, Place::Header))
            } else {
                Err(Reason::TokenMissing.into())
            };
        };
        let (method, headers) = (request.method(), request.headers());
        self.guard.check_origin_of(&found, method, headers)?;
        match self.guard.verdict(&found.token) {
            Verdict::Now(verdict) => Ok(Passage::Found(Some(verdict?), found.place)),
            Verdict::Later(later) => Ok(Passage::Later(later, found.place)),
        }
    }

    /// Checks what is required; the claims go into the request's extensions.
    fn admit<B>(
        &self,
        verified: Option<Arc<Verified>>,
        place: Place,
        request: &mut Request<B>,
    ) -> Result<(), Refusal> {
        if let Some(verified) = &verified {
            let (method, headers) = (request.method(), request.headers());
            self.guard.check_csrf(place, method, headers, verified)?;
            R::check(verified, self.guard.now())?;
        }
        let guard = self.guard.clone();
        request.extensions_mut().insert(Passed { guard, verified });
        Ok(())
    }
}

/// `Clone`, as for every service of a router: where a token waits for its key, the service that is ready waits with it.
impl<S, R, B> Service<Request<B>> for GuardService<S, R>
where
    S: Service<Request<B>, Response = Response> + Clone,
    R: Requirement,
{
    type Response = Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, R, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if request.method() == Method::OPTIONS {
            return ResponseFuture::inner(self.inner.call(request), Place::Header);
        }
        let place = match self.layer.look(&request) {
            Ok(Passage::Later(later, place)) => {
                let clone = self.inner.clone();
                let ready = std::mem::replace(&mut self.inner, clone);
                let service = GuardService {
                    inner: ready,
                    layer: self.layer.clone(),
                };
                return ResponseFuture::waiting(later, service, request, place);
            }
            Ok(Passage::Found(verified, place)) => {
                let admitted = self.layer.admit(verified, place, &mut request);
                admitted.map(|()| place)
            }
            Err(refusal) => Err(refusal),
        };
        match place {
            Ok(place) => ResponseFuture::inner(self.inner.call(request), place),
            Err(refusal) => self.layer.refuse(&refusal, request),
        }
    }
}

impl<R> GuardLayer<R> {
    fn refuse<S: Service<Request<B>>, B>(
        &self,
        refusal: &Refusal,
        request: Request<B>,
    ) -> ResponseFuture<S, R, B> {
        let (parts, _) = request.into_parts();
        ResponseFuture::refused(self.guard.answer(refusal, &parts))
    }
}

pin_project! {
    /// The answer of the service inside, or of the guard.
    pub struct ResponseFuture<S, R, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, R, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, R, B>
    where
        S: Service<Request<B>>,
    {
        Inner { #[pin] future: S::Future, place: Place },
        Refused { response: Option<Response> },
        Waiting { later: Later, held: Option<Box<(GuardService<S, R>, Request<B>)>>, place: Place },
    }
}

impl<S: Service<Request<B>>, R, B> ResponseFuture<S, R, B> {
    const fn inner(future: S::Future, place: Place) -> Self {
        let state = State::Inner { future, place };
        Self { state }
    }

    const fn refused(response: Response) -> Self {
        let response = Some(response);
        Self {
            state: State::Refused { response },
        }
    }

    fn waiting(
        later: Later,
        service: GuardService<S, R>,
        request: Request<B>,
        place: Place,
    ) -> Self {
        let held = Some(Box::new((service, request)));
        Self {
            state: State::Waiting { later, held, place },
        }
    }
}

impl<S: Service<Request<B>>, R, B> std::fmt::Debug for ResponseFuture<S, R, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<S, R, B> Future for ResponseFuture<S, R, B>
where
    S: Service<Request<B>, Response = Response>,
    R: Requirement,
{
    type Output = Result<Response, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Inner { future, place } => {
                    let mut answer = ready!(future.poll(context));
                    if let Ok(response) = &mut answer {
                        keep_from_caches(*place, response.headers_mut());
                    }
                    return Poll::Ready(answer);
                }
                // A finished future is not polled again; if one is, it never answers.
                StateProjection::Refused { response } => {
                    return response
                        .take()
                        .map_or(Poll::Pending, |response| Poll::Ready(Ok(response)));
                }
                StateProjection::Waiting { later, held, place } => {
                    let verdict = ready!(later.as_mut().poll(context));
                    let Some(held) = held.take() else {
                        return Poll::Pending;
                    };
                    proceed(*held, verdict, *place).state
                }
            };
            state.set(next);
        }
    }
}

/// A cache on the way keeps no answer to a request with `Authorization`, and does not know of other places.
fn keep_from_caches(place: Place, headers: &mut HeaderMap) {
    let no_store = HeaderValue::from_static("no-store");
    match place {
        Place::Header => {}
        // Its own URL would be the key to it.
        Place::Query => drop(headers.insert(CACHE_CONTROL, no_store)),
        Place::Cookie => drop(headers.entry(CACHE_CONTROL).or_insert(no_store)),
    }
}

/// After the wait: on to the service inside, or refused.
fn proceed<S, R, B>(
    (mut service, mut request): (GuardService<S, R>, Request<B>),
    verdict: Result<Arc<Verified>, Refusal>,
    place: Place,
) -> ResponseFuture<S, R, B>
where
    S: Service<Request<B>, Response = Response>,
    R: Requirement,
{
    let layer = &service.layer;
    let admitted = verdict.and_then(|verified| layer.admit(Some(verified), place, &mut request));
    match admitted {
        Ok(()) => ResponseFuture::inner(service.inner.call(request), place),
        Err(refusal) => layer.refuse(&refusal, request),
    }
}
