//! Guards the routes of an HTTP API: one line a route, and the rest is right.
//!
//! ```sh
//! cargo add keystile --features axum
//! cargo add axum@0.8
//! cargo add tokio@1 --features macros,net,rt-multi-thread
//! ```
//!
//! This is the whole of a `src/main.rs`, with one route that only those who have a token get to:
//!
#![cfg_attr(feature = "axum", doc = "```no_run")]
#![cfg_attr(not(feature = "axum"), doc = "```text")]
//! use axum::{Router, routing::get};
//! use keystile::{Guard, Principal};
//!
//! async fn me(caller: Principal) -> String { format!("Hello, {}", caller.sub) }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let guard = Guard::hs256(std::env::var("TOKEN_SECRET").map_err(|_| "set TOKEN_SECRET")?)?;
//!     let app = Router::new().route("/me", get(me)).with_state(guard);
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//!     Ok(axum::serve(listener, app).await?)
//! }
//! ```
//!
//! A handler that asks for a `Principal` in a router without a [`Guard`] does not compile. Without `.with_state(guard)` rustc says of `get(me)`:
//! ``the trait bound `fn(Principal) -> … {me}: Handler<..., ()>` is not satisfied``; the `()` is the state, and no guard lies in it.
//!
//! A request without a token is answered as RFC 6750 says, with a reason that is the same in the challenge and the body, and with the
//! feature `tracing` in the log, at level `DEBUG`: see [`Reason`].
//!
//! A token gets in if its signature is the secret's, its `exp` has not passed, and these are as they must be:
//!
//! | In the token | Must be | Until |
//! |---|---|---|
//! | `typ`, in the header | `at+jwt`, as in access tokens of RFC 9068 | [`.token_type("JWT")`](Guard::token_type) |
//! | `aud` | absent | [`.audience("cakes")`](Guard::audience): then it must name that |
//! | `iss` | anything, or absent: the secret names the issuer | [`.issuer("https://id.example")`](Guard::issuer) |
//!
//! For tokens of an issuer with published keys see [`Trust`].
//!
//! To try it, make a token. As `examples/token.rs` of the same crate:
//!
//! ```no_run
//! use std::time::Duration;
//! use keystile::{Claims, Clock, Random, SigningKey};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let key = SigningKey::hs256(std::env::var("TOKEN_SECRET").map_err(|_| "set TOKEN_SECRET")?)?;
//!     let claims = Claims::lasting("ada", Duration::from_secs(900), &Clock::system(), &Random::system());
//!     println!("{}", key.issue(&claims)?);
//!     Ok(())
//! }
//! ```
//!
//! The secret has 32 bytes at least. Make one, once, and keep it out of git; then start the program:
//!
//! ```sh
//! openssl rand -hex 32 >secret && echo /secret >>.gitignore
//! TOKEN_SECRET=$(cat secret) cargo run
//! ```
//!
//! In another terminal, in the same folder:
//!
//! ```sh
//! export TOKEN_SECRET=$(cat secret)
//! curl -i http://127.0.0.1:3000/me
//! curl -i http://127.0.0.1:3000/me -H "Authorization: Bearer $(cargo run -q --example token)"
//! ```
//!
//! The first is answered 401 with `token_missing`, the second `Hello, ada`. To test your routes, move them into a
//! `fn app(guard: Guard) -> Router`, and give it the guard of a `testing::TestIssuer`: the feature `testing`.
//!
//! # What a route asks
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```text")]
//! use axum::{Router, routing::{delete, get}};
//! use keystile::{Fresh, Guard, Principal, Require};
//!
//! keystile::role!(Admin = "admin");
//! async fn hello(caller: Option<Principal>) -> String { caller.map_or("Hello, you".into(), |caller| format!("Hello, {}", caller.sub)) }
//! async fn wipe(_: Require<(Admin, Fresh<300>)>) {}
//!
//! # let secret = [7; 32];
//! let guard = Guard::hs256(secret)?.audience("cakes");
//! let app: Router = Router::new().route("/hello", get(hello)).route("/all", delete(wipe)).with_state(guard);
//! # Ok::<(), keystile::KeyError>(())
//! ```
//!
//! # Issue and verify
//!
//! ```
//! use keystile::{Algorithm, Claims, Clock, KeySet, Random, SigningKey, Trust, Verifier};
//!
//! let key = SigningKey::generate(Algorithm::Es256, &Random::system())?;
//! let expires = Clock::system().now().as_seconds() + 900;
//! let token = key.issue(&Claims {
//!     iss: Some("https://id.example".into()),
//!     aud: "cakes".into(),
//!     ..Claims::new("ada", expires)
//! })?;
//!
//! let verifier = Verifier::new(Trust {
//!     issuer: "https://id.example".into(),
//!     audience: "cakes".into(),
//!     token_type: "at+jwt".into(),
//!     keys: KeySet::from(key.verifying_key().clone()),
//! });
//! assert_eq!(verifier.verify(&token)?.claims().sub, "ada");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is where
//!
//! | For | See |
//! |---|---|
//! | guarding routes | [`Guard`], and with the feature `tower` its `layer`, with `axum` its `Principal` and `Require` |
//! | what one route asks | [`Requirement`], [`role!`], [`scope!`], [`Fresh`]; with `axum` its `Own`, `Loaded` and `RefreshPrincipal` |
//! | verifying without HTTP | [`Verifier`], [`Trust`], [`Expected`] |
//! | several issuers, each by its own rules | [`Trusted`]; keys in a file: [`KeyFile`]; an older system's tokens: [`LegacyTrust`] |
//! | issuing | [`SigningKey`], [`Claims`]; headers: [`TokenHeader`]; in the words of Flask-JWT-Extended: [`TokenMarks`] |
//! | looking at a token without trusting it | [`take_apart_unverified`] |
//! | an `OpenAPI` document | with the feature `utoipa`: `Guard::openapi` |
//! | an issuer elsewhere | with the feature `remote`: `Guard::issuer_at`, `Issuer`; what it revokes: `Feed` |
//! | publishing keys | [`KeySet`] |
//! | ending tokens before they expire | [`Revocations`]; a list of your own: [`TokenCheck`] |
//! | opaque tokens, such as refresh tokens | [`OpaqueToken`] |
//! | tests | with the feature `testing`: `testing::TestIssuer`; [`Clock::manual`], [`Random::seeded`] |
//!
//! # Features
//!
//! `tower`: a layer and answers for every tower service of HTTP requests (hyper, tonic, axum), with the types of the crate `http`
//! and of no framework. Without it no HTTP type is compiled.
//!
//! `axum`: extractors for axum 0.8, beside what `tower` gives.
//!
//! `remote`: following an issuer, whose keys are found, fetched and kept up to date; for programs on tokio. Without it no
//! HTTP client is compiled.
//!
//! `tracing`: an event for each refusal, at level `DEBUG` of the target `keystile`; it brings `tower`.
//!
//! `utoipa`: what an `OpenAPI` document says of a guard, for those of `utoipa` 6; with the feature `tower`.
//!
//! `testing`: an issuer in the process of a test, whose keys everybody has; for `[dev-dependencies]` only.
//!
//! The oldest Rust that builds it is 1.89, with every feature; a newer one is asked for in a minor version only.
//!
//! # What is strict
//!
//! A token of more than 16 KiB, padding or stray bits in base64url, a member twice in any JSON object, more than 32
//! levels, a registered claim of the wrong type, `crit`, `b64`, `zip`, `none`, an algorithm that is not the key's own: all
//! refused. `jwk`, `jku` and `x5*` are passed over. No key is ever taken from a token (RFC 8725).
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod base64url;
mod basic;
mod check;
mod claims;
mod clock;
mod compact;
mod entry;
mod guard;
mod header;
mod issue;
mod key;
mod key_file;
mod key_set;
mod legacy;
mod mapping;
mod marks;
mod payload;
mod random;
mod reason;
mod remembered;
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub mod remote;
mod requirement;
mod revocation;
mod secret;
mod sent;
mod sets;
mod strict;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
mod token_header;
mod trust;
mod trusted;
mod verify;

#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub mod axum;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub mod http;

#[cfg(feature = "axum")]
pub use self::axum::{
    BearerToken, Denied, FromCaller, Loaded, Own, Principal, RefreshGuard, RefreshPrincipal,
    Rejection, Require,
};
#[cfg(feature = "utoipa")]
pub use self::http::ApiSecurity;
#[cfg(feature = "tower")]
pub use self::http::{
    CookieError, Csrf, GuardLayer, Place, ProtectedResource, RequestHeader, SameSite, SetCookies,
    TokenCookie, TokenQuery, verified,
};
pub use basic::BasicCredentials;
pub use check::{Checked, TokenCheck};
pub use claims::Claims;
pub use clock::{Clock, Timestamp};
pub use compact::{UnverifiedParts, take_apart_unverified};
pub use guard::Guard;
pub use issue::IssueError;
pub use key::{Algorithm, KeyError, KeyId, SigningKey, VerifyingKey};
pub use key_file::{KeyFile, KeyFileError};
pub use key_set::KeySet;
pub use legacy::{LegacyKeys, LegacyTrust, LegacyTrustError};
pub use mapping::ClaimPath;
pub use marks::{Freshness, TokenKind, TokenMarks};
pub use random::Random;
pub use reason::{Reason, Refusal};
#[cfg(feature = "remote")]
pub use remote::{Feed, FeedStatus, FollowError, Issuer};
pub use requirement::{Any, Fresh, FreshMark, Requirement};
#[doc(hidden)]
pub use requirement::{require_role as __require_role, require_scope as __require_scope};
pub use revocation::{RevocationBatch, Revocations, RevocationsOf, WhenStale};
pub use secret::{OpaqueToken, REFRESH_TOKEN_PREFIX, Secret, TokenHash};
pub use sets::{Audience, Roles, Scope};
pub use token_header::TokenHeader;
pub use trust::{Expected, ExpiryRule, KeySource, SubjectRule, Trust};
pub use trusted::Trusted;
pub use verify::{Verified, Verifier};
