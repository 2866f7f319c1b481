//! What the guard does with HTTP's own types, whatever framework serves them: where a request carries its token, cookies and CSRF,
//! the answers of RFC 6750, and a layer for whole services.

mod answer;
mod cookie;
pub(crate) mod credentials;
mod csrf;
mod layer;

pub(crate) use answer::Answers;
pub use answer::Rejection;
pub use cookie::TokenCookie;
pub use csrf::Csrf;
pub(crate) use csrf::FromCookie;
pub(crate) use layer::Passed;
pub use layer::{GuardLayer, GuardService, ResponseFuture};
