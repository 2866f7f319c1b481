//! Accounts, sign-in and sessions for your own program. Knows no HTTP.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod accounts;
mod answer;
mod builder;
mod error;
mod limits;
mod names;
mod password;
mod request;
#[doc(hidden)]
pub mod store;

pub use accounts::Accounts;
pub use answer::{
    Account, AccountId, AccountsPage, KeyState, KeySummary, RefreshToken, Session, SessionId, SignedIn,
};
pub use builder::{AccountIds, Builder};
pub use error::{AdminError, CallerError, Fault, OpenError, RefreshError, SignInError, SignUpError};
pub use limits::GuessLimits;
pub use names::UsernameRule;
pub use password::{Hashing, PasswordPolicy};
pub use request::{AccountFilter, Caller, Changes, NewAccount, SignIn, SignUp, Which};
