//! What the guard does with HTTP's own types, whatever framework serves them: where a request carries its token, cookies and CSRF,
//! the answers of RFC 6750, and a layer for whole services.

mod answer;
mod answering;
mod cookie;
pub(crate) mod credentials;
mod csrf;
mod layer;

pub use answer::Answer;
pub(crate) use answer::Answers;
pub use answering::{Answering, Grpc, InBytes};
pub use cookie::TokenCookie;
pub use csrf::Csrf;
pub(crate) use csrf::FromCookie;
#[cfg(feature = "axum")]
pub(crate) use layer::Passed;
pub use layer::{GuardLayer, GuardService, Nothing, ResponseFuture, verified};
