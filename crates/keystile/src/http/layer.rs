//! A layer for whole routers: it verifies once, and the extractors inside reuse it.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::request::Parts;
use http::{Extensions, Method, Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::answer::Answer;
use super::answering::{Answering, Grpc, InBytes};
use super::caching::{Caching, keep_from_caches};
use super::place::Place;
use super::shape::RefusalShape;
use crate::guard::{Later, Verdict};
use crate::{Guard, Reason, Refusal, Requirement, Timestamp, Verified};

/// What the layer found, for the extractors inside.
#[derive(Clone)]
pub(crate) struct Passed {
    #[cfg(feature = "axum")]
    pub(crate) guard: Guard,
    /// Whether the request was looked at, and not let pass for its method.
    #[cfg(feature = "axum")]
    pub(crate) looked: bool,
    pub(crate) found: Option<(Arc<Verified>, Place)>,
}

/// The verified token of a request that went through a guard's layer: what stands in for axum's extractors in any other service. Give
/// it the extensions of the request: `request.extensions()`, of the crate `http` or of tonic.
///
/// `None` where the layer was [`optional`](GuardLayer::optional) and no token came, where the method is OPTIONS, and where there was no
/// layer. Of two layers, the inner one's.
///
/// ```
/// # #[cfg(feature = "tower")] {
/// use http::{Request, Response};
///
/// async fn hello(request: Request<String>) -> Response<String> {
///     let name = keystile::verified(request.extensions()).map_or("nobody", |caller| &caller.claims().sub);
///     Response::new(format!("Hello, {name}"))
/// }
/// # }
/// ```
pub fn verified(extensions: &Extensions) -> Option<&Arc<Verified>> {
    let (verified, _) = extensions.get::<Passed>()?.found.as_ref()?;
    Some(verified)
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
    /// A layer that lets only valid tokens through, for a whole router or any other tower service of HTTP requests. OPTIONS
    /// passes, since a browser's preflight never carries a token. So a service that does the same whatever the method is (axum's
    /// `any`, a proxy) asks for the token itself: a handler by its `Principal`, others by [`verified`]. With
    /// [`answering_grpc`](GuardLayer::answering_grpc) nothing passes.
    ///
    /// The service's own body must be had `From<Bytes>`, for refusals: axum's `Body` and hyper's `Full<Bytes>` can. For any other see
    /// [`GuardLayer::answering`], for gRPC [`GuardLayer::answering_grpc`].
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
            answering: InBytes,
            requirement: PhantomData,
        }
    }
}

/// Guards a whole router. Made by [`Guard::layer`].
pub struct GuardLayer<R = Nothing, A = InBytes> {
    guard: Guard,
    optional: bool,
    answering: A,
    requirement: PhantomData<fn() -> R>,
}

impl<R, A: Clone> Clone for GuardLayer<R, A> {
    fn clone(&self) -> Self {
        Self {
            guard: self.guard.clone(),
            optional: self.optional,
            answering: self.answering.clone(),
            requirement: PhantomData,
        }
    }
}

impl<R, A> std::fmt::Debug for GuardLayer<R, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuardLayer")
            .field("optional", &self.optional)
            .finish_non_exhaustive()
    }
}

impl<A> GuardLayer<Nothing, A> {
    /// Lets requests without a token through; a token that does not hold is still refused. Extractors inside decide.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Requires more than a valid token: `guard.layer().require::<Admin>()`.
    #[must_use]
    pub fn require<R: Requirement>(self) -> GuardLayer<R, A> {
        GuardLayer {
            guard: self.guard,
            optional: false,
            answering: self.answering,
            requirement: PhantomData,
        }
    }
}

impl<R, A> GuardLayer<R, A> {
    /// Answers refusals in this shape here, on this route or below this router: what the layer refuses, and what the extractors inside do whose guard is
    /// the same but for its answers. Keys, revocations and the memory of verified tokens are the guard's own.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use axum::{Router, http::StatusCode, response::IntoResponse, routing::get};
    /// use keystile::{Guard, Principal};
    ///
    /// async fn me(caller: Principal) -> String { caller.sub.clone() }
    ///
    /// let guard = Guard::hs256([7; 32])?;
    /// let app: Router = Router::new()
    ///     .route("/page", get(me))
    ///     .layer(guard.layer().refusals(|_, _| (StatusCode::SEE_OTHER, [("location", "/sign-in")]).into_response()))
    ///     .route("/api/me", get(me))
    ///     .with_state(guard);
    /// # }
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    #[must_use]
    pub fn refusals<T: Into<Answer>>(
        mut self,
        answer: impl Fn(&Refusal, &Parts) -> T + Send + Sync + 'static,
    ) -> Self {
        self.guard = self.guard.refusals(answer);
        self
    }

    /// As [`refusals`](Self::refusals), in a ready shape or a type of the application's own: see [`Guard::refusals_as`].
    #[must_use]
    pub fn refusals_as(mut self, shape: impl RefusalShape) -> Self {
        self.guard = self.guard.refusals_as(shape);
        self
    }
}

impl<R> GuardLayer<R> {
    /// For a service whose body is not `From<Bytes>`: `answering` makes its answer of the guard's own, which is complete but for the type
    /// of its body, and of why.
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// use bytes::Bytes;
    /// use http::Response;
    ///
    /// enum Page { Found(String), Refused(Bytes) }
    ///
    /// let guard = keystile::Guard::hs256([7; 32])?;
    /// let layer = guard.layer().answering(|answer: Response<Bytes>, _refusal| answer.map(Page::Refused));
    /// # }
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    #[must_use]
    pub fn answering<B, F>(self, answering: F) -> GuardLayer<R, F>
    where
        F: Fn(Response<Bytes>, &Refusal) -> Response<B> + Clone,
    {
        self.answered_by(answering)
    }

    /// For a gRPC service: a refusal is an answer of status 200 whose header `grpc-status` says `UNAUTHENTICATED` (16), `PERMISSION_DENIED` (7)
    /// or `UNAVAILABLE` (14), and `grpc-message` the reason. The shape of [`Guard::refusals`] is not asked for.
    #[must_use]
    pub fn answering_grpc(self) -> GuardLayer<R, Grpc> {
        self.answered_by(Grpc)
    }

    fn answered_by<A>(self, answering: A) -> GuardLayer<R, A> {
        GuardLayer {
            guard: self.guard,
            optional: self.optional,
            answering,
            requirement: PhantomData,
        }
    }
}

impl<R, A: Clone, S> Layer<S> for GuardLayer<R, A> {
    type Service = GuardService<S, R, A>;

    fn layer(&self, inner: S) -> Self::Service {
        GuardService {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service behind a [`GuardLayer`].
pub struct GuardService<S, R = Nothing, A = InBytes> {
    inner: S,
    layer: GuardLayer<R, A>,
}

impl<S: Clone, R, A: Clone> Clone for GuardService<S, R, A> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            layer: self.layer.clone(),
        }
    }
}

impl<S, R, A> std::fmt::Debug for GuardService<S, R, A> {
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

impl<R: Requirement, A> GuardLayer<R, A> {
    fn look<B>(&self, request: &Request<B>) -> Result<Passage, Refusal> {
        let body = self.guard.body_of(request.extensions());
        let Some(found) = self.guard.find(request.into(), body)? else {
            return if self.optional {
                Ok(Passage::Found(None, Place::Header))
            } else {
                Err(Reason::TokenMissing.into())
            };
        };
        match self.guard.verdict_of(&found, request.into(), body) {
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
            R::check(verified, self.guard.now())?;
        }
        request.extensions_mut().insert(Passed {
            #[cfg(feature = "axum")]
            guard: self.guard.clone(),
            #[cfg(feature = "axum")]
            looked: true,
            found: verified.map(|verified| (verified, place)),
        });
        Ok(())
    }
}

/// `Clone`, as for every service of a router: where a token waits for its key, the service that is ready waits with it.
impl<S, R, A, B, Out> Service<Request<B>> for GuardService<S, R, A>
where
    S: Service<Request<B>, Response = Response<Out>> + Clone,
    R: Requirement,
    A: Answering<Out> + Clone,
{
    type Response = Response<Out>;
    type Error = S::Error;
    type Future = ResponseFuture<S, R, A, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let preflight = request.method() == Method::OPTIONS;
        if preflight && Answering::<Out>::lets_preflights_pass(&self.layer.answering) {
            request.extensions_mut().insert(Passed {
                #[cfg(feature = "axum")]
                guard: self.layer.guard.clone(),
                #[cfg(feature = "axum")]
                looked: false,
                found: None,
            });
            return ResponseFuture::inner(self.inner.call(request), Caching::Theirs);
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
            Ok(place) => {
                let caching = self.layer.guard.caching(place);
                ResponseFuture::inner(self.inner.call(request), caching)
            }
            Err(refusal) => self.layer.refuse(&refusal, request),
        }
    }
}

impl<R, A> GuardLayer<R, A> {
    fn refuse<S, B, Out>(
        &self,
        refusal: &Refusal,
        request: Request<B>,
    ) -> ResponseFuture<S, R, A, B>
    where
        S: Service<Request<B>, Response = Response<Out>>,
        A: Answering<Out>,
    {
        let (parts, _) = request.into_parts();
        self.refuse_parts(refusal, &parts)
    }

    fn refuse_parts<S, B, Out>(
        &self,
        refusal: &Refusal,
        request: &Parts,
    ) -> ResponseFuture<S, R, A, B>
    where
        S: Service<Request<B>, Response = Response<Out>>,
        A: Answering<Out>,
    {
        ResponseFuture::refused(self.answering.answer(&self.guard, refusal, request))
    }
}

/// For the layer that reads bodies around this one.
impl<S, R, A> GuardService<S, R, A> {
    pub(super) const fn guard(&self) -> &Guard {
        &self.layer.guard
    }

    pub(super) fn refuse<B, Out>(
        &self,
        refusal: &Refusal,
        request: &Parts,
    ) -> ResponseFuture<S, R, A, B>
    where
        S: Service<Request<B>, Response = Response<Out>>,
        A: Answering<Out>,
    {
        self.layer.refuse_parts(refusal, request)
    }
}

pin_project! {
    /// The answer of the service inside, or of the guard.
    pub struct ResponseFuture<S, R, A, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, R, A, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, R, A, B>
    where
        S: Service<Request<B>>,
    {
        Inner { #[pin] future: S::Future, caching: Caching },
        Refused { response: Option<S::Response> },
        Waiting { later: Later, held: Option<Box<(GuardService<S, R, A>, Request<B>)>>, place: Place },
    }
}

impl<S: Service<Request<B>>, R, A, B> ResponseFuture<S, R, A, B> {
    const fn inner(future: S::Future, caching: Caching) -> Self {
        let state = State::Inner { future, caching };
        Self { state }
    }

    const fn refused(response: S::Response) -> Self {
        let response = Some(response);
        Self {
            state: State::Refused { response },
        }
    }

    fn waiting(
        later: Later,
        service: GuardService<S, R, A>,
        request: Request<B>,
        place: Place,
    ) -> Self {
        let held = Some(Box::new((service, request)));
        Self {
            state: State::Waiting { later, held, place },
        }
    }
}

impl<S: Service<Request<B>>, R, A, B> std::fmt::Debug for ResponseFuture<S, R, A, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<S, R, A, B, Out> Future for ResponseFuture<S, R, A, B>
where
    S: Service<Request<B>, Response = Response<Out>>,
    R: Requirement,
    A: Answering<Out>,
{
    type Output = Result<Response<Out>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Inner { future, caching } => {
                    let mut answer = ready!(future.poll(context));
                    if let Ok(response) = &mut answer {
                        keep_from_caches(*caching, response.headers_mut());
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

/// After the wait: on to the service inside, or refused.
fn proceed<S, R, A, B, Out>(
    (mut service, mut request): (GuardService<S, R, A>, Request<B>),
    verdict: Result<Arc<Verified>, Refusal>,
    place: Place,
) -> ResponseFuture<S, R, A, B>
where
    S: Service<Request<B>, Response = Response<Out>>,
    R: Requirement,
    A: Answering<Out>,
{
    let layer = &service.layer;
    let admitted = verdict.and_then(|verified| layer.admit(Some(verified), place, &mut request));
    match admitted {
        Ok(()) => {
            let caching = layer.guard.caching(place);
            ResponseFuture::inner(service.inner.call(request), caching)
        }
        Err(refusal) => layer.refuse(&refusal, request),
    }
}
