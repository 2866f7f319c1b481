//! The token of a request as it came, for routes that take one which the guard does not verify: a refresh token.

use std::fmt;
use std::future::{Future, ready};

use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use super::rejection::Rejection;
use crate::sent::Sent;
use crate::{Guard, Reason, Refusal};

/// What stands behind `Authorization: Bearer`, or in the header that the guard reads in its place, **not verified**: for a route that takes another kind of token there than
/// the guard's, a refresh token say. The header is read as the guard reads it (RFC 6750, section 2.1), and what cannot be
/// read is refused in the guard's own shape. Only the header is looked at, even where the guard looks elsewhere too.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::post};
/// use keystile::{BearerToken, Guard};
///
/// async fn refresh(token: BearerToken) -> String {
///     format!("a token of {} bytes", token.expose().len())
/// }
///
/// let guard = Guard::hs256([7; 32])?;
/// let app: Router = Router::new().route("/refresh", post(refresh)).with_state(guard);
/// # }
/// # Ok::<(), keystile::KeyError>(())
/// ```
///
/// `Option<BearerToken>` forgives that none came, and nothing else. `Debug` does not show the token.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(Box<str>);

impl BearerToken {
    /// The token's text. Take care where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it has the form of a refresh token of `keystile-accounts`.
    pub fn is_refresh_token(&self) -> bool {
        crate::OpaqueToken::parse(crate::REFRESH_TOKEN_PREFIX, &self.0).is_some()
    }

    fn find(guard: &Guard, parts: &Parts) -> Result<Option<Self>, Refusal> {
        let found = guard.find_in_header(&parts.headers)?;
        let read = |token: Sent<'_>| Ok(Self(token.text()?.into()));
        found.map(read).transpose()
    }
}

impl AsRef<str> for BearerToken {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(redacted)")
    }
}

impl<S: Sync> FromRequestParts<S> for BearerToken
where
    Guard: FromRef<S>,
{
    type Rejection = Rejection;

    fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> impl Future<Output = Result<Self, Rejection>> + Send {
        let guard = Guard::from_ref(state);
        let found = Self::find(&guard, parts)
            .and_then(|found| found.ok_or_else(|| Refusal::new(Reason::TokenMissing)));
        ready(found.map_err(|refusal| Rejection::new(&guard, refusal, parts)))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for BearerToken
where
    Guard: FromRef<S>,
{
    type Rejection = Rejection;

    fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> impl Future<Output = Result<Option<Self>, Rejection>> + Send {
        let guard = Guard::from_ref(state);
        let found = Self::find(&guard, parts);
        ready(found.map_err(|refusal| Rejection::new(&guard, refusal, parts)))
    }
}
