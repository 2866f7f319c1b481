//! The service behind a layer: it looks at each request, and lets it in or answers.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Method, Request, Response};
use tower_service::Service;

use super::future::ResponseFuture;
use super::{GuardLayer, Nothing, Passed};
use crate::guard::{Later, Verdict};
use crate::http::answering::{Answering, InBytes};
use crate::http::caching::Caching;
use crate::http::place::Place;
use crate::{Guard, Reason, Refusal, Requirement, Verified};

/// A service behind a [`GuardLayer`].
pub struct GuardService<S, R = Nothing, A = InBytes> {
    pub(super) inner: S,
    pub(super) layer: GuardLayer<R, A>,
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
    pub(super) fn admit<B>(
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
    pub(super) fn refuse<S, B, Out>(
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
    pub(in crate::http) const fn guard(&self) -> &Guard {
        &self.layer.guard
    }

    pub(in crate::http) fn refuse<B, Out>(
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
