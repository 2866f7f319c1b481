//! Following an issuer: its keys are found, fetched and kept up to date, so that its tokens are verified here without a
//! look-up for each.
//!
//! ```no_run
//! # async fn example() -> Result<(), keystile::FollowError> {
//! use keystile::Guard;
//!
//! let guard = Guard::issuer_at("https://id.example").audience("cakes").connect().await?;
//! # let _ = guard;
//! # Ok(())
//! # }
//! ```
//!
//! # What it does
//!
//! - **Finds the keys** by the issuer's metadata (RFC 8414, or `OpenID` Connect Discovery), which must name just this issuer;
//!   or takes the address that is given by [`Follow::keys_at`].
//! - **Keeps them fresh** in the background, by the answers' `Cache-Control` and `ETag`, within
//!   [bounds](Follow::fetch_between). Readers never wait, and never take a lock.
//! - **A key that nobody knows yet** is fetched: one fetch at a time, one each [cool-down](Follow::cool_down), whatever comes.
//!   In axum's extractors and layer, and in [`Guard::verify_async`](crate::Guard::verify_async), the token waits for it, no longer than the
//!   [time-out](Follow::timeout). [`Guard::verify`](crate::Guard::verify) does not wait; it has the keys fetched for the next token.
//! - **A server that is down** takes nothing away for [a while](Follow::serve_stale); then tokens are answered with
//!   `keys_unknown`, 503. An answer without a usable key counts as none. A key that is missing from an answer goes when
//!   three answers within a minute or more lack it.
//! - **A withdrawn key** ([`Revocations::withdraw_key`](crate::Revocations::withdraw_key)) is refused at once, whatever is
//!   published or remembered.
//! - **What the issuer revokes** is heard of by its feed, where a [`Feed`] is given: a sign-out there is felt here at once,
//!   and nothing is looked up for a request.
//! - **Addresses out of documents** lead no further into the network than the issuer itself is, whatever a name resolves
//!   to; redirects do not leave the host. Plain http is for this machine only. The system's proxy is not used.
//!
//! Opaque tokens, which say nothing themselves, are asked about one by one: [`Introspection`]. Keys that the application itself
//! looks up, one of each tenant's say: [`KeyLookup`].
//!
//! It ends with the last guard, verifier or [`Issuer`] that uses it. It runs on the tokio runtime that it was connected on
//! (with time and I/O enabled); where that has ended, the next token that needs keys brings it up on its own.

mod address;
mod client;
mod error;
mod feed;
mod follow;
mod freshness;
mod inquiry;
mod introspection;
mod issuer;
mod keeper;
mod ledger;
mod lookup;
mod metadata;
mod source;
mod status;
mod waiting;

pub use error::FollowError;
#[doc(hidden)]
pub use feed::__read;
pub use feed::{Feed, FeedChange, FeedState, FeedStatus};
pub use follow::{Follow, IssuerAt};
pub(crate) use inquiry::Asked;
pub use introspection::Introspection;
pub use issuer::Issuer;
pub use lookup::{KeyLookup, WantedKey};
pub use status::IssuerStatus;
pub(crate) use waiting::later;
