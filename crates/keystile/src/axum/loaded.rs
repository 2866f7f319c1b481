//! What the application itself looks up of a caller, for one route: an account, or only whether they may.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;

use axum_core::extract::{FromRef, FromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};

use super::extract::{Principal, principal};
use super::rejection::Rejection;
use crate::http::Nothing;
use crate::{Guard, Reason, Refusal, Requirement};

/// What the application looks up of a verified caller, in its own state: an account's row; or, with nothing in it, a check
/// of its own for one route. A handler asks for it as [`Loaded`].
///
/// It is asked last: the token is verified, and not revoked, and what `Loaded`'s requirement says is met.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::http::{StatusCode, request::Parts};
/// use axum::{Router, extract::FromRef, routing::get};
/// use keystile::{Denied, FromCaller, Guard, Loaded, Principal, Reason};
///
/// # #[derive(Clone)] struct Database;
/// # impl Database { async fn find(&self, _: &str) -> Result<Option<Account>, std::io::Error> { Ok(None) } }
/// #[derive(Clone)]
/// struct Shop { guard: Guard, database: Database }
///
/// impl FromRef<Shop> for Guard {
///     fn from_ref(shop: &Shop) -> Self { shop.guard.clone() }
/// }
///
/// struct Account { name: String, is_barred: bool }
///
/// impl FromCaller<Shop> for Account {
///     async fn from_caller(caller: &Principal, _: &Parts, shop: &Shop) -> Result<Self, Denied> {
///         match shop.database.find(&caller.sub).await {
///             Ok(None) => Err(Reason::AccountUnknown.into()),
///             Ok(Some(account)) if account.is_barred => {
///                 Err(Denied::answered(Reason::AccessDenied, (StatusCode::FORBIDDEN, "ask the shop")))
///             }
///             Ok(Some(account)) => Ok(account),
///             Err(_) => Err(Reason::AccessUnknown.into()),
///         }
///     }
/// }
///
/// async fn hello(account: Loaded<Account>) -> String {
///     format!("Hello, {}", account.name)
/// }
///
/// # let shop = Shop { guard: Guard::hs256([7; 32])?, database: Database };
/// let app: Router = Router::new().route("/hello", get(hello)).with_state(shop);
/// # }
/// # Ok::<(), keystile::KeyError>(())
/// ```
pub trait FromCaller<S>: Sized {
    /// Looks it up. `request` is the head of the request, its path and its method among them.
    ///
    /// # Errors
    ///
    /// What refuses the caller, as a [`Reason`] or a [`Refusal`], which the guard answers in its own shape:
    /// [`AccountUnknown`](Reason::AccountUnknown) where there is no such account, [`AccessDenied`](Reason::AccessDenied) where the answer is
    /// no, [`AccessUnknown`](Reason::AccessUnknown) where it cannot be had. Or [`Denied::answered`]. It should bound its own time:
    /// the request waits as long as it does.
    fn from_caller(
        caller: &Principal,
        request: &Parts,
        state: &S,
    ) -> impl Future<Output = Result<Self, Denied>> + Send;
}

/// Why [`FromCaller`] refuses, and with which answer.
#[derive(Debug)]
pub struct Denied(Box<(Refusal, Option<Response>)>);

impl Denied {
    /// Refuses with an answer of the application's own; the reason is what [`Rejection::refusal`](crate::Rejection::refusal) says. It
    /// goes out as it is, but for two headers where it lacks them: a 401 gets its challenge (RFC 9110, section 15.5.2), and every
    /// one `Cache-Control: no-store`, since it is about one caller.
    pub fn answered(reason: impl Into<Refusal>, answer: impl IntoResponse) -> Self {
        Self(Box::new((reason.into(), Some(answer.into_response()))))
    }

    fn rejection(self, guard: &Guard, request: &Parts) -> Rejection {
        match *self.0 {
            (refusal, None) => Rejection::new(guard, refusal, request),
            (refusal, Some(mut answer)) => {
                let challenged = answer.status() == StatusCode::UNAUTHORIZED;
                let headers = answer.headers_mut();
                if let Some(challenge) = guard.challenge(&refusal).filter(|_| challenged) {
                    headers.entry(WWW_AUTHENTICATE).or_insert(challenge);
                }
                let no_store = HeaderValue::from_static("no-store");
                headers.entry(CACHE_CONTROL).or_insert(no_store);
                Rejection::with(guard, refusal, request, answer)
            }
        }
    }
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self(Box::new((refusal, None)))
    }
}

impl From<Reason> for Denied {
    fn from(reason: Reason) -> Self {
        Refusal::new(reason).into()
    }
}

/// A caller of whom the application has looked up `T`: see [`FromCaller`]. `R` is required of the token first, as by
/// [`Require`](crate::Require): `Loaded<Account, Admin>`.
pub struct Loaded<T, R = Nothing> {
    /// The caller.
    pub caller: Principal,
    /// What was looked up.
    pub value: T,
    requirement: PhantomData<fn() -> R>,
}

impl<T, R> Deref for Loaded<T, R> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug, R> fmt::Debug for Loaded<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("caller", &self.caller)
            .field("value", &self.value)
            .finish_non_exhaustive()
    }
}

impl<S, T, R> FromRequestParts<S> for Loaded<T, R>
where
    Guard: FromRef<S>,
    T: FromCaller<S> + Send,
    R: Requirement,
    S: Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let guard = Guard::from_ref(state);
        let met = principal(&guard, parts).await.and_then(|caller| {
            R::check(caller.verified(), guard.now())?;
            Ok(caller)
        });
        let caller = met.map_err(|refusal| Rejection::new(&guard, refusal, parts))?;
        let value = T::from_caller(&caller, parts, state).await;
        let value = value.map_err(|denied| denied.rejection(&guard, parts))?;
        Ok(Self {
            caller,
            value,
            requirement: PhantomData,
        })
    }
}
