//! For axum: extractors. The layer and the answers are those of [`http`](crate::http).

mod basic;
mod bearer;
mod extract;
mod loaded;
mod own;
mod refresh;
mod rejection;
mod set_cookies;

pub use bearer::BearerToken;
pub use extract::{Principal, Require};
pub use loaded::{Denied, FromCaller, Loaded};
pub use own::{Nobody, Own};
pub use refresh::{RefreshGuard, RefreshPrincipal};
pub use rejection::Rejection;
