//! For axum: extractors, a layer for whole routers, and the answers of RFC 6750.

mod answer;
mod basic;
mod bearer;
mod cookie;
mod credentials;
mod csrf;
mod extract;
mod layer;

pub(crate) use answer::Answers;
pub use answer::Rejection;
pub use bearer::BearerToken;
pub use cookie::TokenCookie;
pub use csrf::Csrf;
pub(crate) use csrf::FromCookie;
pub use extract::{Principal, Require};
pub use layer::{GuardLayer, GuardService, ResponseFuture};
