//! Routes that take a refresh token in the form of a JWT.

use std::ops::Deref;

use axum_core::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::extract::{Principal, answered, principal};
use super::rejection::Rejection;
use crate::Guard;

/// A guard for refresh tokens in the form of a JWT, as older systems issue them: of the same issuers as an access token's, told
/// from those by a claim. It lies in the router's state beside the [`Guard`]; a pair of both is such a state.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::{get, post}};
/// use keystile::{Guard, Principal, RefreshGuard, RefreshPrincipal};
///
/// async fn me(caller: Principal) -> String { caller.sub.clone() }
/// async fn refresh(caller: RefreshPrincipal) -> String { format!("a new token for {}", caller.sub) }
///
/// let tokens = Guard::hs256([7; 32])?.token_type("JWT");
/// let refresh_tokens = RefreshGuard::new(tokens.clone(), "type");
/// let app: Router = Router::new()
///     .route("/me", get(me))
///     .route("/refresh", post(refresh))
///     .with_state((tokens.require_claim("type", "access"), refresh_tokens));
/// # }
/// # Ok::<(), keystile::KeyError>(())
/// ```
///
/// The guard beside it must require another value of that claim, as above: one that requires none takes refresh tokens too.
///
/// Such a token is good until it expires, however often it is shown. To take each once, note its `jti` in a
/// [`TokenCheck`](crate::TokenCheck).
#[derive(Clone, Debug)]
pub struct RefreshGuard(Guard);

impl RefreshGuard {
    /// As this guard, for tokens whose claim of this name says `refresh`: `type`, say. What the guard required of that claim
    /// before does not count; all else stays.
    pub fn new(guard: Guard, claim: impl Into<String>) -> Self {
        let claim = claim.into();
        Self(guard.require_everywhere(&claim, "refresh"))
    }
}

impl Deref for RefreshGuard {
    type Target = Guard;

    fn deref(&self) -> &Guard {
        &self.0
    }
}

impl FromRef<(Self, RefreshGuard)> for Guard {
    fn from_ref((guard, _): &(Self, RefreshGuard)) -> Self {
        guard.clone()
    }
}

impl FromRef<(Guard, Self)> for RefreshGuard {
    fn from_ref((_, refresh): &(Guard, Self)) -> Self {
        refresh.clone()
    }
}

/// The caller, by a refresh token that the router's [`RefreshGuard`] verified. An access token is refused with
/// `refresh_token_needed`.
#[derive(Clone, Debug)]
pub struct RefreshPrincipal<Extra = ()>(pub Principal<Extra>);

impl<Extra> Deref for RefreshPrincipal<Extra> {
    type Target = Principal<Extra>;

    fn deref(&self) -> &Principal<Extra> {
        &self.0
    }
}

impl<S, Extra> FromRequestParts<S> for RefreshPrincipal<Extra>
where
    RefreshGuard: FromRef<S>,
    Extra: DeserializeOwned + Send + 'static,
    S: Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let RefreshGuard(guard) = RefreshGuard::from_ref(state);
        let found = principal(&guard, parts).await.map(Self);
        answered(&guard, parts, found)
    }
}
