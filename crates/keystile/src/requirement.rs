//! What a route demands of a caller beyond a valid token, as types.

use crate::{Claims, Refusal, Timestamp};

/// Something that a caller must have. Made by [`role!`](crate::role), [`scope!`](crate::scope), [`Fresh`], tuples (all
/// of them) and [`Any`]; or implemented by an application for a type of its own.
pub trait Requirement {
    /// Passes, or says what is lacking.
    fn check(claims: &Claims, now: Timestamp) -> Result<(), Refusal>;
}

/// The caller signed in at most so many seconds ago (`auth_time`; RFC 9470).
#[derive(Debug)]
pub struct Fresh<const SECONDS: u64>;

/// Clocks may differ by so many seconds before a sign-in in the future counts as none.
const FUTURE_SKEW: i64 = 60;

impl<const SECONDS: u64> Requirement for Fresh<SECONDS> {
    fn check(claims: &Claims, now: Timestamp) -> Result<(), Refusal> {
        let fresh = claims.auth_time.is_some_and(|at| {
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

/// One of a tuple's requirements is enough. If none is met, the first one's refusal is given.
#[derive(Debug)]
pub struct Any<T>(std::marker::PhantomData<T>);

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: Requirement),+> Requirement for ($($name,)+) {
            fn check(claims: &Claims, now: Timestamp) -> Result<(), Refusal> {
                $($name::check(claims, now)?;)+
                Ok(())
            }
        }

        impl<$($name: Requirement),+> Requirement for Any<($($name,)+)> {
            fn check(claims: &Claims, now: Timestamp) -> Result<(), Refusal> {
                let mut first = None;
                $(
                    match $name::check(claims, now) {
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
        Err(Refusal::lacking(crate::Reason::RoleMissing, role))
    }
}

/// Passes if the token has the scope. What [`scope!`](crate::scope) calls.
#[doc(hidden)]
pub fn require_scope(claims: &Claims, scope: &str) -> Result<(), Refusal> {
    if claims.scope.contains(scope) {
        Ok(())
    } else {
        Err(Refusal::lacking(crate::Reason::ScopeMissing, scope))
    }
}

/// Makes a type that requires a role: `role!(Admin = "admin")`, `role!(pub Admin = "admin")`.
///
/// ```
/// use keystile::{Claims, Requirement, Timestamp};
///
/// keystile::role!(Admin = "admin");
///
/// let mut claims = Claims::new("ada", 1);
/// assert!(Admin::check(&claims, Timestamp::default()).is_err());
/// claims.roles.insert("admin");
/// assert!(Admin::check(&claims, Timestamp::default()).is_ok());
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
                claims: &$crate::Claims,
                _now: $crate::Timestamp,
            ) -> ::core::result::Result<(), $crate::Refusal> {
                $crate::__require_role(claims, $role)
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
                claims: &$crate::Claims,
                _now: $crate::Timestamp,
            ) -> ::core::result::Result<(), $crate::Refusal> {
                $crate::__require_scope(claims, $scope)
            }
        }
    };
}
