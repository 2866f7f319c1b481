//! For axum: extractors. The layer and the answers are those of [`http`](crate::http).

mod basic;
mod bearer;
mod extract;
mod rejection;

pub use bearer::BearerToken;
pub use extract::{Principal, Require};
pub use rejection::Rejection;
