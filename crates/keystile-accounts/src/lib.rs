//! Accounts, sign-in and sessions for your own program.
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod store;
