//! The HTTP API over real TCP, one module per endpoint; in each the logged-out case comes first.

#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    reason = "how long a real process takes is what is asserted"
)]

mod actors;
mod admin;
mod browser;
mod caps;
mod cookies;
mod health;
mod http;
mod jwks;
mod login;
mod login_by_client;
mod logout;
mod matrix;
mod me;
mod metrics;
mod oauth;
mod openapi;
mod problems;
mod refresh;
mod secrets;
mod signup;
mod slice;
