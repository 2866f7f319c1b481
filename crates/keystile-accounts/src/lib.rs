//! Accounts, sign-in and sessions for your own program: sign people up and in, hand out tokens, guard routes.
//! Everything is in one SQLite file. The crate knows no HTTP; the guard of [`keystile`] does, for axum and tower.
//!
//! # A program
//!
//! Access tokens are signed by ES256 under a key that the store makes at the first open. Passwords are hashed by
//! Argon2id on threads of their own; guessing is limited; refresh tokens are good once.
//!
//! ```
//! use axum::{Router, routing::get};
//! use keystile::Principal;
//! use keystile_accounts::{Accounts, SignIn, SignUp};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let url = format!("sqlite://{}/shop.db", folder.path().display());
//! # let url = url.as_str();
//! async fn me(caller: Principal) -> String { format!("Hello, {}", caller.sub) }
//!
//! let accounts = Accounts::open(url).await?; // "sqlite://shop.db"
//! accounts.sign_up(SignUp::username("ada").password("correct horse battery staple")).await?;
//! let session = accounts.sign_in(SignIn::username("ada").password("correct horse battery staple")).await?;
//! let session = accounts.refresh(&session.refresh_token).await?;
//! let app: Router = Router::new().route("/me", get(me)).with_state(accounts.guard());
//! # assert!(accounts.guard().verify(&session.access_token).is_ok());
//! # drop(app);
//! # accounts.close().await;
//! # Ok(()) }
//! ```
//!
//! # HS256, claims of your own, answers of your own shape
//!
//! A program that signs and verifies for itself may do so by a secret. The secret is neither stored nor published.
//!
//! ```
//! use axum::{Json, Router, http::StatusCode, response::IntoResponse, routing::get};
//! use keystile::Principal;
//! use keystile_accounts::{Account, Accounts, SignIn, SignInError, SignUp};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Serialize, Deserialize)]
//! struct Mine { email: Option<String> }
//!
//! async fn me(caller: Principal<Mine>) -> String { caller.extra.email.clone().unwrap_or_default() }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let url = format!("sqlite://{}/cakes.db", folder.path().display());
//! # let secret = "a secret of thirty-two bytes, at the least";
//! let accounts = Accounts::builder(&url)
//!     .signing_secret(secret)
//!     .minimal_claims()
//!     .extra_claims(|account: &Account| Mine { email: account.email.clone() })
//!     .open()
//!     .await?;
//! let guard = accounts.guard().refusals(|refusal, _request| {
//!     (StatusCode::UNAUTHORIZED, Json(serde_json::json!({ "error": refusal.code() }))).into_response()
//! });
//! let app: Router = Router::new().route("/me", get(me)).with_state(guard.clone());
//!
//! accounts.sign_up(SignUp::with_email("ada@example.org").password("correct horse battery staple")).await?;
//! let session = accounts.sign_in(SignIn::email("Ada@example.org").password("correct horse battery staple")).await?;
//! let mine: Mine = guard.verify(&session.access_token)?.extra()?;
//! assert_eq!(mine.email.as_deref(), Some("ada@example.org"));
//!
//! let wrong = accounts.sign_in(SignIn::email("ada@example.org").password("no idea")).await;
//! assert!(matches!(wrong, Err(SignInError::WrongCredentials)));
//! # drop(app);
//! # accounts.close().await;
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod accounts;
mod answer;
mod backup;
mod builder;
mod chain;
mod client;
mod dummy;
mod engine;
mod error;
mod exchange;
mod feed;
mod flow;
mod follow;
mod gate;
mod heard;
mod inspect;
mod issuance;
mod keys;
mod lead;
mod limits;
#[cfg(feature = "postgres")]
mod moving;
mod names;
mod options;
mod password;
mod request;
#[doc(hidden)]
pub mod store;
mod tokens;

pub use accounts::{Accounts, ServerLock, least_key_schedule};
pub use answer::{
    Account, AccountId, AccountsPage, KeyState, KeyStep, KeySummary, KeyUse, NextStep,
    RefreshToken, Session, SessionId, SessionsPage, SignedIn, Withdrawal,
};
pub use backup::{Backup, Progress, Restore, Restored, Stop, Trusted, Undone};
pub use builder::{AccountIds, Builder};
pub use client::{
    AuthenticatedClient, Client, ClientToken, ClientsPage, CreatedClient, Introspected, NewClient,
    RefreshSummary, TokenWish,
};
pub use error::{
    AdminError, BrokenRule, CallerError, ClientAuthError, Fault, GrantError, OpenError,
    RefreshError, RevokeError, SignInError, SignUpError,
};
pub use exchange::{Exchange, ExchangeError};
pub use feed::{FeedError, FeedEvent, FeedReader, RevocationFeed};
#[cfg(feature = "testing")]
pub use gate::{Hold, Point};
pub use inspect::{
    DatabaseHost, DatabaseServer, HostState, Inspection, Schema, ServerFacts, sealing_key_id,
};
pub use issuance::Issuance;
pub use limits::GuessLimits;
#[cfg(feature = "postgres")]
pub use moving::Moved;
pub use names::UsernameRule;
pub use password::{Hashing, PasswordError, PasswordPolicy, Passwords};
pub use request::{
    AccountFilter, Begin, Caller, Changes, NewAccount, Refresh, SignIn, SignUp, Which,
};
