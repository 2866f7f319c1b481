//! Accounts, sign-in and sessions for your own program. Knows no HTTP.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod accounts;
mod answer;
mod builder;
mod chain;
mod dummy;
mod engine;
mod error;
mod flow;
mod follow;
mod gate;
mod keys;
mod limits;
mod names;
mod password;
mod request;
#[doc(hidden)]
pub mod store;
mod tokens;

pub use accounts::{Accounts, ServerLock};
pub use answer::{
    Account, AccountId, AccountsPage, KeyState, KeySummary, RefreshToken, Session, SessionId,
    SignedIn,
};
pub use builder::{AccountIds, Builder};
pub use error::{
    AdminError, CallerError, Fault, OpenError, RefreshError, SignInError, SignUpError,
};
#[cfg(feature = "testing")]
pub use gate::{Hold, Point};
pub use limits::GuessLimits;
pub use names::UsernameRule;
pub use password::{Hashing, PasswordError, PasswordPolicy, Passwords};
pub use request::{AccountFilter, Caller, Changes, NewAccount, SignIn, SignUp, Which};
