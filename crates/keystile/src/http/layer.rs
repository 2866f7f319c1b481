//! A layer for whole routers: it verifies once, and the extractors inside reuse it.

use std::marker::PhantomData;

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use tower_layer::Layer;

use super::answer::Answer;
use super::answering::{Grpc, InBytes};
use super::shape::RefusalShape;
use crate::{Guard, Refusal, Requirement, Timestamp, Verified};

mod future;
mod passed;
mod service;

pub use future::ResponseFuture;
pub(crate) use passed::Passed;
pub use passed::verified;
pub use service::GuardService;

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
