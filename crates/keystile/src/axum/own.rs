//! What belongs to the caller alone.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use axum_core::extract::{FromRef, FromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

use super::extract::{Principal, principal};
use super::rejection::Rejection;
use crate::{Guard, Reason, Refusal, Requirement, Timestamp, Verified};

/// A caller whose `sub` is what the path names: `Own<Path<String>>` on `/users/{id}`. `P` is any extractor that holds one
/// value, which is compared as it is displayed, byte for byte.
///
/// `Own<Path<String>, Admin>` lets those in too who meet the requirement [`Admin`](crate::role).
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, extract::Path, routing::get};
/// use keystile::{Guard, Own};
///
/// keystile::role!(Admin = "admin");
///
/// async fn orders(own: Own<Path<String>, Admin>) -> String {
///     format!("the orders of {}, for {}", *own.path, own.caller.sub)
/// }
///
/// let guard = Guard::hs256([7; 32])?;
/// let app: Router = Router::new().route("/users/{id}/orders", get(orders)).with_state(guard);
/// # }
/// # Ok::<(), keystile::KeyError>(())
/// ```
///
/// Anybody else is refused with `resource_not_own`, 403; where another requirement would let them in, with what that says is lacking. A path that `P` does not take is answered as `P` answers it, once the token has
/// been found good. Where several issuers are trusted, two of them may give the same `sub` to different people: compare
/// `caller.iss` too, in a [`FromCaller`](crate::FromCaller) of your own.
///
/// As a layer of one line, for a handler that does not need it: `axum::middleware::from_extractor_with_state::<Own<Path<String>>, _>(guard)`.
pub struct Own<P, Or = Nobody> {
    /// The caller.
    pub caller: Principal,
    /// What the path names.
    pub path: P,
    or: PhantomData<fn() -> Or>,
}

/// The requirement that nobody meets: what [`Own`] asks of whoever does not own it.
#[derive(Debug)]
pub struct Nobody;

impl Requirement for Nobody {
    fn check(_: &Verified, _: Timestamp) -> Result<(), Refusal> {
        Err(Reason::ResourceNotOwn.into())
    }
}

impl<P: fmt::Debug, Or> fmt::Debug for Own<P, Or> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own")
            .field("caller", &self.caller)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl<S, P, Or> FromRequestParts<S> for Own<P, Or>
where
    Guard: FromRef<S>,
    P: FromRequestParts<S> + Deref + Send,
    P::Target: fmt::Display,
    Or: Requirement,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let guard = Guard::from_ref(state);
        let found = principal(&guard, parts).await;
        let refused = |refusal| Rejection::new(&guard, refusal, parts).into_response();
        let caller: Principal = found.map_err(refused)?;
        let path = P::from_request_parts(parts, state).await;
        let path = path.map_err(IntoResponse::into_response)?;
        // A token without a subject is nobody's, and nothing is.
        if caller.sub.is_empty() || path.to_string() != caller.sub {
            let refused = |refusal| Rejection::new(&guard, refusal, parts).into_response();
            Or::check(caller.verified(), guard.now()).map_err(refused)?;
        }
        Ok(Self {
            caller,
            path,
            or: PhantomData,
        })
    }
}
