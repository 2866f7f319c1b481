//! What an application of its own asks of a caller: in a handler's signature by [`FromCaller`], as a layer by a
//! [`Requirement`] of its own.

use std::marker::PhantomData;

use axum::http::request::Parts;
use keystile::{
    Denied, FromCaller, Guard, Principal, Reason, Refusal, Requirement, Timestamp, Verified,
};

/// A rule of the application's, by the caller's name.
pub(crate) trait Rule {
    fn admit(name: &str) -> Result<(), Reason>;
}

/// The same rule as a requirement.
pub(crate) struct Of<T>(PhantomData<T>);

impl<T: Rule> Requirement for Of<T> {
    fn check(token: &Verified, _: Timestamp) -> Result<(), Refusal> {
        Ok(T::admit(&token.claims().sub)?)
    }
}

/// What is Bob's.
pub(crate) struct Bobs;

impl Rule for Bobs {
    fn admit(name: &str) -> Result<(), Reason> {
        if name == "bob" {
            Ok(())
        } else {
            Err(Reason::ResourceNotOwn)
        }
    }
}

/// Ada has an account, and nobody else.
pub(crate) struct Known;

impl Rule for Known {
    fn admit(name: &str) -> Result<(), Reason> {
        if name == "ada" {
            Ok(())
        } else {
            Err(Reason::AccountUnknown)
        }
    }
}

/// Nobody may.
pub(crate) struct Barred;

impl Rule for Barred {
    fn admit(_: &str) -> Result<(), Reason> {
        Err(Reason::AccessDenied)
    }
}

/// Nobody can be asked.
pub(crate) struct Away;

impl Rule for Away {
    fn admit(_: &str) -> Result<(), Reason> {
        Err(Reason::AccessUnknown)
    }
}

macro_rules! looked_up {
    ($($name:ident)+) => {$(
        impl FromCaller<Guard> for $name {
            async fn from_caller(caller: &Principal, _: &Parts, _: &Guard) -> Result<Self, Denied> {
                tokio::task::yield_now().await;
                Self::admit(&caller.sub)?;
                Ok(Self)
            }
        }
    )+};
}

looked_up!(Known Barred Away);
