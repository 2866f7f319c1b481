//! What the guard does with HTTP's own types, whatever framework serves them: where a request carries its token, cookies and CSRF,
//! the answers of RFC 6750, metadata for clients (RFC 9728), and a layer for whole services.

mod answer;
mod answering;
mod body;
mod caching;
mod challenge;
mod cookie;
mod credentials;
mod csrf;
mod flask_jwt_extended;
mod header;
mod hearing;
mod layer;
#[cfg(feature = "utoipa")]
mod openapi;
mod pairs;
mod place;
mod places;
mod presented;
mod query;
mod read_body;
mod reading;
mod resource;
mod set_cookies;
mod shape;

pub use answer::Answer;
pub(crate) use answer::Answers;
pub use answering::{Answering, Grpc, InBytes};
pub use cookie::{CookieError, SameSite, TokenCookie};
pub use csrf::Csrf;
pub use flask_jwt_extended::FlaskJwtExtended;
pub use header::RequestHeader;
#[cfg(feature = "axum")]
pub(crate) use layer::Passed;
pub use layer::{GuardLayer, GuardService, Nothing, ResponseFuture, verified};
#[cfg(feature = "utoipa")]
#[cfg_attr(docsrs, doc(cfg(feature = "utoipa")))]
pub use openapi::ApiSecurity;
#[cfg(feature = "axum")]
pub(crate) use place::Head;
pub use place::Place;
pub(crate) use places::Places;
pub use query::TokenQuery;
pub use read_body::ReadBody;
pub use reading::{ReadingFuture, ReadingLayer, ReadingService};
pub use resource::{ProtectedResource, ResourceError, ResourceMetadata};
pub use set_cookies::SetCookies;
pub use shape::{ProblemJson, RefusalShape};
