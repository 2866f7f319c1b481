//! The answer to come: of the service inside, or the guard's.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::service::GuardService;
use crate::guard::Later;
use crate::http::answering::Answering;
use crate::http::caching::{Caching, keep_from_caches};
use crate::http::place::Place;
use crate::{Refusal, Requirement, Verified};

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
    pub(super) const fn inner(future: S::Future, caching: Caching) -> Self {
        let state = State::Inner { future, caching };
        Self { state }
    }

    pub(super) const fn refused(response: S::Response) -> Self {
        let response = Some(response);
        Self {
            state: State::Refused { response },
        }
    }

    pub(super) fn waiting(
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
