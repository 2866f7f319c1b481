//! What a route demands of a caller beyond a valid token, as types.

use serde::Deserialize;
use serde_json::Value;

use crate::{Claims, Reason, Refusal, Timestamp, Verified};

/// Something that a caller must have. Made by [`role!`](crate::role), [`scope!`](crate::scope), [`Fresh`], [`FreshMark`],
/// tuples (all of them) and [`Any`]; or implemented by an application for a type of its own.
///
/// ```
/// use keystile::{Reason, Refusal, Requirement, Timestamp, Verified};
///
/// #[derive(serde::Deserialize)]
/// struct Mine { admin: bool }
///
/// /// The token's own claim `admin` is `true`.
/// struct Admin;
///
/// impl Requirement for Admin {
///     fn check(token: &Verified, _now: Timestamp) -> Result<(), Refusal> {
///         match token.extra::<Mine>()?.admin {
///             true => Ok(()),
///             false => Err(Refusal::lacking(Reason::RoleMissing, "admin")),
///         }
///     }
/// }
/// ```
pub trait Requirement {
    /// Passes, or says what is lacking. The token is verified: its signature, its times and that it is not revoked.
    fn check(token: &Verified, now: Timestamp) -> Result<(), Refusal>;
}

/// The caller signed in at most so many seconds ago (`auth_time`; RFC 9470).
#[derive(Debug)]
pub struct Fresh<const SECONDS: u64>;

/// Clocks may differ by so many seconds before a sign-in in the future counts as none.
const FUTURE_SKEW: i64 = 60;

impl<const SECONDS: u64> Requirement for Fresh<SECONDS> {
    fn check(token: &Verified, now: Timestamp) -> Result<(), Refusal> {
        let fresh = token.claims().auth_time.is_some_and(|at| {
            let age = now.as_seconds().saturating_sub(at);
            age >= -FUTURE_SKEW && u64::try_from(age).unwrap_or(0) <= SECONDS
        });
        if fresh {
            Ok(())
        } else {
            Err(Refusal::not_fresh(SECONDS))
        }
    }
}

/// The token says of itself that it is fresh, in the claim `fresh`: `true`, or a time in seconds that has not passed, as
/// Flask-JWT-Extended writes it. Anything else, or nothing, is not fresh.
///
/// The issuer marks what a password was given for just now and leaves the mark out of what a refresh gives; with
/// `keystile-accounts` its `session_claims` know which it is. Where tokens carry `auth_time`, [`Fresh`] says how recent.
#[derive(Debug)]
pub struct FreshMark;

/// The claim that [`FreshMark`] reads.
#[derive(Deserialize)]
struct Marked {
    #[serde(default)]
    fresh: Value,
}

impl Requirement for FreshMark {
    fn check(token: &Verified, now: Timestamp) -> Result<(), Refusal> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a time with a fraction is compared as the fraction that it is"
        )]
        let fresh = match token.extra::<Marked>()?.fresh {
            Value::Bool(fresh) => fresh,
            Value::Number(until) => until
                .as_f64()
                .is_some_and(|until| until * 1_000.0 >= now.as_millis() as f64),
            _ => false,
        };
        if fresh {
            Ok(())
        } else {
            Err(Reason::NotFresh.into())
        }
    }
}

/// One of a tuple's requirements is enough. If none is met, the first one's refusal is given.
#[derive(Debug)]
pub struct Any<T>(std::marker::PhantomData<T>);

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: Requirement),+> Requirement for ($($name,)+) {
            fn check(token: &Verified, now: Timestamp) -> Result<(), Refusal> {
                $($name::check(token, now)?;)+
                Ok(())
            }
        }

        impl<$($name: Requirement),+> Requirement for Any<($($name,)+)> {
            fn check(token: &Verified, now: Timestamp) -> Result<(), Refusal> {
                let mut first = None;
                $(
                    match $name::check(token, now) {
                        Ok(()) => return Ok(()),
                        Err(refusal) => { first.get_or_insert(refusal); }
                    }
                )+
                first.map_or(Ok(()), Err)
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);

/// Passes if the caller has the role. What [`role!`](crate::role) calls.
#[doc(hidden)]
pub fn require_role(claims: &Claims, role: &str) -> Result<(), Refusal> {
    if claims.roles.contains(role) {
        Ok(())
    } else {
        Err(Refusal::lacking(Reason::RoleMissing, role))
    }
}

/// Passes if the token has the scope. What [`scope!`](crate::scope) calls.
#[doc(hidden)]
pub fn require_scope(claims: &Claims, scope: &str) -> Result<(), Refusal> {
    if claims.scope.contains(scope) {
        Ok(())
    } else {
        Err(Refusal::lacking(Reason::ScopeMissing, scope))
    }
}

/// Makes a type that requires a role: `role!(Admin = "admin")`, `role!(pub Admin = "admin")`.
///
/// ```
/// use keystile::{Claims, Clock, Guard, Random, Requirement, SigningKey};
/// # use std::time::Duration;
///
/// keystile::role!(Admin = "admin");
///
/// let (secret, clock) = ([7; 32], Clock::system());
/// let (key, guard) = (SigningKey::hs256(secret)?, Guard::hs256(secret)?);
/// let mut claims = Claims::lasting("ada", Duration::from_secs(60), &clock, &Random::system());
/// assert!(Admin::check(&*guard.verify(&key.issue(&claims)?)?, clock.now()).is_err());
/// claims.roles.insert("admin");
/// assert!(Admin::check(&*guard.verify(&key.issue(&claims)?)?, clock.now()).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[macro_export]
macro_rules! role {
    ($(#[$meta:meta])* $vis:vis $name:ident = $role:literal) => {
        $(#[$meta])*
        #[doc = concat!("Requires the role `", $role, "`.")]
        #[derive(Debug)]
        $vis struct $name;

        impl $crate::Requirement for $name {
            fn check(
                token: &$crate::Verified,
                _now: $crate::Timestamp,
            ) -> ::core::result::Result<(), $crate::Refusal> {
                $crate::__require_role(token.claims(), $role)
            }
        }
    };
}

/// Makes a type that requires a scope: `scope!(Read = "cakes:read")`, `scope!(pub Read = "cakes:read")`.
#[macro_export]
macro_rules! scope {
    ($(#[$meta:meta])* $vis:vis $name:ident = $scope:literal) => {
        $(#[$meta])*
        #[doc = concat!("Requires the scope `", $scope, "`.")]
        #[derive(Debug)]
        $vis struct $name;

        impl $crate::Requirement for $name {
            fn check(
                token: &$crate::Verified,
                _now: $crate::Timestamp,
            ) -> ::core::result::Result<(), $crate::Refusal> {
                $crate::__require_scope(token.claims(), $scope)
            }
        }
    };
}
