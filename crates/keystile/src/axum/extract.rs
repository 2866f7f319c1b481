//! Extractors: the caller, and what is required of them.

use std::any::TypeId;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::rejection::Rejection;
use crate::guard::Verdict;
use crate::http::{Head, Passed, Place};
use crate::{Claims, Guard, Reason, Refusal, Requirement, Verified};

/// The verified caller. It takes its [`Guard`] from the router's state, so a route that asks for one in a router
/// without a guard does not compile:
///
/// ```compile_fail
/// use axum::{Router, routing::get};
/// use keystile::Principal;
///
/// async fn me(caller: Principal) -> String {
///     caller.sub.clone()
/// }
/// let app: Router = Router::new().route("/me", get(me)).with_state(());
/// ```
///
/// `Option<Principal>` forgives that no token came, and nothing else: a token that does not hold is refused.
///
/// `Extra` is read from the token's payload: the application's own claims.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use keystile::Principal;
///
/// #[derive(serde::Deserialize)]
/// struct Shop { shop: String }
///
/// async fn whose(caller: Principal<Shop>) -> String {
///     format!("{} of {}", caller.sub, caller.extra.shop)
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Principal<Extra = ()> {
    verified: Arc<Verified>,
    place: Place,
    /// The application's own claims.
    pub extra: Extra,
}

impl<Extra> Principal<Extra> {
    /// What the token says.
    pub fn claims(&self) -> &Claims {
        self.verified.claims()
    }

    /// The verified token: its claims, its key and its algorithm.
    pub fn verified(&self) -> &Arc<Verified> {
        &self.verified
    }

    /// Where in the request the token stood.
    pub const fn place(&self) -> Place {
        self.place
    }
}

impl<Extra> Deref for Principal<Extra> {
    type Target = Claims;

    fn deref(&self) -> &Claims {
        self.verified.claims()
    }
}

impl<Extra: DeserializeOwned + 'static> Principal<Extra> {
    fn read((verified, place): (Arc<Verified>, Place)) -> Result<Self, Refusal> {
        // `()` stands for no extra claims; serde would read it from `null` only.
        let extra = if TypeId::of::<Extra>() == TypeId::of::<()>() {
            Extra::deserialize(serde::de::value::UnitDeserializer::<serde::de::value::Error>::new())
                .map_err(|_| Reason::TokenClaimMalformed)?
        } else {
            verified.extra()?
        };
        Ok(Self {
            verified,
            place,
            extra,
        })
    }
}

/// The caller's token, verified; or as the layer of a guard that judges alike verified it before. Waits only where a followed issuer
/// is asked for the token's key.
async fn verify(guard: &Guard, parts: &Parts) -> Result<Option<(Arc<Verified>, Place)>, Refusal> {
    if let Some(passed) = parts.extensions.get::<Passed>()
        && passed.looked
        && passed.guard.judges_as(guard)
    {
        return Ok(passed.found.clone());
    }
    let (head, body) = (Head::from(parts), guard.body_of(&parts.extensions));
    let Some(found) = guard.find(head, body)? else {
        return Ok(None);
    };
    let verified = match guard.verdict_of(&found, head, body) {
        Verdict::Now(verdict) => verdict?,
        Verdict::Later(later) => later.await?,
    };
    Ok(Some((verified, found.place)))
}

pub(super) async fn principal<Extra: DeserializeOwned + 'static>(
    guard: &Guard,
    parts: &Parts,
) -> Result<Principal<Extra>, Refusal> {
    let verified = verify(guard, parts).await?.ok_or(Reason::TokenMissing)?;
    Principal::read(verified)
}

pub(super) fn answered<T>(
    guard: &Guard,
    parts: &Parts,
    result: Result<T, Refusal>,
) -> Result<T, Rejection> {
    result.map_err(|refusal| Rejection::new(guard, refusal, parts))
}

impl<S, Extra> FromRequestParts<S> for Principal<Extra>
where
    Guard: FromRef<S>,
    Extra: DeserializeOwned + Send + 'static,
    S: Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let guard = Guard::from_ref(state);
        let found = principal(&guard, parts).await;
        answered(&guard, parts, found)
    }
}

impl<S, Extra> OptionalFromRequestParts<S> for Principal<Extra>
where
    Guard: FromRef<S>,
    Extra: DeserializeOwned + Send + 'static,
    S: Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Rejection> {
        let guard = Guard::from_ref(state);
        let found = verify(&guard, parts).await;
        let found = found.and_then(|found| found.map(Principal::read).transpose());
        answered(&guard, parts, found)
    }
}

/// A caller who meets a requirement `R`: a [`role!`](crate::role), a [`scope!`](crate::scope),
/// [`Fresh`](crate::Fresh), [`FreshMark`](crate::FreshMark), a tuple for all of them, [`Any`](crate::Any) for one of them.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use keystile::{Fresh, Require};
///
/// keystile::role!(Admin = "admin");
///
/// async fn wipe(caller: Require<(Admin, Fresh<300>)>) -> String {
///     format!("{} wiped it", caller.sub)
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Require<R, Extra = ()> {
    /// The caller.
    pub principal: Principal<Extra>,
    requirement: PhantomData<fn() -> R>,
}

impl<R, Extra> Require<R, Extra> {
    /// The caller.
    pub fn into_principal(self) -> Principal<Extra> {
        self.principal
    }
}

impl<R, Extra> Deref for Require<R, Extra> {
    type Target = Principal<Extra>;

    fn deref(&self) -> &Principal<Extra> {
        &self.principal
    }
}

impl<S, R, Extra> FromRequestParts<S> for Require<R, Extra>
where
    Guard: FromRef<S>,
    R: Requirement,
    Extra: DeserializeOwned + Send + 'static,
    S: Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let guard = Guard::from_ref(state);
        let met = principal(&guard, parts).await.and_then(|principal| {
            R::check(principal.verified(), guard.now())?;
            Ok(Self {
                principal,
                requirement: PhantomData,
            })
        });
        answered(&guard, parts, met)
    }
}
